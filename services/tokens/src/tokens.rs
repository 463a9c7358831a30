//! What the gateway asks.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use rollcall_access::{Authenticated, BearerToken};
use rollcall_base::{Id, marker};
use rollcall_store::DirectoryRecord;
use serde::{Deserialize, Serialize};

use crate::{GrantError, GrantedToken, TokenRequest, Uses, VerifyError};

/// Who asks which directory a URL names: a client whose token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The directory that its token opens.
    pub directory: Id<marker::Directory>,
    /// Its address.
    pub from: IpAddr,
}

/// The token service as the gateway sees it: in this process, or behind a network.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// Whether `token`, presented by the client at `from`, is good now.
    ///
    /// # Errors
    /// [`VerifyError`]
    async fn verify(&self, token: &BearerToken, from: IpAddr) -> Result<Authenticated, VerifyError>;

    /// An access token for an OAuth client (RFC 6749 §4.4).
    ///
    /// # Errors
    /// [`GrantError`]
    async fn grant_token(&self, asked: TokenRequest) -> Result<GrantedToken, GrantError>;

    /// Keeps what a gateway saw of credentials' use, wholly or not at all. A report that was kept before changes nothing.
    ///
    /// # Errors
    /// [`VerifyError::Unavailable`]
    async fn report(&self, uses: Uses) -> Result<(), VerifyError>;

    /// The directory of an authenticated caller.
    ///
    /// # Errors
    /// [`VerifyError::Unavailable`]
    async fn directory(&self, id: Id<marker::Directory>) -> Result<Option<Arc<DirectoryRecord>>, VerifyError>;

    /// The directory that a URL names: a tenant's slug and a Directory ID or Name, present or former, in any case. What must be
    /// asked of the database is metered for the caller's address as an unknown token is; it costs nothing if it is the caller's
    /// own directory. `None` for the caller: a gateway of the version before, which does not say who asks, and is not metered.
    ///
    /// # Errors
    /// [`VerifyError::Unavailable`], [`VerifyError::Throttled`]
    async fn resolve(
        &self,
        tenant_slug: &str,
        key: &str,
        caller: Option<Caller>,
    ) -> Result<Option<Arc<DirectoryRecord>>, VerifyError>;
}
