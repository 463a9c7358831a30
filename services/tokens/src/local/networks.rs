//! Where tokens and OAuth clients may be used from.

use std::sync::Arc;

use rollcall_access::{AllowedNetworks, CredentialRecord, OAuthClientRecord, TenantScope};
use rollcall_base::{Id, marker};
use rollcall_cache::Told;
use rollcall_store::NetworksNotSet;

use super::{
    LocalTokens,
    clients::{MOST_LIVE, forget_at_once},
    rotate::forget,
    to_the_end,
};
use crate::TokensError;

/// None if there is none, an error if it is not good any more.
fn changed<T>(outcome: Result<T, NetworksNotSet>, what: &'static str) -> Result<Option<T>, TokensError> {
    match outcome {
        Ok(record) => Ok(Some(record)),
        Err(NetworksNotSet::Unknown) => Ok(None),
        Err(NetworksNotSet::NotGood(state)) => Err(TokensError::NetworksNotSet { what, state }),
    }
}

impl LocalTokens {
    /// Has a token be used from `networks` alone; none: from anywhere. `None` if the tenant has no such token.
    ///
    /// # Errors
    /// [`TokensError::NetworksNotSet`] if it is not good any more, [`TokensError::Store`]
    pub async fn set_networks(
        &self,
        scope: &TenantScope,
        id: Id<marker::Credential>,
        networks: Option<AllowedNetworks>,
    ) -> Result<Option<(CredentialRecord, Told)>, TokensError> {
        let (tenant, caches) = (self.store.tenant(scope), self.caches.clone());
        let change = async move {
            let outcome = tenant.set_networks(id, networks).await;
            let told = forget(&caches, [id]).await;
            Ok(changed(outcome?, "token")?.map(|record| (record, told)))
        };
        to_the_end(change, || TokensError::CutOff).await
    }

    /// The same for an OAuth client and the access tokens that it has. `None` if the tenant has no such client.
    ///
    /// # Errors
    /// [`TokensError::NetworksNotSet`] if it is not good any more, [`TokensError::Store`]
    pub async fn set_client_networks(
        &self,
        scope: &TenantScope,
        id: Id<marker::OAuthClient>,
        networks: Option<AllowedNetworks>,
    ) -> Result<Option<(OAuthClientRecord, Told)>, TokensError> {
        let (tenant, now) = (self.store.tenant(scope), self.clock.now());
        let (caches, clients) = (self.caches.clone(), Arc::clone(&self.clients));
        let change = async move {
            let live = tenant.live_access_tokens(id, now, MOST_LIVE).await?;
            let outcome = tenant.set_client_networks(id, networks).await;
            let tokens = match &outcome {
                Ok(Ok((_, tokens))) => tokens,
                // Of a failure nobody knows whether it was done.
                _ => &live,
            };
            let told = clients.forget(id).await.and(forget_at_once(&caches, tokens).await);
            Ok(changed(outcome?, "OAuth client")?.map(|(record, _)| (record, told)))
        };
        to_the_end(change, || TokensError::CutOff).await
    }
}
