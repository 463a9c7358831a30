//! A process that serves: routes, readiness, background work, and its orderly end.

use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use rollcall_base::Id;
use rollcall_directory::{DirectoryService, jobs};
use rollcall_gateway::Gateway;
use rollcall_keys::{KeyContext, MeteredKeys};
use rollcall_runtime::{HttpConfig, ReadinessCheck, Server, ServerSettings};
use rollcall_store::Store;
use rollcall_tokens::{
    DirectoryNews,
    jobs::{ExpiryLadder, audit_sequencer, use_eraser},
};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{parts::Shared, routes::Routes};
use crate::failure::Failure;

/// What one process does.
pub(super) struct Process {
    pub(super) shared: Shared,
    pub(super) routes: Routes,
    /// How long to go on serving after a stop signal.
    pub(super) drain: Duration,
    readiness: Vec<Arc<dyn ReadinessCheck>>,
    background: Vec<JoinHandle<()>>,
    /// What is to be done when nothing is served any more.
    last: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
    store: Option<Store>,
}

impl Process {
    /// A process that does nothing yet.
    pub(super) fn new(shared: Shared) -> Self {
        Self {
            shared,
            routes: Routes::default(),
            drain: Duration::ZERO,
            readiness: Vec::new(),
            background: Vec::new(),
            last: Vec::new(),
            store: None,
        }
    }

    /// It is ready while the database answers, and closes it at its end.
    pub(super) fn uses_database(&mut self, store: Store) {
        self.needs(Arc::new(Database(store.clone())));
        self.store = Some(store);
    }

    /// It is ready while the keyring's file is there.
    pub(super) fn uses_keyring(&mut self, file: PathBuf) {
        self.needs(Arc::new(Keyring(file)));
    }

    /// It goes on without the key service, which known tenants do not need for a day; that it is away is told.
    pub(super) fn uses_key_service(&mut self, keys: MeteredKeys) {
        self.needs(Arc::new(KeyServiceAnswers(keys.clone())));
        self.runs(async move {
            // Always the same, so that a key policy that lists tenants can list it.
            let nobody = Id::from_uuid(Uuid::nil());
            loop {
                keys.check(KeyContext { tenant: nobody, purpose: "availability" }).await;
                let well = keys.trouble().is_none();
                tokio::time::sleep(if well { CHECK_EVERY } else { CHECK_IN_TROUBLE }).await;
            }
        });
    }

    /// It is ready while `check` says so.
    pub(super) fn needs(&mut self, check: Arc<dyn ReadinessCheck>) {
        self.readiness.push(check);
    }

    /// Something to do until the end.
    pub(super) fn runs(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.background.push(tokio::spawn(work));
    }

    /// Reports what its gateway sees of tokens' use.
    pub(super) fn reports_uses(&mut self, gateway: Gateway) {
        self.last.push(Box::pin(gateway.clone().report_last_uses()));
        self.runs(gateway.report_uses());
    }

    /// Writes down what its directory service tolerated of clients.
    pub(super) fn counts_tolerated(&mut self, directory: &DirectoryService) {
        self.last.push(Box::pin(directory.clone().write_last_tolerated()));
        self.runs(directory.clone().write_tolerated());
    }

    /// Numbers events and the audit's lines, erases what was deleted and what is old, and warns of tokens' ends. What changes of
    /// directories on the way is told to `news`.
    pub(super) fn does_background_work(&mut self, store: &Store, news: DirectoryNews) -> Result<(), Failure> {
        let clock = &self.shared.clock;
        let ladder = ExpiryLadder::new(store, self.shared.metrics.registry())?;
        let (eraser, use_eraser) =
            (jobs::eraser(store.clone(), Arc::clone(clock)), use_eraser(store.clone(), Arc::clone(clock)));
        let tolerated_eraser = jobs::tolerated_eraser(store.clone(), Arc::clone(clock));
        let access_tokens = rollcall_tokens::erase_access_tokens(store.clone(), Arc::clone(clock));
        let tell = move |directory| {
            let news = news.clone();
            async move {
                // Who could not be told follows within the bound.
                let _ = news.tell(&directory).await;
            }
        };
        self.runs(jobs::sequencer(store.clone(), tell));
        self.runs(audit_sequencer(store.clone()));
        self.runs(eraser);
        self.runs(use_eraser);
        self.runs(access_tokens);
        self.runs(tolerated_eraser);
        self.runs(ladder.run());
        Ok(())
    }

    /// Serves until `stop` is ready and what was under way is done.
    pub(super) async fn run(
        self,
        server: Server,
        http: HttpConfig,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let settings = ServerSettings {
            http,
            metrics: self.shared.metrics,
            drain: self.drain,
            readiness: self.readiness,
            entropy: self.shared.entropy,
        };
        let routes = self.routes;
        let outcome = server.run(settings, move |config, surfaces| routes.configure(config, surfaces), stop).await;
        for job in self.background {
            job.abort();
            // Either it was stopped between two steps or it had failed and said so.
            let _ = job.await;
        }
        for work in self.last {
            if tokio::time::timeout(LAST_WORK, work).await.is_err() {
                tracing::warn!(
                    "the last uses of tokens, or what was tolerated last, could not be written down in time"
                );
            }
        }
        if let Some(store) = self.store {
            store.close().await;
        }
        Ok(outcome?)
    }
}

/// How long the last work may take.
const LAST_WORK: Duration = Duration::from_secs(3);

/// How often the key service is asked for a key that nobody needs: each is a paid call.
const CHECK_EVERY: Duration = Duration::from_secs(10);
const CHECK_IN_TROUBLE: Duration = Duration::from_secs(3);

/// Whether the last call to the key service went well.
struct KeyServiceAnswers(MeteredKeys);

#[async_trait]
impl ReadinessCheck for KeyServiceAnswers {
    fn name(&self) -> &'static str {
        "key service"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.trouble().map_or(Ok(()), Err)
    }

    fn is_needed(&self) -> bool {
        false
    }
}

/// Ready means: the database answers.
struct Database(Store);

#[async_trait]
impl ReadinessCheck for Database {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Result<(), String> {
        self.0.ping().await.map_err(|error| error.to_string())
    }
}

/// Ready means: the file that the keys came from can still be read, by this process and by the next.
struct Keyring(PathBuf);

#[async_trait]
impl ReadinessCheck for Keyring {
    fn name(&self) -> &'static str {
        "keyring"
    }

    async fn check(&self) -> Result<(), String> {
        let file = tokio::fs::File::open(&self.0).await;
        file.map(drop).map_err(|error| format!("{}: {error}", self.0.display()))
    }
}
