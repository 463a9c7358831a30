//! Bringing a database to this program's schema, forward only and wholly or not at all.

mod lease;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rollcall_migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, IsolationLevel, Statement, TransactionTrait};

use crate::{
    StoreConfig, StoreError,
    dialect::{failure, postgres, sqlite},
};
use lease::Lease;

/// Where a migration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Another run has the lease.
    Waiting {
        /// Who: machine, process, and a random number.
        holder: String,
        /// How long it has it still, in milliseconds, unless it renews it.
        rest_ms: u64,
    },
    /// These migrations are being applied, in one transaction.
    Applying {
        /// Their names, oldest first.
        names: Vec<String>,
    },
}

/// How long a migration waits for a table at a time: whoever needs the table meanwhile waits behind it.
const LOCKED_FOR_MS: u64 = 3_000;
/// Between two tries, others have the table to themselves.
const LET_OTHERS: Duration = Duration::from_secs(1);

/// A SQLite file: its one write lock is lease enough, and goes with the process.
pub(crate) async fn file(config: &StoreConfig) -> Result<Vec<String>, StoreError> {
    let writer = DatabaseConnection::from(sqlite::writer(config, true).await?);
    let transaction = sqlite::begin_immediate(&writer).await?;
    let pending = pending(&transaction).await?;
    Migrator::up(&transaction, None).await?;
    transaction.commit().await?;
    writer.close().await?;
    Ok(pending)
}

/// A server: under a lease that ends by itself when this process dies.
pub(crate) async fn server(config: &StoreConfig, tell: &(dyn Fn(Progress) + Sync)) -> Result<Vec<String>, StoreError> {
    // Building an index takes as long as it takes. A run that says nothing for as long as its lease lasts has lost it,
    // and must not stand in the way of the next one with what it has locked.
    let patient = StoreConfig {
        statement_timeout_ms: 0,
        lock_timeout_ms: LOCKED_FOR_MS,
        idle_in_transaction_timeout_ms: config.migration_lease_ms,
        ..config.clone()
    };
    // The migration, and the lease's renewal.
    let connection = &postgres::connect_for_migration(&patient, 2).await?;
    let migrated = match check(connection).await {
        Ok(()) => Ok(Vec::new()),
        Err(StoreError::NotMigrated) => under_lease(connection, config, tell).await,
        Err(other) => Err(other),
    };
    postgres::close(connection).await;
    migrated
}

async fn under_lease(
    connection: &DatabaseConnection,
    config: &StoreConfig,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<String>, StoreError> {
    let lease = Lease::take(connection, config.migration_lease_ms, tell).await?;
    let committing = AtomicBool::new(false);
    let migrated = tokio::select! {
        migrated = apply_when_free(connection, &lease, tell, &committing) => migrated,
        lost = lease.keep() => Err(match committing.load(Ordering::SeqCst) {
            true => StoreError::MigrationInDoubt(Arc::new(lost)),
            false => lost,
        }),
    };
    if migrated.is_err() {
        lease.release().await;
    }
    migrated
}

/// Tries until nobody is in the way, for as long as the lease is kept.
async fn apply_when_free(
    connection: &DatabaseConnection,
    lease: &Lease<'_>,
    tell: &(dyn Fn(Progress) + Sync),
    committing: &AtomicBool,
) -> Result<Vec<String>, StoreError> {
    loop {
        match apply(connection, lease, tell, committing).await {
            Err(error) if error.is_lock_timeout() => {
                tracing::warn!(error = ?error, "a table that the migration needs is in use; it is tried again");
                tokio::time::sleep(LET_OTHERS).await;
            }
            outcome => return outcome,
        }
    }
}

async fn apply(
    connection: &DatabaseConnection,
    lease: &Lease<'_>,
    tell: &(dyn Fn(Progress) + Sync),
    committing: &AtomicBool,
) -> Result<Vec<String>, StoreError> {
    // Each statement sees the lease as it is now, whatever the database's default is.
    let transaction = connection.begin_with_config(Some(IsolationLevel::ReadCommitted), None).await?;
    // Somebody may have migrated while the lease was waited for.
    let pending = pending(&transaction).await?;
    if !pending.is_empty() {
        tell(Progress::Applying { names: pending.clone() });
        Migrator::up(&transaction, None).await?;
    }
    lease.give_back(&transaction).await?;
    committing.store(true, Ordering::SeqCst);
    match transaction.commit().await {
        Err(error) if !failure::is_certain_rollback(&error) => Err(StoreError::MigrationInDoubt(Arc::new(error))),
        outcome => Ok(outcome.map(|()| pending)?),
    }
}

/// The names of the migrations that the database lacks.
async fn pending(transaction: &DatabaseTransaction) -> Result<Vec<String>, StoreError> {
    // In a savepoint: on PostgreSQL the question itself fails as long as there is no table to ask.
    let question = transaction.begin().await?;
    let applied = applied(&question).await;
    question.rollback().await?;
    let applied = match applied {
        Err(StoreError::NotMigrated) => Vec::new(),
        applied => applied?,
    };
    Ok(rollcall_migrations::names().into_iter().filter(|name| !applied.contains(name)).collect())
}

/// Whether the database has exactly the migrations that this program knows.
pub(crate) async fn check(connection: &impl ConnectionTrait) -> Result<(), StoreError> {
    let applied = applied(connection).await?;
    if applied.len() < rollcall_migrations::names().len() { Err(StoreError::NotMigrated) } else { Ok(()) }
}

/// The names of the migrations that the database has, all of which this program knows.
async fn applied(connection: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT version FROM seaql_migrations ORDER BY version";
    let rows = connection
        .query_all_raw(Statement::from_string(connection.get_database_backend(), sql))
        .await
        .map_err(|error| if failure::is_missing_table(&error) { StoreError::NotMigrated } else { error.into() })?;
    let applied = rows.iter().map(|row| row.try_get_by_index::<String>(0)).collect::<Result<Vec<_>, _>>()?;
    let known = rollcall_migrations::names();
    match applied.iter().find(|name| !known.contains(name)) {
        Some(newer) => Err(StoreError::NewerSchema { migration: newer.clone() }),
        None => Ok(applied),
    }
}
