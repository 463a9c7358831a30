//! The one door: what happens when a write goes wrong or its caller goes away.

use std::{sync::Arc, time::Duration};

use rollcall_store::{Store, StoreError, StoredResource};
use rollcall_testkit::{Database, TestDirectory, on_both_databases};
use sea_orm::{ConnectionTrait, Statement, TransactionTrait};
use serde_json::json;

use crate::resources::rejected;

on_both_databases! {
    async fn a_panic_ends_one_write_and_no_other(database) {
        let directory = database.directory().await;
        let user = directory.user("u").await;
        let resources = directory.resources();
        let bomb = Arc::new(|_: &StoredResource| panic!("a fault"));
        let others = (0..20).map(|number| {
            let new = directory.new_user(json!({ "userName": format!("n{number}") }));
            let resources = resources.clone();
            tokio::spawn(async move { resources.create(new).await })
        });
        let others: Vec<_> = others.collect();
        let outcome = resources.update(directory.target(&user), bomb).await;
        assert!(matches!(outcome, Err(StoreError::Internal(_))), "{outcome:?}");
        for other in others {
            other.await.unwrap().unwrap();
        }
        assert_eq!(directory.resources().get(&directory.user_type(), user.id).await.unwrap(), Some(user));
    }

    async fn a_refused_write_takes_none_of_its_neighbours_along(database) {
        let directory = database.directory().await;
        let writes = (0..40).map(|number| {
            let resources = directory.resources();
            // Every other one wants the same name.
            let name = if number % 2 == 0 { "same".to_owned() } else { format!("n{number}") };
            let new = directory.new_user(json!({ "userName": name }));
            tokio::spawn(async move { resources.create(new).await })
        });
        let writes: Vec<_> = writes.collect();
        let mut refused = 0;
        for write in writes {
            let outcome = write.await.unwrap();
            if outcome.is_err() {
                assert_eq!(rejected(outcome).status, 409);
                refused += 1;
            }
        }
        assert_eq!(refused, 19);
        assert_eq!(crate::lists::listed(&directory, &directory.user_type(), None).await.unwrap().len(), 21);
    }

    async fn a_caller_who_goes_away_leaves_nothing_half_done(database) {
        let directory = database.directory().await;
        let member = directory.user("member").await.id;
        for number in 0..40_u64 {
            let new = directory.new_group(json!({ "displayName": "g", "externalId": number.to_string() }), &[member]);
            let resources = directory.resources();
            let write = tokio::spawn(async move { resources.create(new).await });
            for _ in 0..number {
                tokio::task::yield_now().await;
            }
            write.abort();
            let _ = write.await;
        }
        // The door still opens, and whoever came in is whole: resource, member, claim, outbox row.
        directory.group("last", &[member]).await;
        let raw = database.raw().await;
        let count = async |sql: &str| -> i64 {
            let statement = Statement::from_string(raw.get_database_backend(), sql);
            raw.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index(0).unwrap()
        };
        let groups = count("SELECT COUNT(*) FROM resource WHERE kind = 2").await;
        assert_eq!(count("SELECT COUNT(*) FROM member").await, groups);
        assert_eq!(count("SELECT COUNT(*) FROM member_set").await, groups);
        assert_eq!(count("SELECT COUNT(*) FROM claim").await, groups - 1);
        assert_eq!(count("SELECT COUNT(*) FROM outbox WHERE kind = 2").await, groups);
    }

    async fn a_closed_store_has_written_what_it_took_and_takes_no_more(database) {
        let directory = database.directory().await;
        let writes: Vec<_> = (0..30)
            .map(|number| {
                let resources = directory.resources();
                let new = directory.new_user(json!({ "userName": format!("n{number}") }));
                tokio::spawn(async move { resources.create(new).await })
            })
            .collect();
        tokio::task::yield_now().await;
        directory.store.close().await;
        let mut done = 0;
        for write in writes {
            match write.await.unwrap() {
                Ok(_) => done += 1,
                Err(StoreError::Unavailable(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        let (again, _) = database.open().await;
        let listing = again.directory(&directory.scope).list(&crate::lists::query(&directory.user_type(), None)).await;
        assert_eq!(listing.unwrap().total, done);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_that_holds_the_lock_too_long_makes_the_store_unavailable() {
    let mut database = Database::sqlite().await;
    database.config.statement_timeout_ms = 50;
    let directory = database.directory().await;
    let raw = database.raw().await;
    let lock = raw.begin().await.unwrap();
    lock.execute_unprepared("INSERT INTO job_lock (name, taken_at) VALUES ('x', 0)").await.unwrap();
    let new = || directory.new_user(json!({ "userName": "u" }));
    let outcome = directory.resources().create(new()).await;
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    lock.rollback().await.unwrap();
    directory.resources().create(new()).await.unwrap();
}

/// A full disk makes SQLite roll the whole transaction back; here a trigger does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_sqlite_rolls_back_is_refused_whole_and_the_store_goes_on() {
    let database = Database::sqlite().await;
    let directory = database.directory().await;
    let raw = database.raw().await;
    let trigger = "CREATE TRIGGER disk BEFORE INSERT ON outbox WHEN NEW.request_id = 'full' \
                   BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
    raw.execute_unprepared(trigger).await.unwrap();
    // While the lock is held elsewhere writes queue up behind the first.
    let lock = raw.begin().await.unwrap();
    lock.execute_unprepared("INSERT INTO job_lock (name, taken_at) VALUES ('x', 0)").await.unwrap();
    let writes: Vec<_> = (0..20)
        .map(|number| {
            let mut new = directory.new_user(json!({ "userName": format!("n{number}") }));
            if number == 10 {
                new.request_id = "full".to_owned();
            }
            let resources = directory.resources();
            tokio::spawn(async move { resources.create(new).await })
        })
        .collect();
    tokio::task::yield_now().await;
    lock.rollback().await.unwrap();
    let mut written = std::collections::BTreeSet::new();
    for (number, write) in writes.into_iter().enumerate() {
        match write.await.unwrap() {
            Ok(user) => assert!(written.insert(user.resource.id)),
            Err(StoreError::Unavailable(_)) => {}
            Err(StoreError::Internal(_)) if number == 10 => {} // a trigger's error is none that a disk gives
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(written.len() < 20);
    written.insert(directory.user("after").await.id);
    let listed = crate::lists::listed(&directory, &directory.user_type(), None).await.unwrap();
    assert_eq!(listed.iter().map(|user| user.id).collect::<std::collections::BTreeSet<_>>(), written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_writes_is_noticed_and_what_this_one_writes_is_not() {
    let database = Database::sqlite().await;
    let directory = database.directory().await;
    let mut changed = directory.store.changed_elsewhere();
    // The first look only learns where things stand: give it time by waiting for the change that comes after it.
    for _ in 0..3 {
        directory.user(&format!("own{}", directory.clock_micros())).await;
    }
    assert!(!changed.has_changed().unwrap());
    let (other, _): (Store, _) = database.open().await;
    let notice = async {
        loop {
            let new = directory.new_user(json!({ "userName": format!("other{}", directory.clock_micros()) }));
            directory.clock.advance(Duration::from_micros(1));
            other.directory(&directory.scope).create(new).await.unwrap();
            if let Ok(seen) = tokio::time::timeout(Duration::from_millis(100), changed.changed()).await {
                return seen.unwrap();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), notice).await.expect("noticed");
}

trait ClockMicros {
    fn clock_micros(&self) -> i64;
}

impl ClockMicros for TestDirectory {
    fn clock_micros(&self) -> i64 {
        rollcall_base::Clock::now(&*self.clock).as_micros()
    }
}
