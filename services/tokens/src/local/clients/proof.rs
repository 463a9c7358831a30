//! Whether a client is who it says, and what is remembered of that for a while.

use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};

use rollcall_access::{BearerToken, ClientSecret, OAuthClientRecord};
use rollcall_base::{Entropy, Id, Secret32, Timestamp, marker};
use rollcall_cache::{Cache, CacheKey, CacheLimits, Tiers, Told};
use rollcall_store::StoreError;

use super::secrets::{Asker, SecretError};
use crate::{
    GrantDenial, GrantDenialReason, GrantError, TokenRequest,
    caches::{LoadFailure, load_for},
    local::LocalTokens,
    throttle::{About, Taken},
};

/// What is known of an OAuth client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::local) struct ClientKey(Id<marker::OAuthClient>);

impl CacheKey for ClientKey {
    const NAME: &'static str = "oauth-client";

    fn slot(&self) -> String {
        self.0.to_string()
    }

    fn rest(&self) -> String {
        String::new()
    }
}

/// A client with a secret that was right, by the keyed hash of that: another secret is another entry.
type Proven = (Id<marker::OAuthClient>, [u8; 32]);

/// A client, and the bits of the scopes that it asked for.
type Wanted = (Id<marker::OAuthClient>, u16);

/// An access token that was just granted.
pub(in crate::local) struct AccessToken {
    pub(super) token: BearerToken,
    pub(super) expires_at: Timestamp,
}

/// What this process remembers of clients, so that one which asks for a token before each of its requests costs neither a
/// memory-hard hash nor a row each time. It is forgotten when the client is revoked, wherever that is done.
pub(in crate::local) struct ClientCaches {
    /// Under it secrets are known here: none is kept in memory.
    pub(super) key: Secret32,
    pub(super) proven: Cache<Proven, Arc<OAuthClientRecord>>,
    /// The one place in which access tokens themselves are kept: in memory, for as long as anything is remembered.
    pub(super) granted: Cache<Wanted, Arc<AccessToken>>,
    /// Holds nothing; through it others hear of a revocation.
    told: Cache<ClientKey, ()>,
}

impl ClientCaches {
    pub(in crate::local) fn new(limits: CacheLimits, tiers: &Tiers, entropy: &dyn Entropy) -> Self {
        Self {
            key: Secret32::random(entropy),
            proven: Cache::following("client-secret", limits, tiers, |proven: &Proven| ClientKey(proven.0)),
            granted: Cache::following("access-token", limits, tiers, |wanted: &Wanted| ClientKey(wanted.0)),
            told: Cache::new(limits, tiers),
        }
    }

    /// Forgets a client, here and everywhere.
    pub(in crate::local) async fn forget(&self, id: Id<marker::OAuthClient>) -> Told {
        // All entries of these two hang on the client: any of its keys stands for all.
        let _ = self.proven.invalidate(&(id, [0; 32])).await;
        let _ = self.granted.invalidate(&(id, 0)).await;
        self.told.invalidate(&ClientKey(id)).await
    }

    pub(in crate::local) fn clear(&self) {
        self.proven.clear();
        self.granted.clear();
    }
}

/// Why a secret did not prove anything. Shared by all who sent the same and waited for its check.
#[derive(Debug, thiserror::Error)]
enum ProofError {
    #[error("{}", .0.reason)]
    Denied(GrantDenial),
    #[error("too many unknown clients or wrong secrets")]
    Throttled(Duration),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoadFailure for ProofError {
    type Answer = GrantError;

    fn answer(self: &Arc<Self>, asked_first: bool) -> Option<GrantError> {
        match **self {
            Self::Denied(denial) => Some(GrantError::Denied(denial)),
            // It was another address that asked too often; this one asks for itself.
            Self::Throttled(_) if !asked_first => None,
            Self::Throttled(retry_after) => Some(GrantError::Throttled { retry_after }),
            Self::Secret(SecretError::Busy(retry_after)) => Some(GrantError::Busy { retry_after }),
            _ => Some(GrantError::Unavailable(Arc::clone(self) as Arc<dyn Error + Send + Sync>)),
        }
    }
}

fn denied(reason: GrantDenialReason, client: Option<&OAuthClientRecord>) -> ProofError {
    ProofError::Denied(GrantDenial { reason, directory: client.map(|client| client.directory) })
}

impl LocalTokens {
    /// The client that `asked`, if its secret is right: whether or not it may have anything.
    pub(super) async fn proven_client(&self, asked: &TokenRequest) -> Result<Arc<OAuthClientRecord>, GrantError> {
        let id = asked.client.0;
        let unknown = GrantError::Denied(GrantDenial { reason: GrantDenialReason::UnknownClient, directory: None });
        let Some(secret) = &asked.secret else {
            // Nothing to hash, whether or not there is such a client; its admin should know all the same.
            let refused = Arc::new(self.refuse_malformed(id, asked.from).await);
            return Err(refused.answer(true).unwrap_or(unknown));
        };
        let load = |from| self.prove(id, secret, from);
        let presented = (id, secret.keyed(&self.clients.key));
        load_for(&self.clients.proven, &presented, asked.from, load).await?.ok_or(unknown)
    }

    async fn prove(
        &self,
        id: Id<marker::OAuthClient>,
        secret: &ClientSecret,
        from: IpAddr,
    ) -> Result<Option<Arc<OAuthClientRecord>>, ProofError> {
        let (asker, taken) = self.admit_guess(id, from).map_err(ProofError::Throttled)?;
        let client = self.verification.oauth_client(id).await?;
        let hash = client.as_ref().map(|client| client.secret_hash.clone());
        let is_right = self.secret_checks.check(asker, secret.clone(), hash).await?;
        let Some(client) = client else { return Err(denied(GrantDenialReason::UnknownClient, None)) };
        if !is_right {
            return Err(denied(GrantDenialReason::WrongSecret, Some(&client)));
        }
        self.throttle.was_good(from, Some(taken));
        self.guesses.was_good(id, from, asker, self.clock.now());
        Ok(Some(Arc::new(client)))
    }

    async fn refuse_malformed(&self, id: Id<marker::OAuthClient>, from: IpAddr) -> ProofError {
        let refused = async {
            // It is no try at the client's secret: what it costs is one question.
            self.throttle.admit(About::Client, from).map_err(ProofError::Throttled)?;
            let client = self.verification.oauth_client(id).await?;
            let reason =
                if client.is_some() { GrantDenialReason::WrongSecret } else { GrantDenialReason::UnknownClient };
            Ok(denied(reason, client.as_ref()))
        };
        refused.await.unwrap_or_else(|error: ProofError| error)
    }

    /// The meter of the client's tries from there comes first, so that what it refuses takes nothing of what others share.
    fn admit_guess(&self, id: Id<marker::OAuthClient>, from: IpAddr) -> Result<(Asker, Taken), Duration> {
        let asker = self.guesses.admit(id, from, self.clock.now())?;
        let taken = match asker {
            Asker::Known => self.throttle.admit_alone(from),
            Asker::Stranger => self.throttle.admit(About::Client, from),
        };
        Ok((asker, taken.inspect_err(|_| self.guesses.give_back(id, from, asker))?))
    }
}
