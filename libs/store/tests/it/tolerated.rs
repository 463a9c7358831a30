//! What was tolerated of directories' clients.

use std::time::Duration;

use rollcall_access::OperatorScope;
use rollcall_base::{Clock, Id, Timestamp, marker};
use rollcall_store::{MOST_NAMES_A_DAY, StoreError, TenantStore, ToleratedUse, UNMAPPED};
use rollcall_testkit::{TestDirectory, on_both_databases};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn noon() -> Timestamp {
    Timestamp::parse("2026-11-21T12:00:00Z").unwrap()
}

fn used(directory: Id<marker::Directory>, what: &str, times: u64, last_at: Timestamp) -> ToleratedUse {
    ToleratedUse { directory, what: what.to_owned(), times, last_at }
}

fn tenant(directory: &TestDirectory) -> TenantStore {
    directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id))
}

/// Asks and says all that there is about what was tolerated.
pub(crate) async fn everything_about(directory: &TestDirectory) {
    let (id, now) = (directory.record.id, directory.clock.now());
    let uses = vec![used(id, "boolean_as_text", 1, now), used(id, "unmapped:badge", 1, now)];
    directory.jobs().record_tolerated(uses).await.unwrap();
    assert_eq!(tenant(directory).tolerated(id, now, 10).await.unwrap().len(), 2);
}

on_both_databases! {
    async fn what_was_tolerated_adds_up_by_the_day_and_the_last_time_is_known(database) {
        let directory = database.directory().await;
        let (id, jobs) = (directory.record.id, directory.jobs());
        let later = noon().plus(DAY);
        jobs.record_tolerated(Vec::new()).await.unwrap();
        jobs.record_tolerated(vec![used(id, "dotted_key", 2, noon()), used(id, "dotted_key", 1, noon())]).await.unwrap();
        jobs.record_tolerated(vec![used(id, "urn_key", 9, later), used(id, "dotted_key", 5, later)]).await.unwrap();
        let late = noon().plus(Duration::from_secs(1));
        jobs.record_tolerated(vec![used(id, "dotted_key", 1, late)]).await.unwrap();
        let tenant = tenant(&directory);
        assert_eq!(
            tenant.tolerated(id, noon(), 10).await.unwrap(),
            [used(id, "dotted_key", 9, later), used(id, "urn_key", 9, later)],
            "the most frequent first"
        );
        assert_eq!(
            tenant.tolerated(id, later, 10).await.unwrap(),
            [used(id, "urn_key", 9, later), used(id, "dotted_key", 5, later)],
            "since the second day"
        );
        assert_eq!(tenant.tolerated(id, noon(), 1).await.unwrap().len(), 1);
    }

    async fn one_directorys_is_not_anothers_and_not_another_tenants(database) {
        let directory = database.directory().await;
        let other = TestDirectory::create(directory.store.clone(), directory.clock.clone(), "other", "D-2").await;
        let uses = [&directory, &other].map(|directory| used(directory.record.id, "dotted_key", 1, noon()));
        directory.jobs().record_tolerated(uses.to_vec()).await.unwrap();
        assert_eq!(tenant(&directory).tolerated(directory.record.id, noon(), 10).await.unwrap(), uses[..1]);
        let foreign = tenant(&directory).tolerated(other.record.id, noon(), 10).await;
        assert!(matches!(foreign, Err(StoreError::NotFound)), "{foreign:?}");
    }

    async fn a_client_that_makes_names_up_fills_no_disk_and_is_counted_whole(database) {
        let directory = database.directory().await;
        let id = directory.record.id;
        let names = |range: std::ops::Range<usize>| -> Vec<ToleratedUse> {
            range.map(|number| used(id, &format!("{UNMAPPED}name{number}"), 1, noon())).collect()
        };
        directory.jobs().record_tolerated(names(0..50)).await.unwrap();
        directory.jobs().record_tolerated(names(20..150)).await.unwrap();
        directory.jobs().record_tolerated(vec![used(id, "dotted_key", 1, noon())]).await.unwrap();
        let seen = tenant(&directory).tolerated(id, noon(), 1000).await.unwrap();
        assert_eq!(seen.len(), MOST_NAMES_A_DAY + 2, "the names, the rest of them, and a quirk");
        assert_eq!(seen.iter().map(|used| used.times).sum::<u64>(), 50 + 130 + 1);
        assert_eq!(seen[0].what, UNMAPPED);
        directory.jobs().record_tolerated(vec![used(id, "unmapped:name7", 1, noon())]).await.unwrap();
        let again = tenant(&directory).tolerated(id, noon(), 1000).await.unwrap();
        assert_eq!(again.iter().find(|used| used.what == "unmapped:name7").unwrap().times, 2, "a known one has its place");
        directory.jobs().record_tolerated(vec![used(id, "unmapped:new", 1, noon().plus(DAY))]).await.unwrap();
        let next_day = tenant(&directory).tolerated(id, noon().plus(DAY), 1000).await.unwrap();
        assert_eq!(next_day[0].what, "unmapped:new", "the next day has room again");
    }

    async fn what_was_tolerated_long_ago_is_erased_in_bites_and_nothing_else(database) {
        let directory = database.directory().await;
        let id = directory.record.id;
        let uses = (0..25).map(|day| used(id, "dotted_key", 1, noon().plus(DAY * day))).collect();
        directory.jobs().record_tolerated(uses).await.unwrap();
        let mut bites = Vec::new();
        loop {
            match directory.jobs().purge_tolerated(noon().plus(DAY * 15), 10).await.unwrap() {
                0 => break,
                erased => bites.push(erased),
            }
        }
        assert_eq!(bites, [10, 5]);
        let left = tenant(&directory).tolerated(id, Timestamp::from_micros(0), 10).await.unwrap();
        assert_eq!(left, [used(id, "dotted_key", 10, noon().plus(DAY * 24))]);
    }
}
