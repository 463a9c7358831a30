//! A database with a tenant and a directory in it, and a keyring beside it.

use std::{path::Path, sync::Arc, time::Duration};

use prometheus::Registry;
use rollcall_access::{BearerToken, OperatorScope, TenantScope, TokenKind};
use rollcall_base::{Clock, Id, ManualClock, SystemEntropy, Timestamp};
use rollcall_cache::{CacheMetrics, Tiers};
use rollcall_keys::{KeyService, LocalKeyring};
use rollcall_store::{DirectoryRecord, NewDirectory, Store, StoreConfig};
use rollcall_tokens::{LocalTokens, TokensConfig};
use tempfile::TempDir;

pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) struct House {
    folder: Arc<TempDir>,
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) scope: TenantScope,
    pub(crate) directory: DirectoryRecord,
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-21T08:00:00Z").unwrap()));
        Store::migrate(&config(folder.path())).await.unwrap();
        let store = open(folder.path(), &clock).await;
        let (scope, directory) = tenant(&store, "acme").await;
        Self { folder, store, clock, scope, directory }
    }

    /// A second process on the same data.
    pub(crate) async fn another_process(&self) -> Self {
        Self {
            folder: Arc::clone(&self.folder),
            store: open(self.folder.path(), &self.clock).await,
            clock: Arc::clone(&self.clock),
            scope: self.scope.clone(),
            directory: self.directory.clone(),
        }
    }

    pub(crate) async fn another_tenant(&self, slug: &str) -> (TenantScope, DirectoryRecord) {
        tenant(&self.store, slug).await
    }

    pub(crate) fn tokens(&self, config: TokensConfig) -> LocalTokens {
        self.tokens_on("keyring.json", config)
    }

    pub(crate) fn tokens_with_another_keyring(&self, config: TokensConfig) -> LocalTokens {
        self.tokens_on("another.json", config)
    }

    fn tokens_on(&self, keyring: &str, config: TokensConfig) -> LocalTokens {
        let keyring = LocalKeyring::open_or_create(&self.folder.path().join(keyring), Arc::new(SystemEntropy)).unwrap();
        self.tokens_with_keys(Arc::new(keyring), config)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn tokens_with_keys(&self, keys: Arc<dyn KeyService>, config: TokensConfig) -> LocalTokens {
        self.tokens_in(keys, config, &in_process())
    }

    pub(crate) fn tokens_in(&self, keys: Arc<dyn KeyService>, config: TokensConfig, tiers: &Tiers) -> LocalTokens {
        LocalTokens::new(
            self.store.clone(),
            keys,
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Arc::new(SystemEntropy),
            config,
            tiers,
        )
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A token of the right form that nobody issued.
    pub(crate) fn stranger(&self) -> BearerToken {
        BearerToken::generate(TokenKind::Static, Id::new(self.now(), &SystemEntropy), &SystemEntropy)
    }

    /// All that is on disk, after everything was written down.
    pub(crate) async fn bytes_on_disk(&self) -> Vec<u8> {
        self.store.close().await;
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

/// Memory that nobody else knows of.
pub(crate) fn in_process() -> Tiers {
    Tiers::in_process(CacheMetrics::new(&Registry::new()).unwrap())
}

fn config(folder: &Path) -> StoreConfig {
    StoreConfig::new(format!("sqlite://{}", folder.join("rollcall.db").display()))
}

async fn open(folder: &Path, clock: &Arc<ManualClock>) -> Store {
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    Store::open(&config(folder), clock, Arc::new(SystemEntropy)).await.unwrap()
}

async fn tenant(store: &Store, slug: &str) -> (TenantScope, DirectoryRecord) {
    let operator = OperatorScope::from_local_configuration();
    let tenant = store.operator(&operator).create_tenant(slug, slug).await.unwrap();
    let scope = operator.tenant(tenant.id);
    let new = NewDirectory {
        client_kind: "okta".to_owned(),
        directory_id: "Dir-1".to_owned(),
        directory_name: "corp.example".to_owned(),
        client_profile: None,
        stage: rollcall_access::Stage::Submitted,
    };
    let directory = store.tenant(&scope).create_directory(new).await.unwrap();
    (scope, directory)
}
