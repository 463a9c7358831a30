//! OAuth clients: created, listed, revoked; and the access tokens that they get.

mod allowance;
mod grant;
mod guesses;
mod proof;
mod secrets;

use std::time::Duration;

use futures_util::future::join_all;
use rollcall_access::{AllowedNetworks, ClientSecret, OAuthClientRecord, Scopes, TenantScope};
use rollcall_base::{Id, SecretText, marker};
use rollcall_cache::Told;
use rollcall_store::{ClientUse, DirectoryRecord};

pub(crate) use self::secrets::SecretError;
pub(super) use self::{
    allowance::Allowances,
    guesses::Guesses,
    proof::{AccessToken, ClientCaches},
    secrets::SecretChecks,
};
use super::{
    LocalTokens,
    issue::{DAY, LONGEST_LIFE},
};
use crate::{TokensError, caches::CredentialKey};

const LONGEST_LABEL: usize = 200;

/// An OAuth client to be created.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// How long it may get access tokens: 1 to 730 days, and no longer than the tenant's policy allows a token; `None`: as
    /// long as that.
    pub lifetime: Option<Duration>,
    /// For people, to tell several apart: at most 200 characters.
    pub label: String,
    /// What its access tokens may do at most.
    pub scopes: Scopes,
    /// Where it and its access tokens may be used from; `None`: from anywhere.
    pub networks: Option<AllowedNetworks>,
}

/// An OAuth client that was just created.
#[derive(Debug)]
pub struct CreatedClient {
    /// Its secret: to be shown once, it cannot be had again.
    pub secret: SecretText,
    /// What is kept of it.
    pub record: OAuthClientRecord,
}

/// An OAuth client that was just revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevokedClient {
    /// How many access tokens of it were live.
    pub tokens: u64,
    /// Who knows.
    pub told: Told,
}

impl LocalTokens {
    /// A new OAuth client for `directory` as `new` says.
    ///
    /// # Errors
    /// [`TokensError`]
    pub async fn create_client(
        &self,
        scope: &TenantScope,
        directory: &DirectoryRecord,
        new: NewClient,
    ) -> Result<CreatedClient, TokensError> {
        let NewClient { lifetime, label, scopes, networks } = new;
        let longest = self.policy(scope).await?.longest_token_days;
        let lifetime = lifetime.unwrap_or(DAY * longest);
        let days = lifetime.as_secs() / DAY.as_secs();
        if lifetime < DAY || lifetime > DAY * LONGEST_LIFE {
            return Err(TokensError::ClientLifetime { days });
        }
        if lifetime > DAY * longest {
            return Err(TokensError::ClientLifetimeOfPolicy { days, longest });
        }
        if label.chars().count() > LONGEST_LABEL {
            return Err(TokensError::Label { most: LONGEST_LABEL });
        }
        if directory.tenant != scope.tenant() {
            return Err(TokensError::OtherTenant);
        }
        let secret = ClientSecret::generate(&*self.entropy);
        let secret_hash = secrets::hash(secret.clone(), self.entropy.clone()).await?;
        let now = self.clock.now();
        let record = OAuthClientRecord {
            id: Id::new(now, &*self.entropy),
            tenant: directory.tenant,
            directory: directory.id,
            secret_hash,
            scopes,
            networks,
            label,
            created_at: now,
            expires_at: now.plus(lifetime),
            revoked_at: None,
        };
        self.store.tenant(scope).insert_client(&record).await?;
        tracing::info!(client = %record.id, directory = %record.directory, "OAuth client created");
        Ok(CreatedClient { secret: secret.to_text(), record })
    }

    /// All OAuth clients of a directory, oldest first: expired and revoked ones too.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn clients(
        &self,
        scope: &TenantScope,
        directory: Id<marker::Directory>,
    ) -> Result<Vec<OAuthClientRecord>, TokensError> {
        Ok(self.store.tenant(scope).clients(directory).await?)
    }

    /// What one of the tenant's OAuth clients got.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn client_use(&self, scope: &TenantScope, id: Id<marker::OAuthClient>) -> Result<ClientUse, TokensError> {
        Ok(self.store.tenant(scope).client_use(id, self.clock.now()).await?)
    }

    /// Revokes an OAuth client with all of its access tokens: when this returns, this process refuses both, and all others
    /// do that were told; for those that were not, as [`LocalTokens::revoke`] says. `None` if the tenant has no such
    /// client.
    ///
    /// # Errors
    /// [`TokensError::Store`]. Whether it was done is not known then; to be called again.
    pub async fn revoke_client(
        &self,
        scope: &TenantScope,
        id: Id<marker::OAuthClient>,
    ) -> Result<Option<RevokedClient>, TokensError> {
        let revoked = self.store.tenant(scope).revoke_client(id, self.clock.now()).await;
        if matches!(revoked, Ok(None)) {
            return Ok(None);
        }
        // Of a failure nobody knows whether it was done.
        let client_told = self.clients.forget(id).await;
        let Some(tokens) = revoked? else { return Ok(None) };
        let told = self.forget_credentials(&tokens.ids).await.and(client_told);
        tracing::info!(client = %id, tokens = tokens.were_live, ?told, "OAuth client revoked");
        Ok(Some(RevokedClient { tokens: tokens.were_live, told }))
    }

    /// Forgets several credentials at the same time, so that a Redis that does not answer is waited for once.
    async fn forget_credentials(&self, ids: &[Id<marker::Credential>]) -> Told {
        let keys: Vec<CredentialKey> = ids.iter().copied().map(CredentialKey).collect();
        let told = join_all(keys.iter().map(|key| self.caches.credentials.invalidate(key))).await;
        told.into_iter().fold(Told::Everywhere, Told::and)
    }
}
