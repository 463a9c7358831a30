//! A token is refused from now on.

use rollcall_access::TenantScope;
use rollcall_base::{Id, marker};
use rollcall_cache::Told;

use super::{LocalTokens, rotate::forget, to_the_end};
use crate::TokensError;

/// What came of a revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// Who was told.
    pub told: Told,
    /// It had been revoked before.
    pub had_been: bool,
    /// Tokens whose place it was to take: they stay, so that nobody is left without one.
    pub kept: Vec<Id<marker::Credential>>,
}

impl LocalTokens {
    /// Revokes a token: when this returns, this process refuses it, and all others do that were told. Those that were not
    /// follow within half a second on SQLite, within [`crate::TokensConfig::LONGEST_TTL`] on PostgreSQL. `None` if the tenant has
    /// no such token.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn revoke(&self, scope: &TenantScope, id: Id<marker::Credential>) -> Result<Option<Told>, TokensError> {
        Ok(self.revoke_as(scope, id, false).await?.map(|revoked| revoked.told))
    }

    /// The same, saying what became of the tokens whose place it was to take, and noting whether it had `leaked`.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn revoke_as(
        &self,
        scope: &TenantScope,
        id: Id<marker::Credential>,
        leaked: bool,
    ) -> Result<Option<Revoked>, TokensError> {
        let (tenant, caches, now) = (self.store.tenant(scope), self.caches.clone(), self.clock.now());
        let change = async move {
            let waiting = tenant.waiting_for(id).await?;
            let revoked = tenant.revoke_credential(id, now, leaked).await;
            if matches!(revoked, Ok(None)) {
                return Ok(None);
            }
            // Of a failure nobody knows whether it was done.
            let told = forget(&caches, waiting.into_iter().chain([id])).await;
            let revoked = revoked?;
            Ok(revoked.map(|revoked| Revoked { told, had_been: revoked.had_been, kept: revoked.kept }))
        };
        to_the_end(change, || TokensError::CutOff).await
    }
}
