//! The service and the call it serves.

use std::sync::Arc;

use rollcall_access::{
    Action, Authenticated, DirectoryScope, DirectorySettings, Forbidden, Permission, Read, Subject, Write,
};
use rollcall_base::Clock;
use rollcall_scim::{
    quirks::Leniency,
    schema::{GROUP, Registry, ResourceType, USER},
};
use rollcall_store::Store;

use crate::{CursorKey, DirectoryLimits, list::CrawlMemory, lookup::Lookups, tolerated::ToleratedLog};

/// SCIM for every directory of the store.
#[derive(Clone)]
pub struct DirectoryService {
    pub(crate) store: Store,
    pub(crate) registry: Arc<Registry>,
    pub(crate) limits: Arc<DirectoryLimits>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cursor_key: Arc<CursorKey>,
    pub(crate) crawl: CrawlMemory,
    pub(crate) lookups: Arc<Lookups>,
    pub(crate) tolerated: Arc<ToleratedLog>,
}

impl DirectoryService {
    /// Serves what `registry` lists from `store`. Remembers lookups in `lookups`. Counts what it tolerates of clients in `metrics`, by quirk.
    ///
    /// # Errors
    /// [`prometheus::Error`] if `metrics` has such a counter already.
    pub fn new(
        store: Store,
        registry: Registry,
        limits: DirectoryLimits,
        clock: Arc<dyn Clock>,
        cursor_key: CursorKey,
        lookups: Lookups,
        metrics: &prometheus::Registry,
    ) -> Result<Self, prometheus::Error> {
        let tolerated = Arc::new(ToleratedLog::new(metrics)?);
        Ok(Self {
            store,
            registry: Arc::new(registry),
            limits: Arc::new(limits),
            clock,
            cursor_key: Arc::new(cursor_key),
            crawl: CrawlMemory::new(),
            lookups: Arc::new(lookups),
            tolerated,
        })
    }

    /// Forgets what lookups remember whenever another process, such as a command, has changed the data, where the database tells
    /// of it; elsewhere Redis does, or what is remembered is too old soon. Runs until it is dropped.
    pub fn forget_on_change(&self) -> impl Future<Output = ()> + Send + 'static {
        let (mut changes, lookups) = (self.store.changed_elsewhere(), Arc::clone(&self.lookups));
        async move {
            while changes.changed().await.is_ok() {
                lookups.clear();
            }
        }
    }

    /// Writes down from time to time what was tolerated, for each directory. Runs until it is dropped.
    pub async fn write_tolerated(self) {
        self.tolerated.write_to(self.store).await;
    }

    /// Writes down what was tolerated and is not written yet: when nothing is served any more.
    pub async fn write_last_tolerated(self) {
        self.tolerated.write_once(&self.store).await;
    }
}

/// One authenticated request, whatever protocol step it asks for.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who asks, and of which directory.
    pub authenticated: Authenticated,
    /// What holds for the directory.
    pub settings: DirectorySettings,
    /// The directory's Base URL, without a trailing slash. From the configuration, never from the request.
    pub base_url: Arc<str>,
    /// For the event and the log.
    pub request_id: String,
    /// Whether deviations are tolerated, and which were.
    pub leniency: Leniency,
}

impl Call {
    /// The right to change resources of this type in this way.
    pub(crate) fn may(&self, action: Action, kind: &ResourceType) -> Result<DirectoryScope<Write>, Forbidden> {
        self.authenticated.write(Permission::new(subject(kind), action))
    }

    /// The right to look at resources of this type.
    pub(crate) fn may_read(&self, kind: &ResourceType) -> Result<DirectoryScope<Read>, Forbidden> {
        self.authenticated.read(Permission::new(subject(kind), Action::Read))
    }
}

fn subject(kind: &ResourceType) -> Subject {
    match kind.kind {
        USER => Subject::Users,
        GROUP => Subject::Groups,
        _ => Subject::Others,
    }
}
