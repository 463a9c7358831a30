//! SQLite: readers in a pool, one connection that writes, the write-ahead log.

use std::{
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sqlx::{
    ConnectOptions as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use tokio::time::{Instant, sleep};

use super::failure;
use crate::{StoreConfig, StoreError};

/// Connections to one file.
pub(crate) struct Connections {
    pub(crate) readers: DatabaseConnection,
    pub(crate) writer: DatabaseConnection,
}

/// Opens both pools of an existing file.
pub(crate) async fn connect(config: &StoreConfig) -> Result<Connections, StoreError> {
    let path = path(config)?;
    if !path.exists() {
        return Err(StoreError::NotMigrated);
    }
    let writer = writer(config, false).await?;
    let readers = pool(
        options(config)?.pragma("query_only", "ON"),
        SqlitePoolOptions::new().max_connections(config.max_connections.max(1)),
        config,
    )
    .await
    .map_err(|error| explain(error.into(), &path))?;
    Ok(Connections { readers: readers.into(), writer: writer.into() })
}

/// The one connection that writes. It lives as long as the process: what `PRAGMA data_version` says holds for it.
pub(crate) async fn writer(config: &StoreConfig, create: bool) -> Result<SqlitePool, StoreError> {
    let path = path(config)?;
    if create && let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| unwritable(error, &path))?;
    }
    // SQLite opens what it may not write as read-only and complains at the first write: ask now. Appending changes
    // nothing. A new file is nobody else's to read, whatever its folder is; the log beside it gets the same mode.
    if create || path.exists() {
        let mut file = std::fs::OpenOptions::new();
        file.append(true).create(create).mode(0o600).open(&path).map_err(|error| unwritable(error, &path))?;
    }
    let pool_options = SqlitePoolOptions::new().max_connections(1);
    let options = options(config)?.create_if_missing(create);
    let until = Instant::now() + Duration::from_millis(config.acquire_timeout_ms);
    loop {
        let error = match pool(options.clone(), pool_options.clone(), config).await {
            Ok(pool) => return Ok(pool),
            Err(error) => error,
        };
        // Whoever is about to give a new file its log is not waited for, whatever the busy timeout is.
        if !is_busy(&error) || Instant::now() >= until {
            return Err(explain(error.into(), &path));
        }
        sleep(IN_THE_WAY).await;
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: u32 = 5;
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    // The low byte of an extended code is the primary one.
    code.is_some_and(|code| code & 0xFF == SQLITE_BUSY)
}

/// How long to leave a file to another process that is making it.
const IN_THE_WAY: Duration = Duration::from_millis(20);

fn options(config: &StoreConfig) -> Result<SqliteConnectOptions, StoreError> {
    Ok(SqliteConnectOptions::from_str(&config.url)
        .map_err(|_| StoreError::BadUrl)?
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_millis(config.statement_timeout_ms))
        .statement_cache_capacity(256)
        .pragma("cache_size", "-16384")
        .disable_statement_logging())
}

async fn pool(
    options: SqliteConnectOptions,
    pool: SqlitePoolOptions,
    config: &StoreConfig,
) -> Result<SqlitePool, sqlx::Error> {
    // A connection to a file is not lost as one to a server is: no test before use, and none is too old. That also keeps
    // sqlx from looking after the pool: its task counts idle connections while they come and go, and when it looks between
    // one's coming and its being counted (a count of -1) it loops, and holds a thread, for as long as the process lives.
    pool.acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await
}

/// The file's path.
pub(crate) fn path(config: &StoreConfig) -> Result<PathBuf, StoreError> {
    let options = SqliteConnectOptions::from_str(&config.url).map_err(|_| StoreError::BadUrl)?;
    Ok(options.get_filename().to_owned())
}

/// A transaction that holds the write lock from its beginning: one that takes it later may find that another process
/// wrote in between, and fail for no fault of its own.
pub(crate) async fn begin_immediate(writer: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let immediate = Some(SqliteTransactionMode::Immediate);
    writer.begin_with_options(TransactionOptions { sqlite_transaction_mode: immediate, ..Default::default() }).await
}

/// An error on opening, in words that name the file.
pub(crate) fn explain(error: StoreError, path: &Path) -> StoreError {
    let (StoreError::Internal(source) | StoreError::Unavailable(source)) = &error else { return error };
    match source.downcast_ref::<DbErr>() {
        Some(cause) if failure::is_damage(cause) => {
            StoreError::Damaged { path: path.display().to_string(), source: source.clone() }
        }
        Some(cause) if failure::is_unwritable(cause) => {
            StoreError::Unwritable { path: path.display().to_string(), source: source.clone() }
        }
        _ => error,
    }
}

fn unwritable(error: std::io::Error, path: &Path) -> StoreError {
    StoreError::Unwritable { path: path.display().to_string(), source: Arc::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_commit_is_on_the_disk_before_it_is_acknowledged_and_readers_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig::new(format!("sqlite://{}", folder.path().join("x.db").display()));
        let made = writer(&config, true).await.unwrap();
        let ask = async |pool: &SqlitePool, pragma: &'static str| -> i64 {
            sqlx::query_scalar(pragma).fetch_one(pool).await.unwrap()
        };
        assert_eq!(ask(&made, "PRAGMA synchronous").await, 2, "FULL");
        assert_eq!(ask(&made, "PRAGMA foreign_keys").await, 1);
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&made).await.unwrap();
        assert_eq!(mode, "wal");
        let connections = connect(&config).await.unwrap();
        assert_eq!(ask(connections.readers.get_sqlite_connection_pool(), "PRAGMA query_only").await, 1);
        assert_eq!(ask(connections.writer.get_sqlite_connection_pool(), "PRAGMA synchronous").await, 2);
    }

    #[tokio::test]
    async fn a_new_database_is_nobody_elses_to_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let made = writer(&StoreConfig::new(format!("sqlite://{}", path.display())), true).await.unwrap();
        sqlx::query("CREATE TABLE t (x)").execute(&made).await.unwrap();
        for name in ["x.db", "x.db-wal"] {
            let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
