//! Access tokens for clients that are who they say.

use std::{error::Error, sync::Arc, time::Duration};

use rollcall_access::{
    BearerToken, ClientId, CredentialRecord, JobScope, OAuthClientRecord, Origin, Scopes, TokenKind,
};
use rollcall_base::Id;
use rollcall_store::{Granted, StoreError};

use super::{AccessToken, MOST_LIVE, forget_at_once};
use crate::{
    Caller, GrantDenial, GrantDenialReason as Reason, GrantError, GrantedToken, Resource, TokenRequest, VerifyError,
    local::{LocalTokens, PepperError, to_the_end},
};

/// Why a token was not made. Shared by all who waited for it.
#[derive(Debug, thiserror::Error)]
enum IssueError {
    #[error("the client was revoked or has expired")]
    ClientIsGone,
    #[error("the grant was cut off")]
    CutOff,
    #[error(transparent)]
    Pepper(#[from] PepperError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn unavailable(error: impl Error + Send + Sync + 'static) -> GrantError {
    GrantError::Unavailable(Arc::new(error))
}

fn of_lookup(error: VerifyError) -> GrantError {
    match error {
        VerifyError::Unavailable(source) => GrantError::Unavailable(source),
        VerifyError::Throttled { retry_after } => GrantError::Throttled { retry_after },
        other => unavailable(other),
    }
}

impl LocalTokens {
    pub(in crate::local) async fn grant(&self, asked: TokenRequest) -> Result<GrantedToken, GrantError> {
        let client = self.proven_client(&asked).await?;
        let too_many = |retry_after| GrantError::TooMany { retry_after };
        let _under_way = self.allowances.take(client.id, client.tenant, self.clock.now()).map_err(too_many)?;
        self.refuse_unfit(&client, &asked).await?;
        let scopes = asked.scopes.unwrap_or(client.scopes);
        if !client.scopes.contain(scopes) {
            return Err(denied(Reason::Scope, &client));
        }
        // In a box: what hangs on it is too deep for one type.
        let access = Box::pin(self.access_token(&client, scopes, &asked)).await?;
        Ok(GrantedToken {
            token: access.token.to_text(),
            credential: access.token.id(),
            directory: client.directory,
            scopes,
            lifetime: access.expires_at.since(self.clock.now()),
        })
    }

    /// Refuses a client that may have nothing, or not from here, or not for that.
    async fn refuse_unfit(&self, client: &OAuthClientRecord, asked: &TokenRequest) -> Result<(), GrantError> {
        let now = self.clock.now();
        if client.revoked_at.is_some() {
            return Err(denied(Reason::Revoked, client));
        }
        if client.expires_at <= now {
            return Err(denied(Reason::Expired, client));
        }
        match client.networks.as_ref().map(|allowed| allowed.origin(asked.from)) {
            Some(Origin::Outside) => return Err(denied(Reason::OutsideNetworks, client)),
            Some(Origin::Observed) => {
                tracing::info!(client = %ClientId(client.id), "the client asks from outside its networks, which is only observed");
            }
            Some(Origin::Inside) | None => {}
        }
        let directory = self.directory_by_id(client.directory).await.map_err(of_lookup)?;
        if directory.is_none_or(|directory| directory.life.archived) {
            return Err(denied(Reason::Archived, client));
        }
        for resource in &asked.resources {
            let Resource::Directory { tenant, key } = resource else { continue };
            let caller = Caller { directory: client.directory, from: asked.from };
            let named = self.directory_by_key(tenant, key, Some(caller)).await.map_err(of_lookup)?;
            if named.is_none_or(|named| named.id != client.directory) {
                return Err(denied(Reason::Resource, client));
            }
        }
        Ok(())
    }

    /// A token for the client: the one that it got a moment ago for the same, if that is still good, or a new one.
    async fn access_token(
        &self,
        client: &Arc<OAuthClientRecord>,
        scopes: Scopes,
        asked: &TokenRequest,
    ) -> Result<Arc<AccessToken>, GrantError> {
        let wanted = (client.id, scopes.bits());
        let granted = &self.clients.granted;
        let issue = || async { Ok(Some(Arc::new(self.issue_access_token(client, scopes).await?))) };
        let issued = |outcome: Result<Option<Arc<AccessToken>>, Arc<IssueError>>| match outcome {
            Ok(access) => access.ok_or_else(|| denied(Reason::Revoked, client)),
            Err(error) if matches!(*error, IssueError::ClientIsGone) => Err(denied(Reason::Revoked, client)),
            Err(error) => Err(GrantError::Unavailable(error)),
        };
        let access = issued(granted.get_or_try_load(&wanted, issue).await)?;
        // Somebody may have revoked that one token, or the clock may have gone on.
        if matches!(self.verify_token(&access.token, asked.from).await, Err(VerifyError::Denied(_))) {
            let _ = granted.invalidate(&wanted).await;
            return issued(granted.get_or_try_load(&wanted, issue).await);
        }
        Ok(access)
    }

    async fn issue_access_token(&self, client: &OAuthClientRecord, scopes: Scopes) -> Result<AccessToken, IssueError> {
        let scope = JobScope::of_service("tokens").tenant(client.tenant);
        let data_key = self.peppers.newest(&scope).await?.id;
        let (now, directory) = (self.clock.now(), client.directory);
        let token = BearerToken::generate(TokenKind::Access, Id::new(now, &*self.entropy), &*self.entropy);
        let record = CredentialRecord {
            id: token.id(),
            tenant: client.tenant,
            directory: client.directory,
            data_key,
            hash: self.peppers.for_making(&self.peppers.place(data_key), |secret| token.hash(secret)).await?,
            client: Some(client.id),
            scopes,
            networks: client.networks.clone(),
            label: client.label.clone(),
            created_at: now,
            // To the second, as the answer says it.
            expires_at: now.plus(Duration::from_secs(self.token_lifetime.as_secs())).min(client.expires_at),
            revoked_at: None,
            rotation: None,
        };
        let (tenant, caches) = (self.store.tenant(&scope), self.caches.clone());
        let (credential, expires_at, client) = (record.id, record.expires_at, ClientId(client.id));
        let change = async move {
            let granted = tenant.insert_access_token(&record, MOST_LIVE).await;
            let retired = match &granted {
                Ok(Granted::Kept(retired)) => retired.clone(),
                Ok(Granted::ClientIsGone) => Vec::new(),
                // Of a failure nobody knows whether it was done. If they cannot be had either, they are read anew before long.
                Err(_) => tenant.in_the_way_of(&record, MOST_LIVE).await.unwrap_or_default(),
            };
            let told = forget_at_once(&caches, &retired).await;
            let granted = granted?;
            if !retired.is_empty() {
                tracing::info!(%client, tokens = retired.len(), ?told, "a client's oldest tokens were revoked");
            }
            Ok(granted)
        };
        match to_the_end(change, || IssueError::CutOff).await? {
            Granted::ClientIsGone => Err(IssueError::ClientIsGone),
            Granted::Kept(_) => {
                self.throttle.remember(credential, expires_at);
                tracing::info!(%credential, %client, %directory, "access token granted");
                Ok(AccessToken { token, expires_at })
            }
        }
    }
}

fn denied(reason: Reason, client: &OAuthClientRecord) -> GrantError {
    GrantError::Denied(GrantDenial { reason, directory: Some(client.directory) })
}
