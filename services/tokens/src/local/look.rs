//! What is known of tokens.

use rollcall_access::{CredentialRecord, CredentialState, Rung, TenantScope};
use rollcall_base::{Id, Timestamp, marker};
use rollcall_store::{LastUse, RefusedUse, Within};

use super::LocalTokens;
use crate::TokensError;

/// A token, where it stands, and when it was used.
#[derive(Debug, Clone)]
pub struct TokenStatus {
    /// The token.
    pub record: CredentialRecord,
    /// Where it stands.
    pub state: CredentialState,
    /// Whole days until its end, while it is good.
    pub expires_in_days: Option<u64>,
    /// The last warning of its end that is due, while it is good.
    pub expiry_warning: Option<Rung>,
    /// Its first and last use, if it was ever used.
    pub used: Option<LastUse>,
}

impl TokenStatus {
    fn new(record: CredentialRecord, used: Option<LastUse>, now: Timestamp) -> Self {
        Self {
            state: record.state(now),
            expires_in_days: record.expires_in_days(now),
            expiry_warning: record.expiry_warning(now),
            record,
            used,
        }
    }
}

impl LocalTokens {
    /// All tokens of a directory or a tenant, oldest first: expired and revoked ones too.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn list(
        &self,
        scope: &TenantScope,
        within: impl Into<Within>,
    ) -> Result<Vec<CredentialRecord>, TokensError> {
        Ok(self.store.tenant(scope).credentials(within).await?)
    }

    /// The same, with where they stand and when they were used.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn statuses(
        &self,
        scope: &TenantScope,
        within: impl Into<Within>,
    ) -> Result<Vec<TokenStatus>, TokensError> {
        let (tenant, within) = (self.store.tenant(scope), within.into());
        let mut uses = tenant.last_uses(within).await?;
        let now = self.clock.now();
        let records = tenant.credentials(within).await?.into_iter();
        Ok(records.map(|record| TokenStatus::new(record.clone(), uses.remove(&record.id), now)).collect())
    }

    /// One token. `None` if the tenant has no such token.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn status(
        &self,
        scope: &TenantScope,
        id: Id<marker::Credential>,
    ) -> Result<Option<TokenStatus>, TokensError> {
        let tenant = self.store.tenant(scope);
        let Some(record) = tenant.credential(id).await? else { return Ok(None) };
        let used = tenant.last_use(record.directory, id).await?;
        Ok(Some(TokenStatus::new(record, used, self.clock.now())))
    }

    /// A directory's refused uses since `since`, to the day: the latest first, at most `limit`.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn refusals(
        &self,
        scope: &TenantScope,
        directory: Id<marker::Directory>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<RefusedUse>, TokensError> {
        Ok(self.store.tenant(scope).refusals(directory, since, limit).await?)
    }
}
