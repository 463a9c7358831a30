//! Questions and answers between the gateway and this service, as they travel.

use std::{net::IpAddr, time::Duration};

use rollcall_access::{ClientId, Denial, DirectoryPolicies, DirectoryState, Life, Scopes};
use rollcall_base::{Id, SecretText, Timestamp, marker};
use rollcall_store::DirectoryRecord;
use serde::{Deserialize, Serialize};

use crate::{Caller, GrantDenial, GrantedToken, Resource};

/// Whose calls these are: stands in every signature.
pub(crate) const AUDIENCE: &str = "tokens";
/// The signature of a call, and that of its answer.
pub(crate) const SIGNATURE: &str = "x-rollcall-signature";
/// The presented token. In no other place, so that it is in no log and no trace.
pub(crate) const TOKEN: &str = "x-rollcall-token";

pub(crate) const VERIFY: &str = "/internal/tokens/verify";
pub(crate) const DIRECTORY: &str = "/internal/tokens/directory";
pub(crate) const RESOLVE: &str = "/internal/tokens/resolve";
pub(crate) const GRANT: &str = "/internal/tokens/grant";
pub(crate) const REPORT: &str = "/internal/tokens/report";

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Verify {
    /// The client's address at the edge.
    pub(crate) from: IpAddr,
}

/// [`TokenRequest`](crate::TokenRequest) without the secret, which travels where presented tokens do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) client: ClientId,
    pub(crate) scopes: Option<Scopes>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) from: IpAddr,
}

/// What came of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrantOutcome {
    Granted(Granted),
    Denied(GrantDenial),
    /// So many milliseconds later somebody will look.
    Throttled(u64),
    TooMany(u64),
    Busy(u64),
}

/// [`GrantedToken`], as it travels.
#[derive(Serialize, Deserialize)]
pub(crate) struct Granted {
    token: String,
    credential: Id<marker::Credential>,
    directory: Id<marker::Directory>,
    scopes: Scopes,
    lifetime_ms: u64,
}

impl From<&GrantedToken> for Granted {
    fn from(granted: &GrantedToken) -> Self {
        Self {
            token: granted.token.expose().to_owned(),
            credential: granted.credential,
            directory: granted.directory,
            scopes: granted.scopes,
            lifetime_ms: millis(granted.lifetime),
        }
    }
}

impl From<Granted> for GrantedToken {
    fn from(sent: Granted) -> Self {
        Self {
            token: SecretText::new(sent.token),
            credential: sent.credential,
            directory: sent.directory,
            scopes: sent.scopes,
            lifetime: Duration::from_millis(sent.lifetime_ms),
        }
    }
}

pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ById {
    pub(crate) id: Id<marker::Directory>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ByKey {
    pub(crate) tenant: String,
    pub(crate) key: String,
    /// The version before does not say it.
    #[serde(default)]
    pub(crate) caller: Option<Caller>,
}

/// Which directory it is. Nobody is throttled who did not say who asks: the version before does not know that answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Resolved {
    /// So many milliseconds later somebody will look.
    Throttled {
        throttled: u64,
    },
    Found(Option<Directory>),
}

/// What there is to say about a token.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It is good, as a signed verdict says.
    Good(String),
    /// It is refused for this reason.
    Denied(Reason),
    /// So many milliseconds later somebody will look.
    Throttled(u64),
}

/// [`Denial`], as it travels.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    Missing,
    Malformed,
    Unknown,
    WrongSecret,
    Expired,
    Revoked,
    Retired,
    OutsideNetworks,
    OtherDirectory,
    Archived,
}

macro_rules! same_reasons {
    ($($name:ident),+) => {
        impl From<Denial> for Reason {
            fn from(denial: Denial) -> Self {
                match denial { $(Denial::$name => Self::$name),+ }
            }
        }
        impl From<Reason> for Denial {
            fn from(reason: Reason) -> Self {
                match reason { $(Reason::$name => Self::$name),+ }
            }
        }
    };
}

same_reasons!(
    Missing,
    Malformed,
    Unknown,
    WrongSecret,
    Expired,
    Revoked,
    Retired,
    OutsideNetworks,
    OtherDirectory,
    Archived
);

impl Outcome {
    pub(crate) fn throttled(retry_after: Duration) -> Self {
        Self::Throttled(millis(retry_after))
    }
}

/// [`DirectoryRecord`], as it travels.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Directory {
    id: Id<marker::Directory>,
    tenant: Id<marker::Tenant>,
    tenant_slug: String,
    directory_id: String,
    directory_name: String,
    client_kind: String,
    state: DirectoryState,
    #[serde(default)]
    client_profile: Option<String>,
    // The version before sends the state alone.
    #[serde(default)]
    life: Option<Life>,
    #[serde(default)]
    policies: DirectoryPolicies,
    created_at: i64,
}

impl From<&DirectoryRecord> for Directory {
    fn from(record: &DirectoryRecord) -> Self {
        Self {
            id: record.id,
            tenant: record.tenant,
            tenant_slug: record.tenant_slug.clone(),
            directory_id: record.directory_id.clone(),
            directory_name: record.directory_name.clone(),
            client_kind: record.client_kind.clone(),
            state: record.life.state(),
            client_profile: record.client_profile.clone(),
            life: Some(record.life),
            policies: record.policies,
            created_at: record.created_at.as_micros(),
        }
    }
}

impl From<Directory> for DirectoryRecord {
    fn from(sent: Directory) -> Self {
        Self {
            id: sent.id,
            tenant: sent.tenant,
            tenant_slug: sent.tenant_slug,
            directory_id: sent.directory_id,
            directory_name: sent.directory_name,
            client_kind: sent.client_kind,
            client_profile: sent.client_profile,
            life: sent.life.unwrap_or_else(|| sent.state.into()),
            policies: sent.policies,
            created_at: Timestamp::from_micros(sent.created_at),
        }
    }
}
