//! Access tokens for OAuth clients (RFC 6749 §4.4): what is asked, and what comes of it.

use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};

use rollcall_access::{ClientId, ClientSecret, Scopes};
use rollcall_base::{Id, SecretText, marker};
use serde::{Deserialize, Serialize};

/// A client's request for an access token.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// Who asks.
    pub client: ClientId,
    /// With which secret; `None`: with a text that is no client secret of this service.
    pub secret: Option<ClientSecret>,
    /// For what; `None`: for all that the client may do.
    pub scopes: Option<Scopes>,
    /// Where the token is to be used (RFC 8707 §2). All of them must be the client's directory.
    pub resources: Vec<Resource>,
    /// From where.
    pub from: IpAddr,
}

/// A Base URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// The short form, which is every directory's.
    Short,
    /// The long form, which names tenant and directory.
    Directory {
        /// The tenant's slug.
        tenant: String,
        /// Directory ID or Name.
        key: String,
    },
}

/// An access token for a client.
#[derive(Debug, Clone)]
pub struct GrantedToken {
    /// The token.
    pub token: SecretText,
    /// Its record.
    pub credential: Id<marker::Credential>,
    /// The directory that it opens.
    pub directory: Id<marker::Directory>,
    /// What it may do there.
    pub scopes: Scopes,
    /// How long it is good from now on.
    pub lifetime: Duration,
}

/// Why a client gets no access token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GrantError {
    /// It shall not have one.
    #[error("{}", .0.reason)]
    Denied(GrantDenial),
    /// Too many wrong secrets were sent for this client or from this address: 429.
    #[error("too many unknown clients or wrong secrets")]
    Throttled {
        /// When another try makes sense.
        retry_after: Duration,
    },
    /// The client asks too often, or its tenant for too many at once: 429.
    #[error("too many access tokens are asked for")]
    TooMany {
        /// When another try makes sense.
        retry_after: Duration,
    },
    /// So many secrets are being checked that this one's turn did not come: 503.
    #[error("too many client secrets are being checked at the same time")]
    Busy {
        /// When another try makes sense.
        retry_after: Duration,
    },
    /// Nobody can tell at the moment: 503.
    #[error("access tokens cannot be granted at the moment")]
    Unavailable(#[source] Arc<dyn Error + Send + Sync>),
}

/// Why not, and whose business that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantDenial {
    /// Why.
    pub reason: GrantDenialReason,
    /// The client's directory, if there is such a client.
    pub directory: Option<Id<marker::Directory>>,
}

/// Why a client gets no access token, for the log. The client sees the same for the first four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum GrantDenialReason {
    /// There is no such client.
    #[error("there is no client with this id")]
    UnknownClient,
    /// The secret is not the client's.
    #[error("the secret does not belong to the client")]
    WrongSecret,
    /// Its time is over.
    #[error("the client has expired")]
    Expired,
    /// Somebody revoked it.
    #[error("the client was revoked")]
    Revoked,
    /// It may be used from certain addresses, and this is none of them.
    #[error("the client may not be used from this address")]
    OutsideNetworks,
    /// Its directory was archived.
    #[error("the client's directory is archived")]
    Archived,
    /// It asks for more than it may do.
    #[error("the client asks for scopes that it has not")]
    Scope,
    /// It asks for a token for another place than its directory.
    #[error("the client asks for a token for another resource than its directory")]
    Resource,
}
