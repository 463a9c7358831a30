//! PostgreSQL is lost while it is being used: what can be done again is, and of what cannot, nobody is told anything
//! wrong.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rollcall_base::{Id, SystemClock, SystemEntropy, marker::Resource};
use rollcall_store::{Store, StoreConfig, StoreError, StoredResource};
use rollcall_testkit::{Database, Gate, TestDirectory};
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::json;

/// A directory whose store reaches its database through a gate.
async fn behind_a_gate(database: &Database) -> (TestDirectory, Gate) {
    let gate = Gate::before(database.address()).await;
    let mut directory = database.directory().await;
    directory.store = opened(&database.through(&gate)).await;
    (directory, gate)
}

async fn opened(config: &StoreConfig) -> Store {
    Store::open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await.unwrap()
}

/// Every user by name, with its id and version.
pub(crate) async fn stored(directory: &TestDirectory) -> BTreeMap<String, (Id<Resource>, i64)> {
    let mut stored = BTreeMap::new();
    let mut query = crate::lists::query(&directory.user_type(), None);
    loop {
        query.count = 200;
        let page = directory.resources().list(&query).await.unwrap();
        for user in page.resources {
            let name = user.document.attributes()["userName"].as_str().unwrap().to_owned();
            assert!(stored.insert(name, (user.id, user.version)).is_none());
        }
        match page.next {
            Some(next) => query.position = rollcall_store::Position::After(next),
            None => return stored,
        }
    }
}

fn named(directory: &TestDirectory, name: &str) -> rollcall_store::NewResource {
    let mut new = directory.new_user(json!({ "userName": name }));
    new.request_id = format!("request-{name}");
    new
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_was_cut_off_is_read_again() {
    let mut database = Database::postgres().await;
    // Every statement travels as text each time, for the gate to see.
    database.config.statement_cache = 0;
    let (directory, gate) = behind_a_gate(&database).await;
    let user = directory.user("u").await;
    for lose in [Gate::cut_before, Gate::lose_answer_to] {
        lose(&gate, b"FROM resource r");
        let read = directory.resources().get(&directory.user_type(), user.id).await.unwrap();
        assert_eq!(read, Some(user.clone()));
        assert!(!gate.is_set());
        lose(&gate, b"FROM resource r");
        let query = crate::lists::query(&directory.user_type(), None);
        assert_eq!(directory.resources().list(&query).await.unwrap().resources, std::slice::from_ref(&user));
        assert!(!gate.is_set());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_was_cut_off_before_its_commit_is_made_once() {
    let mut database = Database::postgres().await;
    // Every statement travels as text each time, for the gate to see.
    database.config.statement_cache = 0;
    let (directory, gate) = behind_a_gate(&database).await;
    for (number, text) in [b"BEGIN" as &[u8], b"INTO \"resource\"", b"INTO \"outbox\""].into_iter().enumerate() {
        for (way, lose) in [Gate::cut_before, Gate::lose_answer_to].into_iter().enumerate() {
            lose(&gate, text);
            directory.resources().create(named(&directory, &format!("u{number}-{way}"))).await.unwrap();
            assert!(!gate.is_set(), "{number} {way}");
        }
    }
    assert_eq!(stored(&directory).await.len(), 6);
    assert_eq!(directory.sequence(100).await.unwrap(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_found_to_have_been_made() {
    let database = Database::postgres().await;
    let (directory, gate) = behind_a_gate(&database).await;
    gate.lose_answer_to(b"COMMIT");
    let user = directory.resources().create(named(&directory, "u")).await.unwrap().resource;
    assert!(!gate.is_set());
    gate.lose_answer_to(b"COMMIT");
    let change = TestDirectory::to_document(json!({ "userName": "u", "title": "t" }));
    let updated = directory.resources().update(directory.target(&user), change.clone()).await.unwrap();
    assert!(updated.changed && updated.resource.version == 2 && !gate.is_set());
    gate.lose_answer_to(b"COMMIT");
    let same = directory.resources().update(directory.target(&user), change).await.unwrap();
    assert!(!same.changed && same.resource.version == 2 && !gate.is_set());
    gate.lose_answer_to(b"COMMIT");
    directory.resources().delete(directory.target(&user)).await.unwrap();
    assert!(!gate.is_set());
    assert_eq!(directory.resources().get(&directory.user_type(), user.id).await.unwrap(), None);
    assert_eq!(directory.sequence(100).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_of_which_nothing_can_be_seen_is_neither_a_success_nor_a_plain_failure() {
    let database = Database::postgres().await;
    let (directory, gate) = behind_a_gate(&database).await;
    gate.cut_before(b"COMMIT");
    let error = directory.resources().create(named(&directory, "u")).await.unwrap_err();
    assert!(matches!(error, StoreError::OutcomeUnknown(_)), "{error:?}");
    assert!(error.to_string().contains("may have been made"));
    assert!(stored(&directory).await.is_empty());
    directory.resources().create(named(&directory, "u")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_reached_is_unavailable_and_comes_back_by_itself() {
    let database = Database::postgres().await;
    let (directory, gate) = behind_a_gate(&database).await;
    let user = directory.user("u").await;
    gate.shut();
    let read = directory.resources().get(&directory.user_type(), user.id).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    let written = directory.resources().create(named(&directory, "v")).await;
    assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
    gate.open();
    assert_eq!(directory.resources().get(&directory.user_type(), user.id).await.unwrap(), Some(user));
    directory.resources().create(named(&directory, "v")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_to_a_silent_server_that_nobody_waits_for_any_more_keep_no_connection() {
    for statement_cache in [256, 0] {
        let mut database = Database::postgres().await;
        // The only connection is the one that the first question falls silent on.
        (database.config.max_connections, database.config.statement_cache) = (1, statement_cache);
        let (directory, gate) = behind_a_gate(&database).await;
        gate.fall_silent();
        for _ in 0..4 {
            let asked = tokio::time::timeout(Duration::from_millis(200), directory.store.ping()).await;
            assert!(asked.is_err(), "a silent server answered: {asked:?}");
        }
        gate.speak();
        let begin = std::time::Instant::now();
        while let Err(error) = directory.resources().create(named(&directory, "u")).await {
            assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
            assert!(begin.elapsed().as_secs() < 60, "the connection is not given back");
        }
        gate.fall_silent();
        let asked = tokio::time::timeout(Duration::from_millis(200), directory.store.ping()).await;
        assert!(asked.is_err(), "a silent server answered: {asked:?}");
        let closed = tokio::time::timeout(Duration::from_secs(60), directory.store.close()).await;
        assert!(closed.is_ok(), "the store does not close");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_server_ended_are_replaced_unseen() {
    let database = Database::postgres().await;
    let directory = database.directory().await;
    let user = directory.user("u").await;
    let raw = database.raw().await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for number in 0..3 {
        raw.execute_unprepared(end).await.unwrap();
        assert!(directory.resources().get(&directory.user_type(), user.id).await.unwrap().is_some());
        raw.execute_unprepared(end).await.unwrap();
        directory.resources().create(named(&directory, &format!("v{number}"))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_waits_too_long_for_a_lock_or_takes_too_long_changes_nothing() {
    for (lock, whole) in [(200, 60_000), (60_000, 200)] {
        let mut database = Database::postgres().await;
        (database.config.lock_timeout_ms, database.config.transaction_timeout_ms) = (lock, whole);
        let directory = database.directory().await;
        let user = directory.user("u").await;
        let raw = database.raw().await;
        let holder = raw.begin().await.unwrap();
        holder.execute_unprepared("SELECT 1 FROM resource FOR UPDATE").await.unwrap();
        let change = TestDirectory::to_document(json!({ "userName": "u", "title": "t" }));
        let error = directory.resources().update(directory.target(&user), change.clone()).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        holder.rollback().await.unwrap();
        assert_eq!(directory.resources().get(&directory.user_type(), user.id).await.unwrap(), Some(user.clone()));
        directory.resources().update(directory.target(&user), change).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_is_kept_to_a_server_that_takes_no_writes() {
    let database = Database::postgres().await;
    let mut config = database.config.clone();
    config.url = format!("{}?options[default_transaction_read_only]=on", config.url);
    config.acquire_timeout_ms = 500;
    let refused = Store::open(&config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await;
    assert!(matches!(refused.err(), Some(StoreError::Unavailable(_))));
}

/// What a writer was told.
#[derive(Default)]
pub(crate) struct Told {
    /// Users that exist, at this version.
    pub(crate) acknowledged: BTreeMap<String, i64>,
    /// Names of whose creation, and users of whose last change, nothing is known.
    pub(crate) unknown: Vec<String>,
    pub(crate) unavailable: usize,
}

/// Creates users and changes each once, until told to stop.
pub(crate) async fn write(directory: TestDirectory, writer: usize, stop: Arc<AtomicBool>) -> Told {
    let mut told = Told::default();
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let name = format!("w{writer}-{number}");
        let created: StoredResource = match directory.resources().create(named(&directory, &name)).await {
            Ok(created) => created.resource,
            Err(StoreError::OutcomeUnknown(_)) => {
                told.unknown.push(name);
                continue;
            }
            Err(StoreError::Unavailable(_)) => {
                told.unavailable += 1;
                continue;
            }
            Err(other) => panic!("{other:?}"),
        };
        told.acknowledged.insert(name.clone(), 1);
        let change = TestDirectory::to_document(json!({ "userName": name, "title": "t" }));
        let mut target = directory.target(&created);
        target.request_id = format!("change-{name}");
        match directory.resources().update(target, change).await {
            Ok(updated) => assert_eq!(told.acknowledged.insert(name, updated.resource.version), Some(1)),
            Err(StoreError::OutcomeUnknown(_)) => told.unknown.push(name),
            Err(StoreError::Unavailable(_)) => told.unavailable += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    told
}

/// What was acknowledged is there, once; what is there beyond that is what was in doubt; each version has its event.
pub(crate) async fn check(directory: &TestDirectory, told: &[Told]) -> usize {
    let stored = stored(directory).await;
    let mut count = 0;
    for told in told {
        for (name, version) in &told.acknowledged {
            let (_, stands) = stored.get(name).unwrap_or_else(|| panic!("the acknowledged {name} is lost"));
            let may_be_later = told.unknown.contains(name);
            assert!(
                stands == version || may_be_later && *stands == version + 1,
                "{name}: {version}, and stored {stands}"
            );
        }
        count += told.acknowledged.len();
    }
    let all: Vec<&String> = told.iter().flat_map(|told| told.acknowledged.keys().chain(&told.unknown)).collect();
    for name in stored.keys() {
        assert!(all.contains(&name), "{name} was said to have changed nothing, and is there");
    }
    loop {
        match directory.sequence(500).await {
            Ok(0) => break,
            // What was still to be cut off may be this; the worker comes again, too.
            Ok(_) | Err(StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    let events = directory.jobs().events(directory.record.id, 0, 1_000_000).await.unwrap();
    let mut versions: BTreeMap<Id<Resource>, i64> = BTreeMap::new();
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event.seq, at as i64 + 1);
        let version = versions.entry(event.resource).or_default();
        *version += 1;
        assert_eq!(event.version, *version);
    }
    assert_eq!(versions, stored.values().copied().collect());
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_cut_at_any_moment_lose_no_acknowledged_write_and_double_none() {
    let database = Database::postgres().await;
    let (directory, gate) = behind_a_gate(&database).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> =
        (0..6).map(|writer| tokio::spawn(write(directory.clone(), writer, Arc::clone(&stop)))).collect();
    let raw = database.raw().await;
    let begin = std::time::Instant::now();
    for round in 0_u64.. {
        // On a slow machine it takes more rounds until enough was written between them.
        if round >= 40 && crate::migrating::number(&raw, "SELECT COUNT(*) FROM resource").await > 80 {
            break;
        }
        assert!(begin.elapsed().as_secs() < 60, "hardly anything can be written");
        tokio::time::sleep(Duration::from_millis(20 + round * 37 % 50)).await;
        match round % 4 {
            0 => gate.cut_before(b"COMMIT"),
            1 => gate.lose_answer_to(b"COMMIT"),
            _ => {
                gate.shut();
                tokio::time::sleep(Duration::from_millis(round * 13 % 60)).await;
                gate.open();
            }
        }
    }
    stop.store(true, Ordering::SeqCst);
    let mut told = Vec::new();
    for writer in writers {
        told.push(writer.await.unwrap());
    }
    let acknowledged = check(&directory, &told).await;
    assert!(acknowledged > 50, "{acknowledged}");
    let unknown: usize = told.iter().map(|told| told.unknown.len()).sum();
    assert!(unknown > 0, "nothing was cut off at its commit");
}
