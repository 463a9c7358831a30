//! Grants: what the gateway found out about a request, for the service that it forwards the request to.

use rollcall_base::{Id, Timestamp, marker};
use serde::{Deserialize, Serialize};

use super::{InternalKeys, SealError, check_moment, digest, seal};
use crate::{Authenticated, DirectorySettings, Scopes};

/// The one request that a grant is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForwardedRequest<'a> {
    /// The service that shall serve it, such as `directory`.
    pub audience: &'a str,
    /// Its method.
    pub method: &'a str,
    /// Its path and query, exactly as they are sent.
    pub target: &'a str,
}

/// What a grant says.
#[derive(Debug, Clone)]
pub struct Granted {
    /// Who asks, and what they may touch.
    pub authenticated: Authenticated,
    /// What holds for the directory.
    pub settings: DirectorySettings,
    /// The directory's Base URL.
    pub base_url: String,
    /// The request's id at the edge.
    pub request_id: String,
}

/// Why a grant was not accepted. For the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// The request came without one.
    #[error("the request carries no grant")]
    Missing,
    /// It is not good.
    #[error("the request's grant is not good: {0}")]
    Refused(#[from] SealError),
}

#[derive(Serialize, Deserialize)]
struct Content {
    audience: String,
    signed_at: i64,
    tenant: Id<marker::Tenant>,
    directory: Id<marker::Directory>,
    credential: Id<marker::Credential>,
    scopes: Scopes,
    ends_at: i64,
    // A gateway of the version before does not send it.
    #[serde(default)]
    settings: DirectorySettings,
    base_url: String,
    request_id: String,
    request: [u8; 32],
}

impl InternalKeys {
    /// A grant for `request`, good for [`super::SIGNED_FOR`] around `now`.
    pub fn grant(&self, granted: &Granted, request: &ForwardedRequest<'_>, now: Timestamp) -> String {
        let authenticated = &granted.authenticated;
        seal::seal(
            &self.grants,
            &Content {
                audience: request.audience.to_owned(),
                signed_at: now.as_micros(),
                tenant: authenticated.tenant(),
                directory: authenticated.directory(),
                credential: authenticated.credential(),
                scopes: authenticated.scopes(),
                ends_at: authenticated.ends_at().as_micros(),
                settings: granted.settings,
                base_url: granted.base_url.clone(),
                request_id: granted.request_id.clone(),
                request: request.digest(),
            },
        )
    }

    /// What `grant` says, if it was made for `request` and is good at `now`.
    ///
    /// # Errors
    /// [`GrantError::Refused`]
    pub fn redeem(&self, grant: &str, request: &ForwardedRequest<'_>, now: Timestamp) -> Result<Granted, GrantError> {
        let content: Content = seal::open(&self.grants, grant)?;
        check_moment(content.signed_at, now)?;
        if content.audience != request.audience || content.request != request.digest() {
            return Err(SealError::OtherUse.into());
        }
        Ok(Granted {
            authenticated: Authenticated {
                credential: content.credential,
                tenant: content.tenant,
                directory: content.directory,
                scopes: content.scopes,
                networks: None, // looked at by the gateway
                ends_at: Timestamp::from_micros(content.ends_at),
            },
            settings: content.settings,
            base_url: content.base_url,
            request_id: content.request_id,
        })
    }
}

impl ForwardedRequest<'_> {
    fn digest(&self) -> [u8; 32] {
        digest(&[self.method.as_bytes(), self.target.as_bytes()])
    }
}
