//! The store of a process.

use std::{sync::Arc, time::Duration};

use rollcall_access::{Access, DirectoryScope, JobScope, OperatorScope, TenantScope};
use rollcall_base::{Clock, Entropy};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::sync::watch;

use crate::{
    DirectoryStore, JobStore, OperatorStore, Progress, StoreConfig, StoreError, StoredResource, TenantStore,
    VerificationStore,
    dialect::{postgres, sqlite},
    directory::stored,
    door::{Door, GroupLimits, GroupedDoor, Mutation, SingleDoor},
    migrate,
    reader::Reader,
};

/// The database of a process. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

/// What every part of the store needs.
pub(crate) struct Inner {
    readers: Reader,
    door: Door,
    /// Watches over several servers as long as the store lives.
    _watch: Option<postgres::Watch>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) scan_rows: u32,
    pub(crate) list_bytes: usize,
    elsewhere: watch::Receiver<u64>,
    /// On PostgreSQL nobody sends, but a receiver without a sender would report its end.
    _elsewhere_sender: watch::Sender<u64>,
    #[cfg(feature = "counting")]
    counters: Arc<crate::counting::Counters>,
}

impl Inner {
    /// For reading.
    pub(crate) fn reader(&self) -> &Reader {
        &self.readers
    }

    /// The one way to write.
    pub(crate) async fn write<M: Mutation>(&self, mutation: M) -> Result<M::Output, StoreError> {
        // In a box: what hangs on a write is too deep for one type.
        Box::pin(self.door.write(mutation)).await
    }

    /// Which database it is.
    pub(crate) fn backend(&self) -> DbBackend {
        self.readers.get_database_backend()
    }

    /// Runs one statement and takes all its rows.
    pub(crate) async fn rows(&self, statement: Statement) -> Result<Vec<sea_orm::QueryResult>, StoreError> {
        let rows = self.readers.query_all_raw(statement).await?;
        #[cfg(feature = "counting")]
        self.counters.add_rows(rows.len());
        Ok(rows)
    }

    /// Runs one statement that reads whole resources. None as soon as their documents have more bytes than a list may
    /// hold: what comes after that is not read, so that no page fills the memory.
    pub(crate) async fn resources_within_bounds(
        &self,
        statement: Statement,
    ) -> Result<Option<Vec<StoredResource>>, StoreError> {
        let Some(rows) = self.readers.within_bytes(statement, "document", self.list_bytes).await? else {
            return Ok(None);
        };
        #[cfg(feature = "counting")]
        self.counters.add_rows(rows.len());
        rows.iter().map(stored).collect::<Result<_, _>>().map(Some)
    }
}

impl Store {
    /// Opens a migrated database.
    ///
    /// # Errors
    /// [`StoreError::NotMigrated`], [`StoreError::NewerSchema`], [`StoreError::Damaged`], [`StoreError::Unwritable`],
    /// [`StoreError::BadUrl`], or [`StoreError::Unavailable`] if the server does not answer.
    pub async fn open(
        config: &StoreConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StoreError> {
        let (sender, elsewhere) = watch::channel(0);
        #[cfg(feature = "counting")]
        let counters = Arc::new(crate::counting::Counters::default());
        #[allow(unused_mut)] // mutable for counting
        let (readers, door, watch) = match backend(config)? {
            DbBackend::Sqlite => {
                let sqlite::Connections { mut readers, mut writer } = sqlite::connect(config).await?;
                #[cfg(feature = "counting")]
                [&mut readers, &mut writer].into_iter().for_each(|connection| counters.watch(connection));
                migrate::check(&readers).await.map_err(|error| explain(error, config))?;
                let limits = GroupLimits {
                    operations: config.group_operations.max(1),
                    bytes: config.group_bytes,
                    span: Duration::from_millis(config.group_millis),
                };
                let patience = Duration::from_millis(config.acquire_timeout_ms);
                let door = GroupedDoor::start(writer, limits, patience, sender.clone());
                (Reader::File(readers), Door::Grouped(door), None)
            }
            _ => {
                let postgres::Connected { mut asker, doubt, watch } = postgres::connect(config).await?;
                #[cfg(feature = "counting")]
                asker.count_in(Arc::clone(&counters));
                let door = SingleDoor::new(asker.clone(), entropy.clone(), Arc::clone(&doubt), config);
                let readers = Reader::of_server(asker, doubt, config);
                migrate::check(&readers).await?;
                (readers, Door::Single(door), Some(watch))
            }
        };
        Ok(Self(Arc::new(Inner {
            readers,
            door,
            _watch: watch,
            clock,
            entropy,
            scan_rows: config.scan_rows,
            list_bytes: config.list_bytes,
            elsewhere,
            _elsewhere_sender: sender,
            #[cfg(feature = "counting")]
            counters,
        })))
    }

    /// Brings the database to this program's schema, wholly or not at all, and returns the names of the migrations that
    /// it applied; makes a SQLite file if there is none. Several processes may do it at the same time.
    ///
    /// # Errors
    /// As [`Store::open`], and [`StoreError::LeaseLost`].
    pub async fn migrate(config: &StoreConfig) -> Result<Vec<String>, StoreError> {
        Self::migrate_telling(config, &|_| ()).await
    }

    /// The same, telling on the way where it stands.
    ///
    /// # Errors
    /// As [`Store::migrate`].
    pub async fn migrate_telling(
        config: &StoreConfig,
        tell: &(dyn Fn(Progress) + Sync),
    ) -> Result<Vec<String>, StoreError> {
        match backend(config)? {
            DbBackend::Sqlite => migrate::file(config).await.map_err(|error| explain(error, config)),
            _ => migrate::server(config, tell).await,
        }
    }

    /// The people and groups of one directory.
    pub fn directory<A: Access>(&self, scope: &DirectoryScope<A>) -> DirectoryStore<A> {
        DirectoryStore::new(self.0.clone(), scope)
    }

    /// The tenants.
    pub fn operator(&self, _: &OperatorScope) -> OperatorStore {
        OperatorStore::new(self.0.clone())
    }

    /// One tenant's directories, credentials and keys.
    pub fn tenant(&self, scope: &TenantScope) -> TenantStore {
        TenantStore::new(self.0.clone(), scope)
    }

    /// What the check of a token needs.
    pub fn verification(&self, _: &JobScope) -> VerificationStore {
        VerificationStore::new(self.0.clone())
    }

    /// Background work.
    pub fn jobs(&self, scope: &JobScope) -> JobStore {
        JobStore::new(self.0.clone(), scope)
    }

    /// Counts up when another process has changed the data: within half a second on SQLite, never on PostgreSQL,
    /// where only the age of what is cached bounds how old it may be.
    pub fn changed_elsewhere(&self) -> watch::Receiver<u64> {
        self.0.elsewhere.clone()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        let one = Statement::from_string(self.0.readers.get_database_backend(), "SELECT 1");
        self.0.readers.query_one_raw(one).await?;
        Ok(())
    }

    /// Finishes the queued writes and closes all connections; on PostgreSQL those that are closed within five seconds.
    /// Writes that come later are refused as unavailable.
    pub async fn close(&self) {
        self.0.door.close().await;
        self.0.readers.close().await;
    }

    /// How many statements were run and how many rows were read so far.
    #[cfg(feature = "counting")]
    pub fn statements(&self) -> crate::counting::Counted {
        self.0.counters.now()
    }

    /// The first column of what a question gives, as text, asked on a connection of this store's.
    ///
    /// # Errors
    /// What the database says.
    #[cfg(feature = "counting")]
    pub async fn asked(&self, sql: &str) -> Result<Vec<String>, StoreError> {
        let rows = self.0.rows(Statement::from_string(self.0.readers.get_database_backend(), sql)).await?;
        Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
    }

    /// Takes the last statements that were run (at most 64), oldest first, for looking at their plans.
    #[cfg(feature = "counting")]
    pub fn take_statements(&self) -> Vec<Statement> {
        self.0.counters.take_recent()
    }
}

fn backend(config: &StoreConfig) -> Result<DbBackend, StoreError> {
    match config.url.split(':').next() {
        Some("sqlite") => Ok(DbBackend::Sqlite),
        Some("postgres" | "postgresql") => Ok(DbBackend::Postgres),
        _ => Err(StoreError::BadUrl),
    }
}

fn explain(error: StoreError, config: &StoreConfig) -> StoreError {
    match (backend(config), sqlite::path(config)) {
        (Ok(DbBackend::Sqlite), Ok(path)) => sqlite::explain(error, &path),
        _ => error,
    }
}
