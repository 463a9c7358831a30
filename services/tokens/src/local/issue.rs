//! Issue, list, revoke.

use std::time::Duration;

use rollcall_access::{AllowedNetworks, BearerToken, CredentialRecord, Scopes, TenantScope, TokenKind};
use rollcall_base::{Id, SecretText, marker};
use rollcall_cache::Told;
use rollcall_store::DirectoryRecord;

use super::LocalTokens;
use crate::{TokensError, caches::CredentialKey};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LONGEST_LABEL: usize = 200;

/// A token to be issued.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// How long it is good: 1 to 730 days.
    pub lifetime: Duration,
    /// For people, to tell several apart: at most 200 characters.
    pub label: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Where it may be used from; `None`: from anywhere.
    pub networks: Option<AllowedNetworks>,
}

impl NewToken {
    /// One that lives for `lifetime` and may do everything, from anywhere.
    pub const fn living(lifetime: Duration) -> Self {
        Self { lifetime, label: String::new(), scopes: Scopes::ALL, networks: None }
    }
}

/// A token that was just issued.
#[derive(Debug)]
pub struct Issued {
    /// The token: to be shown once, it cannot be had again.
    pub token: SecretText,
    /// What is kept of it.
    pub record: CredentialRecord,
}

impl LocalTokens {
    /// A new token for `directory` as `new` says. Needs a data key that the key service has confirmed lately.
    ///
    /// # Errors
    /// [`TokensError`]
    pub async fn issue(
        &self,
        scope: &TenantScope,
        directory: &DirectoryRecord,
        new: NewToken,
    ) -> Result<Issued, TokensError> {
        let NewToken { lifetime, label, scopes, networks } = new;
        if lifetime < DAY || lifetime > 730 * DAY {
            return Err(TokensError::Lifetime { days: lifetime.as_secs() / DAY.as_secs() });
        }
        if label.chars().count() > LONGEST_LABEL {
            return Err(TokensError::Label { most: LONGEST_LABEL });
        }
        if directory.tenant != scope.tenant() {
            return Err(TokensError::OtherTenant);
        }
        let data_key = self.peppers.newest(scope).await?.id;
        let now = self.clock.now();
        let token = BearerToken::generate(TokenKind::Static, Id::new(now, &*self.entropy), &*self.entropy);
        let record = CredentialRecord {
            id: token.id(),
            tenant: directory.tenant,
            directory: directory.id,
            data_key,
            hash: self.peppers.for_making(&self.peppers.place(data_key), |secret| token.hash(secret)).await?,
            client: None,
            scopes,
            networks,
            label,
            created_at: now,
            expires_at: now.plus(lifetime),
            revoked_at: None,
            rotation: None,
        };
        self.store.tenant(scope).insert_credential(&record).await?;
        tracing::info!(credential = %record.id, directory = %record.directory, "token issued");
        Ok(Issued { token: token.to_text(), record })
    }

    /// All tokens of a directory, oldest first: expired and revoked ones too.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn list(
        &self,
        scope: &TenantScope,
        directory: Id<marker::Directory>,
    ) -> Result<Vec<CredentialRecord>, TokensError> {
        Ok(self.store.tenant(scope).credentials(directory).await?)
    }

    /// Revokes a token: when this returns, this process refuses it, and all others do that were told. Those that were not
    /// follow within half a second on SQLite, within [`crate::TokensConfig::LONGEST_TTL`] on PostgreSQL. `None` if the tenant has
    /// no such token.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn revoke(&self, scope: &TenantScope, id: Id<marker::Credential>) -> Result<Option<Told>, TokensError> {
        let revoked = self.store.tenant(scope).revoke_credential(id, self.clock.now()).await;
        if matches!(revoked, Ok(false)) {
            return Ok(None);
        }
        // Of a failure nobody knows whether it was done.
        let told = self.caches.credentials.invalidate(&CredentialKey(id)).await;
        revoked?;
        tracing::info!(credential = %id, ?told, "token revoked");
        Ok(Some(told))
    }
}
