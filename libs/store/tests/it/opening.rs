//! Opening what is there, and saying clearly what is wrong with it.

use std::{fs, sync::Arc};

use rollcall_base::{SystemClock, SystemEntropy};
use rollcall_store::{Store, StoreConfig, StoreError};
use rollcall_testkit::{Database, on_both_databases};
use sea_orm::ConnectionTrait;

pub(crate) async fn open(config: &StoreConfig) -> Result<Store, StoreError> {
    Store::open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await
}

fn at(path: &std::path::Path) -> StoreConfig {
    StoreConfig::new(format!("sqlite://{}", path.display()))
}

/// `Store` has no `Debug`, so no `unwrap_err`.
async fn refusal(config: &StoreConfig) -> StoreError {
    open(config).await.err().expect("it does not open")
}

on_both_databases! {
    async fn a_newer_schema_is_refused_by_its_migrations_name(database) {
        let raw = database.raw().await;
        let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_future', 0)";
        raw.execute_unprepared(newer).await.unwrap();
        for error in [refusal(&database.config).await, Store::migrate(&database.config).await.unwrap_err()] {
            assert!(matches!(&error, StoreError::NewerSchema { migration } if migration == "m9999_future"), "{error:?}");
            assert!(error.to_string().contains("newer version"));
        }
    }

    async fn migrating_again_and_at_the_same_time_changes_nothing(database) {
        let directory = database.directory().await;
        let user = directory.user("u").await;
        let (one, two) = tokio::join!(Store::migrate(&database.config), Store::migrate(&database.config));
        one.unwrap();
        two.unwrap();
        assert!(directory.resources().get(&directory.user_type(), user.id).await.unwrap().is_some());
    }

    async fn it_answers_while_it_is_open(database) {
        let (store, _) = database.open().await;
        store.ping().await.unwrap();
        store.close().await;
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
    }
}

#[tokio::test]
async fn two_processes_may_make_a_new_database_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let config = at(&folder.path().join("deep/down/new.db"));
    let (one, two) = tokio::join!(Store::migrate(&config), Store::migrate(&config));
    one.unwrap();
    two.unwrap();
    open(&config).await.unwrap();
}

#[tokio::test]
async fn a_file_that_was_never_migrated_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.db");
    assert!(matches!(refusal(&at(&path)).await, StoreError::NotMigrated));
    assert!(!path.exists(), "opening makes no file");
    fs::write(&path, []).unwrap();
    assert!(matches!(refusal(&at(&path)).await, StoreError::NotMigrated));
}

#[tokio::test]
async fn a_damaged_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.db");
    fs::write(&path, "this is no database, but it is long enough to look like one".repeat(100)).unwrap();
    for error in [refusal(&at(&path)).await, Store::migrate(&at(&path)).await.unwrap_err()] {
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains("damaged.db"));
    }
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), []).unwrap();
    let error = Store::migrate(&at(&folder.path().join("file/below.db"))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unwritable { .. }), "{error:?}");
    assert!(error.to_string().contains("below.db"));
}

#[tokio::test]
async fn an_unknown_kind_of_database_is_refused() {
    for url in ["mysql://x/y", "", "/just/a/path", "postgres://[broken"] {
        assert!(matches!(refusal(&StoreConfig::new(url)).await, StoreError::BadUrl), "{url}");
    }
    let nobody = StoreConfig::new("postgres://postgres@127.0.0.1:1/x");
    assert!(matches!(refusal(&nobody).await, StoreError::Unavailable(_)));
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart_without_a_clean_end() {
    let database = Database::sqlite().await;
    let directory = database.directory().await;
    let user = directory.user("u").await;
    // The files as a killed process leaves them: the write-ahead log not copied back.
    let copy = tempfile::tempdir().unwrap();
    let path = database.config.url.trim_start_matches("sqlite://").to_owned();
    for end in ["", "-wal"] {
        fs::copy(format!("{path}{end}"), copy.path().join(format!("copy.db{end}"))).unwrap();
    }
    let store = open(&at(&copy.path().join("copy.db"))).await.unwrap();
    let read = store.directory(&directory.scope).get(&directory.user_type(), user.id).await.unwrap();
    assert_eq!(read, Some(user));
}
