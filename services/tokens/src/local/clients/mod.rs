//! OAuth clients: created, listed, revoked; and the access tokens that they get.

mod allowance;
mod grant;
mod guesses;
mod proof;
mod secrets;

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use rollcall_access::{AllowedNetworks, ClientId, ClientSecret, OAuthClientRecord, Scopes, TenantScope};
use rollcall_base::{DAY, Id, SecretText, marker};
use rollcall_cache::Told;
use rollcall_store::{ClientUse, DirectoryRecord, Within};

pub(crate) use self::secrets::SecretError;
pub(super) use self::{
    allowance::Allowances,
    guesses::Guesses,
    proof::{AccessToken, ClientCaches},
    secrets::SecretChecks,
};
use super::{
    Caches, LocalTokens,
    issue::{LONGEST_LIFE, check_label},
    to_the_end,
};
use crate::{TokensError, caches::CredentialKey};

/// The most live access tokens of one client. Beyond it the oldest are revoked: a client that asks again and again uses its
/// newest, and one whose oldest is still in use asks for another when that is refused, as every OAuth client does. To
/// refuse the new one would stop it altogether.
pub(in crate::local) const MOST_LIVE: u64 = 500;

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
    /// It had been revoked before.
    pub had_been: bool,
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
        check_label(&label)?;
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
        tracing::info!(client = %ClientId(record.id), directory = %record.directory, "OAuth client created");
        Ok(CreatedClient { secret: secret.to_text(), record })
    }

    /// All OAuth clients of a directory or a tenant, oldest first, with what they got: expired and revoked ones too.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn clients(
        &self,
        scope: &TenantScope,
        within: impl Into<Within>,
    ) -> Result<Vec<(OAuthClientRecord, ClientUse)>, TokensError> {
        let (tenant, within) = (self.store.tenant(scope), within.into());
        let clients = tenant.clients(within).await?.into_iter();
        let mut uses = tenant.client_uses(within, self.clock.now()).await?;
        Ok(clients.map(|client| (client.clone(), uses.remove(&client.id).unwrap_or_default())).collect())
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
        self.revoke_client_as(scope, id, false).await
    }

    /// The same, noting whether its secret or one of its tokens had `leaked`.
    ///
    /// # Errors
    /// As [`LocalTokens::revoke_client`].
    pub async fn revoke_client_as(
        &self,
        scope: &TenantScope,
        id: Id<marker::OAuthClient>,
        leaked: bool,
    ) -> Result<Option<RevokedClient>, TokensError> {
        let (tenant, now) = (self.store.tenant(scope), self.clock.now());
        let (caches, clients) = (self.caches.clone(), Arc::clone(&self.clients));
        let change = async move {
            let live = tenant.live_access_tokens(id, now, MOST_LIVE).await?;
            let revoked = tenant.revoke_client(id, now, leaked).await;
            let tokens = match &revoked {
                Ok(None) => return Ok(None),
                Ok(Some(revoked)) => &revoked.ids,
                // Of a failure nobody knows whether it was done.
                Err(_) => &live,
            };
            let told = clients.forget(id).await.and(forget_at_once(&caches, tokens).await);
            let Some(revoked) = revoked? else { return Ok(None) };
            tracing::info!(client = %ClientId(id), tokens = revoked.were_live, ?told, "OAuth client revoked");
            Ok(Some(RevokedClient { tokens: revoked.were_live, had_been: revoked.had_been, told }))
        };
        to_the_end(change, || TokensError::CutOff).await
    }
}

/// Forgets several credentials at the same time, so that a Redis that does not answer is waited for once. There are never
/// many more than [`MOST_LIVE`].
pub(in crate::local) async fn forget_at_once(caches: &Caches, ids: &[Id<marker::Credential>]) -> Told {
    let keys: Vec<CredentialKey> = ids.iter().copied().map(CredentialKey).collect();
    let told = join_all(keys.iter().map(|key| caches.credentials.invalidate(key))).await;
    told.into_iter().fold(Told::Everywhere, Told::and)
}
