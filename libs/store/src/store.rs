//! The store of a process.

use std::{sync::Arc, time::Duration};

use futures_util::TryStreamExt;
use rollcall_access::{Access, DirectoryScope, JobScope, OperatorScope, TenantScope};
use rollcall_base::{Clock, Entropy};
use rollcall_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, StreamTrait, TransactionTrait};
use tokio::sync::watch;

use crate::{
    DirectoryStore, JobStore, OperatorStore, StoreConfig, StoreError, StoredResource, TenantStore, VerificationStore,
    dialect::{failure, postgres, sqlite},
    directory::stored,
    door::{Door, GroupLimits, GroupedDoor, Mutation, SingleDoor},
};

/// The database of a process. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

/// What every part of the store needs.
pub(crate) struct Inner {
    readers: DatabaseConnection,
    door: Door,
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
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.readers
    }

    /// The one way to write.
    pub(crate) async fn write<M: Mutation>(&self, mutation: M) -> Result<M::Output, StoreError> {
        self.door.write(mutation).await
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
        let mut rows = self.readers.stream_raw(statement).await?;
        let (mut resources, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.try_next().await? {
            bytes += row.try_get::<String>("", "document")?.len();
            if bytes > self.list_bytes {
                return Ok(None);
            }
            resources.push(stored(&row)?);
        }
        #[cfg(feature = "counting")]
        self.counters.add_rows(resources.len());
        Ok(Some(resources))
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
        let (mut readers, mut writer) = match backend(config)? {
            DbBackend::Sqlite => {
                let connections = sqlite::connect(config).await?;
                (connections.readers, Some(connections.writer))
            }
            _ => (postgres::connect(config).await?, None),
        };
        #[cfg(feature = "counting")]
        {
            counters.watch(&mut readers);
            writer.iter_mut().for_each(|writer| counters.watch(writer));
        }
        let checked = check_schema(&readers).await;
        checked.map_err(|error| explain(error, config))?;
        let door = match writer {
            None => Door::Single(SingleDoor::new(readers.clone(), entropy.clone())),
            Some(writer) => Door::Grouped(GroupedDoor::start(
                writer,
                GroupLimits {
                    operations: config.group_operations.max(1),
                    bytes: config.group_bytes,
                    span: Duration::from_millis(config.group_millis),
                },
                Duration::from_millis(config.acquire_timeout_ms),
                sender.clone(),
            )),
        };
        Ok(Self(Arc::new(Inner {
            readers,
            door,
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

    /// Brings the database to this program's schema, wholly or not at all; makes a SQLite file if there is none. Two
    /// processes may do it at the same time.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn migrate(config: &StoreConfig) -> Result<(), StoreError> {
        let (connection, transaction) = match backend(config)? {
            DbBackend::Sqlite => {
                let writer = DatabaseConnection::from(sqlite::writer(config, true).await?);
                let transaction = sqlite::begin_immediate(&writer).await;
                (writer, transaction)
            }
            _ => {
                let connection = postgres::connect(config).await?;
                let transaction = postgres::begin_migration(&connection).await;
                (connection, transaction)
            }
        };
        let transaction = transaction.map_err(|error| explain(error.into(), config))?;
        // In a savepoint: on PostgreSQL the question itself fails as long as there is no table to ask.
        let question = transaction.begin().await?;
        let newer = check_schema(&question).await.err().filter(|error| matches!(error, StoreError::NewerSchema { .. }));
        question.rollback().await?;
        if let Some(newer) = newer {
            return Err(newer);
        }
        Migrator::up(&transaction, None).await.map_err(|error| explain(error.into(), config))?;
        transaction.commit().await.map_err(|error| explain(error.into(), config))?;
        connection.close().await?;
        Ok(())
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
    pub fn jobs(&self, _: &JobScope) -> JobStore {
        JobStore::new(self.0.clone())
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

    /// Finishes the queued writes and closes all connections. Writes that come later are refused as unavailable.
    pub async fn close(&self) {
        self.0.door.close().await;
        if let Err(error) = self.0.readers.close_by_ref().await {
            tracing::warn!(error = ?error, "the database connections did not close cleanly");
        }
    }

    /// How many statements were run and how many rows were read so far.
    #[cfg(feature = "counting")]
    pub fn statements(&self) -> crate::counting::Counted {
        self.0.counters.now()
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

/// Whether the database has exactly the migrations that this program knows.
async fn check_schema(connection: &impl ConnectionTrait) -> Result<(), StoreError> {
    let applied = "SELECT version FROM seaql_migrations ORDER BY version";
    let rows = connection
        .query_all_raw(Statement::from_string(connection.get_database_backend(), applied))
        .await
        .map_err(|error| if failure::is_missing_table(&error) { StoreError::NotMigrated } else { error.into() })?;
    let applied = rows.iter().map(|row| row.try_get_by_index::<String>(0)).collect::<Result<Vec<_>, _>>()?;
    let known = rollcall_migrations::names();
    if let Some(newer) = applied.iter().find(|name| !known.contains(name)) {
        return Err(StoreError::NewerSchema { migration: newer.clone() });
    }
    if applied.len() < known.len() {
        return Err(StoreError::NotMigrated);
    }
    Ok(())
}
