//! The service in the process that holds the database and the keys.

mod directories;
mod issue;
mod peppers;
mod verify;

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use rollcall_access::{Authenticated, BearerToken, CredentialRecord, JobScope};
use rollcall_base::{Clock, Entropy, Id, Secret32, marker};
use rollcall_cache::Cache;
use rollcall_keys::KeyService;
use rollcall_store::{DirectoryRecord, Store, VerificationStore};
use tokio::task::JoinHandle;

pub use self::issue::Issued;
use self::peppers::Peppers;
use crate::{Tokens, TokensConfig, VerifyError, caches::DirectoryCache, throttle::Throttle};

/// Issues, verifies and revokes tokens on the database itself.
pub struct LocalTokens {
    store: Store,
    verification: VerificationStore,
    peppers: Peppers,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    throttle: Throttle,
    caches: Caches,
    /// Clears the caches when another process changes the data.
    watcher: JoinHandle<()>,
}

#[derive(Clone)]
struct Caches {
    credentials: Cache<Id<marker::Credential>, Arc<Checkable>>,
    directories: DirectoryCache,
}

/// All that the check of a token needs.
struct Checkable {
    record: CredentialRecord,
    pepper: Secret32,
}

impl LocalTokens {
    /// The service on `store`, with the peppers that `keys` wraps. Must be called within a Tokio runtime.
    pub fn new(
        store: Store,
        keys: Arc<dyn KeyService>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        config: TokensConfig,
    ) -> Self {
        let caches = Caches::new(&config);
        Self {
            verification: store.verification(&JobScope::of_service("tokens")),
            peppers: Peppers::new(keys, config.cache_entries),
            throttle: Throttle::new(config.unknown, Arc::clone(&clock)),
            watcher: tokio::spawn(clear_on_change(store.changed_elsewhere(), caches.clone())),
            caches,
            store,
            clock,
            entropy,
        }
    }
}

impl Drop for LocalTokens {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

async fn clear_on_change(mut changes: tokio::sync::watch::Receiver<u64>, caches: Caches) {
    while changes.changed().await.is_ok() {
        caches.clear();
        tracing::debug!("another process changed the data; credentials are read anew");
    }
}

impl Caches {
    fn new(config: &TokensConfig) -> Self {
        let limits = config.cache_limits();
        Self { credentials: Cache::new(limits), directories: DirectoryCache::new(limits) }
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

    async fn directory(&self, id: Id<marker::Directory>) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        self.directory_by_id(id).await
    }

    async fn resolve(&self, tenant_slug: &str, key: &str) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        self.directory_by_key(tenant_slug, key).await
    }
}
