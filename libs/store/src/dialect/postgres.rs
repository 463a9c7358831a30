//! PostgreSQL: a pool of connections, a transaction for each write.

use std::{str::FromStr, time::Duration};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait,
};
use sqlx::postgres::PgConnectOptions;

use crate::{StoreConfig, StoreError};

/// Held while migrating, so that two starting processes do not migrate at the same time.
const MIGRATION_LOCK: i64 = 0x726F_6C6C_6361_6C6C;

/// The pool.
pub(crate) async fn connect(config: &StoreConfig) -> Result<DatabaseConnection, StoreError> {
    PgConnectOptions::from_str(&config.url).map_err(|_| StoreError::BadUrl)?;
    let mut options = ConnectOptions::new(&config.url);
    options
        .max_connections(config.max_connections.max(1))
        .acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
        .connect_timeout(Duration::from_millis(config.acquire_timeout_ms))
        .statement_timeout(Duration::from_millis(config.statement_timeout_ms))
        .test_before_acquire_if_idle_for(Duration::from_secs(30))
        .sqlx_logging(false)
        .set_application_name("rollcall")
        .map_sqlx_postgres_opts(|options| options.statement_cache_capacity(256));
    Ok(Database::connect(options).await?)
}

/// A transaction that holds the migration lock until it ends.
pub(crate) async fn begin_migration(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let transaction = connection.begin().await?;
    transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    Ok(transaction)
}
