//! The service in the process that holds the database and the keys.

mod activity;
mod checkable;
mod clients;
mod data_keys;
mod directories;
mod issue;
mod lately;
mod look;
mod mover;
mod networks;
mod peppers;
mod policy;
mod report;
mod revoke;
mod rotate;
mod verify;

use std::{net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use rollcall_access::{Authenticated, BearerToken, JobScope};
use rollcall_base::{Clock, Entropy, Id, marker};
use rollcall_cache::{Cache, Tiers};
use rollcall_keys::KeyService;
use rollcall_store::{DirectoryRecord, Store, VerificationStore};
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::Instrument;

pub use self::{
    activity::{Activity, MOST_CHANGES, MOST_ROWS},
    clients::{CreatedClient, NewClient, RevokedClient},
    data_keys::Rotated,
    issue::{Issued, NewToken},
    look::TokenStatus,
    revoke::Revoked,
    rotate::{KeptToken, Renewal, RotatedToken},
};
use self::{
    checkable::Checkable,
    clients::{Allowances, ClientCaches, Guesses, SecretChecks},
    mover::Move,
    peppers::Peppers,
};
pub(crate) use self::{clients::SecretError, peppers::PepperError};
use crate::{
    Caller, GrantError, GrantedToken, TokenRequest, Tokens, TokensConfig, Uses, VerifyError,
    caches::{CredentialKey, DirectoryCache},
    throttle::Throttle,
};

/// Issues, verifies and revokes tokens on the database itself.
pub struct LocalTokens {
    store: Store,
    verification: VerificationStore,
    peppers: Arc<Peppers>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    throttle: Throttle,
    caches: Caches,
    clients: Arc<ClientCaches>,
    guesses: Guesses,
    allowances: Allowances,
    secret_checks: SecretChecks,
    /// Of access tokens.
    token_lifetime: Duration,
    moves: mpsc::Sender<Move>,
    /// What goes on apart from requests; ends with the service.
    background: [JoinHandle<()>; 3],
}

#[derive(Clone)]
struct Caches {
    credentials: Cache<CredentialKey, Arc<Checkable>>,
    directories: DirectoryCache,
}

impl LocalTokens {
    /// The service on `store`, with the peppers that `keys` wraps, remembering in `tiers`. Must be called within a Tokio runtime.
    pub fn new(
        store: Store,
        keys: Arc<dyn KeyService>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        config: TokensConfig,
        tiers: &Tiers,
    ) -> Self {
        let caches = Caches::new(&config, tiers);
        let verification = store.verification(&JobScope::of_service("tokens"));
        let peppers =
            Arc::new(Peppers::new(keys, store.clone(), Arc::clone(&clock), Arc::clone(&entropy), config.keys));
        let (moves, waiting) = mover::queue();
        let clients = Arc::new(ClientCaches::new(config.cache_limits(), tiers, &*entropy));
        let background = [
            tokio::spawn(clear_on_change(store.changed_elsewhere(), caches.clone(), Arc::clone(&clients))),
            tokio::spawn(keep_up(Arc::clone(&peppers))),
            tokio::spawn(mover::run(waiting, Arc::clone(&peppers), verification.clone(), caches.clone())),
        ];
        let throttle = Throttle::new(config.unknown, Arc::clone(&clock));
        let secret_checks = SecretChecks::new(config.oauth.checks_at_once, config.oauth.check_patience);
        Self {
            store,
            verification,
            peppers,
            clock,
            entropy,
            throttle,
            caches,
            clients,
            guesses: Guesses::default(),
            allowances: Allowances::new(config.oauth.each_client, config.oauth.in_flight),
            secret_checks,
            token_lifetime: config.oauth.token_lifetime,
            moves,
            background,
        }
    }
}

impl Drop for LocalTokens {
    fn drop(&mut self) {
        self.background.iter().for_each(JoinHandle::abort);
    }
}

/// Carries a change out together with what must follow it, even if whoever asked for it goes away.
async fn to_the_end<T, E>(
    change: impl Future<Output = Result<T, E>> + Send + 'static,
    cut_off: impl FnOnce() -> E,
) -> Result<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    // Otherwise it panicked, which was said already, or the process is ending.
    tokio::spawn(Box::pin(change).in_current_span()).await.unwrap_or_else(|_| Err(cut_off()))
}

/// How often data keys are looked after.
const ROUND: Duration = Duration::from_secs(30);

/// Looks after the data keys from time to time, and at once when a wrapping key turns out disabled or deleted.
async fn keep_up(peppers: Arc<Peppers>) {
    loop {
        // Whichever comes first.
        let _ = tokio::time::timeout(ROUND, peppers.suspicion.notified()).await;
        peppers.upkeep().await;
    }
}

async fn clear_on_change(mut changes: tokio::sync::watch::Receiver<u64>, caches: Caches, clients: Arc<ClientCaches>) {
    while changes.changed().await.is_ok() {
        caches.clear();
        clients.clear();
        tracing::debug!("another process changed the data; credentials are read anew");
    }
}

impl Caches {
    fn new(config: &TokensConfig, tiers: &Tiers) -> Self {
        let limits = config.cache_limits();
        Self { credentials: Cache::new(limits, tiers), directories: DirectoryCache::new(limits, tiers) }
    }

    fn clear(&self) {
        self.credentials.clear();
        self.directories.clear();
    }
}

#[async_trait]
impl Tokens for LocalTokens {
    async fn verify(&self, token: &BearerToken, from: IpAddr) -> Result<Authenticated, VerifyError> {
        self.verify_token(token, from).await
    }

    async fn grant_token(&self, asked: TokenRequest) -> Result<GrantedToken, GrantError> {
        self.grant(asked).await
    }

    async fn report(&self, uses: Uses) -> Result<(), VerifyError> {
        self.keep_uses(uses).await
    }

    async fn directory(&self, id: Id<marker::Directory>) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        self.directory_by_id(id).await
    }

    async fn resolve(
        &self,
        tenant_slug: &str,
        key: &str,
        caller: Option<Caller>,
    ) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        self.directory_by_key(tenant_slug, key, caller).await
    }
}
