//! The service behind a network, as the gateway of a split installation asks it.

use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use rollcall_access::{Authenticated, BearerToken, Denial, InternalCall, InternalKeys, SealError};
use rollcall_base::{Clock, Entropy, Id, Secret32, SecretText, marker};
use rollcall_cache::{Cache, CacheLimits, Tiers};
use rollcall_runtime::{Peers, telemetry::trace_headers};
use rollcall_store::DirectoryRecord;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Caller, GrantError, GrantedToken, TokenRequest, Tokens, TokensConfig, Uses, VerifyError,
    caches::{CredentialKey, DirectoryCache, LoadFailure, load_for},
    wire::{
        AUDIENCE, ById, ByKey, DIRECTORY, Directory, GRANT, Grant, GrantOutcome, Outcome, REPORT, RESOLVE, Resolved,
        SIGNATURE, TOKEN, VERIFY, Verify,
    },
};

/// Why the token service gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// No address of it answered.
    #[error("the token service cannot be reached at any of its addresses")]
    Unreachable(#[source] Option<reqwest::Error>),
    /// It answered that it cannot tell.
    #[error("the token service answered {0}")]
    Status(u16),
    /// Somebody answered who does not share our secret.
    #[error("the token service's answer is not signed as it should be")]
    Signature(#[from] SealError),
    /// The answer is not one that this version knows.
    #[error("the token service's answer is not understood")]
    Answer(#[from] serde_json::Error),
    /// The client at the edge asked too often.
    #[error("too many unknown tokens or URLs from this address")]
    Throttled(Duration),
    /// The token is not good.
    #[error(transparent)]
    Denied(#[from] Denial),
}

/// Asks a token service in another process, and remembers its answers for a while.
pub struct RemoteTokens {
    peers: Arc<Peers>,
    http: reqwest::Client,
    keys: InternalKeys,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Under it tokens are known here: no secret of a client is kept in memory.
    pepper: Secret32,
    good: Cache<Presented, Authenticated>,
    refused: Cache<Presented, Denial>,
    directories: DirectoryCache,
}

/// A token, by the keyed hash of its secret: another secret with the same id is another token.
type Presented = (Id<marker::Credential>, [u8; 32]);

impl RemoteTokens {
    /// Asks `peers` through `http`, and signs with `keys`. What other processes invalidate is forgotten, if `tiers` hear of
    /// it.
    #[allow(clippy::too_many_arguments)] // what it stands on; there is one caller
    pub fn new(
        peers: Arc<Peers>,
        http: reqwest::Client,
        keys: InternalKeys,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        config: TokensConfig,
        tiers: &Tiers,
    ) -> Self {
        let limits = config.cache_limits();
        let of = |presented: &Presented| CredentialKey(presented.0);
        let short = CacheLimits { ttl: limits.negative_ttl, ..limits };
        Self {
            peers,
            http,
            keys,
            clock,
            pepper: Secret32::random(&*entropy),
            entropy,
            good: Cache::following("verdict", limits, tiers, of),
            refused: Cache::following("refusal", short, tiers, of),
            directories: DirectoryCache::new(limits, tiers),
        }
    }

    /// Asks each address in turn until one answers: all questions can be asked twice.
    async fn ask<A: DeserializeOwned>(
        &self,
        target: &str,
        token: &str,
        question: &impl Serialize,
    ) -> Result<A, RemoteError> {
        let body = Bytes::from(serde_json::to_vec(question)?);
        let mut last = RemoteError::Unreachable(None);
        for peer in self.peers.in_turn() {
            let call = InternalCall { audience: AUDIENCE, target, token, body: &body };
            let signature = self.keys.sign_call(&call, &*self.entropy, self.clock.now());
            let mut request =
                self.http.post(format!("{}{target}", peer.url())).header(SIGNATURE, &signature).body(body.clone());
            if !token.is_empty() {
                request = request.header(TOKEN, token);
            }
            for (name, value) in trace_headers() {
                request = request.header(name, value);
            }
            match self.answer(request, &signature).await {
                Ok(answer) => return Ok(serde_json::from_slice(&answer)?),
                Err(error) => {
                    if matches!(error, RemoteError::Unreachable(_)) {
                        peer.is_down();
                    }
                    last = error;
                }
            }
        }
        Err(last)
    }

    async fn answer(&self, request: reqwest::RequestBuilder, call: &str) -> Result<Bytes, RemoteError> {
        // The address stands in the error, and nothing of the question: that is in headers and body.
        let answer = request.send().await.map_err(|error| RemoteError::Unreachable(Some(error)))?;
        let status = answer.status().as_u16();
        let signature = answer.headers().get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        let body = answer.bytes().await.map_err(|error| RemoteError::Unreachable(Some(error)))?;
        if status != 200 {
            return Err(RemoteError::Status(status));
        }
        self.keys.check_answer(&signature, call, status, &body)?;
        Ok(body)
    }

    async fn check(&self, token: &BearerToken, from: IpAddr) -> Result<Option<Authenticated>, RemoteError> {
        match self.ask(VERIFY, token.to_text().expose(), &Verify { from }).await? {
            Outcome::Good(verdict) => Ok(Some(self.keys.believe(&verdict, token, self.clock.now())?)),
            Outcome::Denied(reason) => Err(RemoteError::Denied(reason.into())),
            Outcome::Throttled(millis) => Err(RemoteError::Throttled(Duration::from_millis(millis))),
        }
    }

    async fn find(&self, question: &ById) -> Result<Option<DirectoryRecord>, RemoteError> {
        Ok(self.ask::<Option<Directory>>(DIRECTORY, "", question).await?.map(DirectoryRecord::from))
    }

    async fn find_at(&self, question: &ByKey) -> Result<Option<DirectoryRecord>, RemoteError> {
        match self.ask(RESOLVE, "", question).await? {
            Resolved::Found(found) => Ok(found.map(DirectoryRecord::from)),
            Resolved::Throttled { throttled } => Err(RemoteError::Throttled(Duration::from_millis(throttled))),
        }
    }
}

impl LoadFailure for RemoteError {
    type Answer = VerifyError;

    fn answer(self: &Arc<Self>, asked_first: bool) -> Option<VerifyError> {
        match **self {
            Self::Throttled(_) if !asked_first => None,
            Self::Throttled(retry_after) => Some(VerifyError::Throttled { retry_after }),
            Self::Denied(denial) => Some(VerifyError::Denied(denial)),
            _ => Some(VerifyError::Unavailable(Arc::clone(self) as Arc<dyn Error + Send + Sync>)),
        }
    }
}

#[async_trait]
impl Tokens for RemoteTokens {
    async fn verify(&self, token: &BearerToken, from: IpAddr) -> Result<Authenticated, VerifyError> {
        let presented = (token.id(), *token.hash(&self.pepper).as_bytes());
        if let Some(Some(denial)) = self.refused.get(&presented).await {
            return Err(denial.into());
        }
        let has_ended = |known: &Option<Authenticated>| {
            known.as_ref().is_some_and(|authenticated| authenticated.ends_at() <= self.clock.now())
        };
        let load = |from| self.check(token, from);
        let mut answer = load_for(&self.good, &presented, from, load).await;
        if answer.as_ref().is_ok_and(has_ended) {
            // What ended it, and whether that was undone, is known to whom it is asked of.
            let _ = self.good.invalidate(&presented).await;
            answer = load_for(&self.good, &presented, from, load).await;
        }
        let known = match answer {
            Err(VerifyError::Denied(denial)) => {
                let told = || async { Ok::<_, RemoteError>(Some(denial)) };
                // It cannot fail: there is nothing to load.
                let _ = self.refused.get_or_try_load(&presented, told).await;
                return Err(denial.into());
            }
            known => known?,
        };
        if has_ended(&known) {
            return Err(Denial::Expired.into());
        }
        Ok(known.ok_or(Denial::Unknown)?)
    }

    async fn grant_token(&self, asked: TokenRequest) -> Result<GrantedToken, GrantError> {
        let TokenRequest { client, secret, scopes, resources, from } = asked;
        // What is no secret of ours is not sent on: that it is none is all there is to say.
        let secret = secret.map_or(SecretText::new(String::new()), |secret| secret.to_text());
        let question = Grant { client, scopes, resources, from };
        match self.ask(GRANT, secret.expose(), &question).await {
            Ok(GrantOutcome::Granted(granted)) => Ok(granted.into()),
            Ok(GrantOutcome::Denied(denial)) => Err(GrantError::Denied(denial)),
            Ok(GrantOutcome::Throttled(millis)) => {
                Err(GrantError::Throttled { retry_after: Duration::from_millis(millis) })
            }
            Ok(GrantOutcome::TooMany(millis)) => {
                Err(GrantError::TooMany { retry_after: Duration::from_millis(millis) })
            }
            Ok(GrantOutcome::Busy(millis)) => Err(GrantError::Busy { retry_after: Duration::from_millis(millis) }),
            Err(error) => Err(GrantError::Unavailable(Arc::new(error))),
        }
    }

    async fn report(&self, uses: Uses) -> Result<(), VerifyError> {
        self.ask::<()>(REPORT, "", &uses).await.map_err(|error| VerifyError::Unavailable(Arc::new(error)))
    }

    async fn directory(&self, id: Id<marker::Directory>) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        self.directories.by_id(id, || async move { self.find(&ById { id }).await }).await
    }

    async fn resolve(
        &self,
        tenant_slug: &str,
        key: &str,
        caller: Option<Caller>,
    ) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        let load = |tenant, key, caller| async move { self.find_at(&ByKey { tenant, key, caller }).await };
        self.directories.by_key(tenant_slug, key, caller, load).await
    }
}
