//! Migrating a server: one at a time, forward only, and whoever dies on the way holds nobody up for long.

use std::sync::{Arc, Mutex};

use rollcall_migrations::{Migrator, MigratorTrait};
use rollcall_store::{Progress, Store, StoreConfig, StoreError};
use rollcall_testkit::{Database, Gate, eventually};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement, TransactionTrait};

use crate::opening::open;

type Told = Arc<Mutex<Vec<Progress>>>;

/// Migrates in the background, and what it tells.
fn begun(config: &StoreConfig) -> (tokio::task::JoinHandle<Result<Vec<String>, StoreError>>, Told) {
    let (config, told) = (config.clone(), Told::default());
    let heard = Arc::clone(&told);
    let run =
        tokio::spawn(
            async move { Store::migrate_telling(&config, &|progress| heard.lock().unwrap().push(progress)).await },
        );
    (run, told)
}

pub(crate) async fn number(connection: &DatabaseConnection, sql: &str) -> i64 {
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

const TENANTS: &str = "SELECT COUNT(*) FROM pg_class WHERE relname = 'tenant'";
const WAITING: &str =
    "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// A migration cannot go past its first table as long as this transaction has made one of the same name.
async fn in_the_way(raw: &DatabaseConnection) -> DatabaseTransaction {
    let transaction = raw.begin().await.unwrap();
    transaction.execute_unprepared("CREATE TABLE tenant (x integer)").await.unwrap();
    transaction
}

fn is_applying(told: &Told) -> bool {
    told.lock().unwrap().iter().any(|progress| matches!(progress, Progress::Applying { .. }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_that_begin_at_once_one_applies_and_the_others_find_it_done() {
    let database = Database::empty_postgres().await;
    let runs: Vec<_> = (0..4).map(|_| begun(&database.config).0).collect();
    let mut applied = Vec::new();
    for run in runs {
        applied.push(run.await.unwrap().unwrap());
    }
    applied.retain(|names| !names.is_empty());
    assert_eq!(applied, [rollcall_migrations::names()]);
    open(&database.config).await.unwrap();
    assert!(Store::migrate(&database.config).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_run_waits_for_the_rest_of_the_lease_of_one_that_was_cut_off_and_goes_on() {
    let mut database = Database::empty_postgres().await;
    database.config.migration_lease_ms = 1_500;
    let gate = Gate::before(database.address()).await;
    let raw = database.raw().await;
    let obstacle = in_the_way(&raw).await;
    let (cut_off, told) = begun(&database.through(&gate));
    eventually("it is applying", async || is_applying(&told)).await;
    eventually("it waits", async || number(&raw, WAITING).await > 0).await;
    gate.shut();
    assert!(matches!(cut_off.await.unwrap(), Err(StoreError::Unavailable(_))));
    let (next, told) = begun(&database.config);
    eventually("it is told of the other", async || !told.lock().unwrap().is_empty()).await;
    obstacle.rollback().await.unwrap();
    assert_eq!(next.await.unwrap().unwrap(), rollcall_migrations::names());
    match &told.lock().unwrap()[0] {
        Progress::Waiting { holder, rest_ms } => {
            assert!(holder.contains(&format!("process {}", std::process::id())), "{holder}");
            assert!(*rest_ms <= 1_500);
        }
        other => panic!("{other:?}"),
    }
    open(&database.config).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_lost_its_lease_commits_nothing() {
    let database = Database::empty_postgres().await;
    let raw = database.raw().await;
    let obstacle = in_the_way(&raw).await;
    let (slow, told) = begun(&database.config);
    eventually("it is applying", async || is_applying(&told)).await;
    eventually("it waits", async || number(&raw, WAITING).await > 0).await;
    // As it is when it was not heard of for longer than its lease lasts.
    raw.execute_unprepared("UPDATE migration_lease SET holder = 'another', until = until + 600000000").await.unwrap();
    obstacle.rollback().await.unwrap();
    let error = slow.await.unwrap().unwrap_err();
    assert!(matches!(error, StoreError::LeaseLost), "{error:?}");
    assert!(error.to_string().contains("nothing was changed"));
    assert_eq!(number(&raw, TENANTS).await, 0);
    let holders = "SELECT COUNT(*) FROM migration_lease WHERE holder = 'another' AND until > 0";
    assert_eq!(number(&raw, holders).await, 1, "it left the other one's lease alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_renewed_for_as_long_as_its_run_goes_on() {
    let mut database = Database::empty_postgres().await;
    database.config.migration_lease_ms = 3_000;
    let raw = database.raw().await;
    let obstacle = in_the_way(&raw).await;
    let (slow, told) = begun(&database.config);
    eventually("it is applying", async || is_applying(&told)).await;
    let until_when = "SELECT until FROM migration_lease";
    let first = number(&raw, until_when).await;
    eventually("it was renewed twice", async || number(&raw, until_when).await > first + 1_500_000).await;
    let (second, waiting) = begun(&database.config);
    eventually("the second waits", async || !waiting.lock().unwrap().is_empty()).await;
    obstacle.rollback().await.unwrap();
    assert_eq!(slow.await.unwrap().unwrap(), rollcall_migrations::names());
    assert!(second.await.unwrap().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_migration_leaves_nothing_behind_and_gives_its_lease_back() {
    let database = Database::empty_postgres().await;
    let raw = database.raw().await;
    // The last table of all cannot be made.
    raw.execute_unprepared("CREATE TABLE job_lock (x integer)").await.unwrap();
    assert!(matches!(Store::migrate(&database.config).await, Err(StoreError::Internal(_))));
    assert_eq!(number(&raw, TENANTS).await, 0);
    raw.execute_unprepared("DROP TABLE job_lock").await.unwrap();
    let (next, told) = begun(&database.config);
    assert_eq!(next.await.unwrap().unwrap(), rollcall_migrations::names());
    assert!(!told.lock().unwrap().iter().any(|progress| matches!(progress, Progress::Waiting { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_takes_longer_than_a_statement_may() {
    let mut database = Database::empty_postgres().await;
    (database.config.statement_timeout_ms, database.config.lock_timeout_ms) = (200, 100);
    let raw = database.raw().await;
    let obstacle = in_the_way(&raw).await;
    let (slow, told) = begun(&database.config);
    eventually("it is applying", async || is_applying(&told)).await;
    // Longer than both.
    let long = "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'rollcall' AND datname = current_database() \
                AND wait_event_type = 'Lock' AND clock_timestamp() - query_start > interval '300 ms'";
    eventually("it waited for long", async || number(&raw, long).await > 0).await;
    obstacle.rollback().await.unwrap();
    slow.await.unwrap().unwrap();
}

#[tokio::test]
async fn there_is_no_way_back() {
    let database = Database::postgres().await;
    let raw = database.raw().await;
    assert!(Migrator::down(&raw, Some(1)).await.is_err());
    assert_eq!(number(&raw, TENANTS).await, 1);
}
