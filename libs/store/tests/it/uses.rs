//! What credentials were used for, and what was refused.

use std::time::Duration;

use rollcall_access::{JobScope, OperatorScope};
use rollcall_base::{Clock, Id, SeededEntropy, Timestamp, marker};
use rollcall_store::{
    CredentialUse, MOST_PLACES_AN_HOUR, MOST_REFUSALS_A_DAY, RecordedUses, RefusedUse, ReportId, StoreError, UseReport,
    VerificationStore, Within,
};
use rollcall_testkit::{TestDirectory, on_both_databases};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Parts of a report that nobody sends again.
pub(crate) trait Recording {
    async fn record_uses(&self, uses: Vec<CredentialUse>) -> Result<RecordedUses, StoreError>;
    async fn record_refusals(&self, refusals: Vec<RefusedUse>) -> Result<RecordedUses, StoreError>;
}

impl Recording for VerificationStore {
    async fn record_uses(&self, uses: Vec<CredentialUse>) -> Result<RecordedUses, StoreError> {
        self.record(UseReport { uses, ..UseReport::default() }).await
    }

    async fn record_refusals(&self, refusals: Vec<RefusedUse>) -> Result<RecordedUses, StoreError> {
        self.record(UseReport { refusals, ..UseReport::default() }).await
    }
}

fn used(directory: Id<marker::Directory>, credential: Id<marker::Credential>, at: Timestamp) -> CredentialUse {
    CredentialUse {
        directory,
        credential,
        address: "192.0.2.1".to_owned(),
        agent: "Okta/1".to_owned(),
        outside: false,
        reads: 2,
        writes: 1,
        first_at: at,
        last_at: at.plus(Duration::from_secs(1)),
    }
}

fn refused(directory: Id<marker::Directory>, address: &str, at: Timestamp) -> RefusedUse {
    RefusedUse {
        directory,
        credential: None,
        client: None,
        reason: "damaged".to_owned(),
        address: address.to_owned(),
        agent: "curl/8".to_owned(),
        times: 3,
        first_at: at,
        last_at: at,
    }
}

/// Asks and says all that there is about a credential's use.
pub(crate) async fn everything_about(directory: &TestDirectory) {
    let (id, now) = (directory.record.id, directory.clock.now());
    let credential: Id<marker::Credential> = Id::new(now, &SeededEntropy::new(24));
    let verification = directory.store.verification(&JobScope::of_service("test"));
    let report = UseReport {
        id: Some(ReportId { reporter: Id::new(now, &SeededEntropy::new(28)), seq: 1 }),
        uses: vec![used(id, credential, now)],
        refusals: vec![refused(id, "192.0.2.1", now)],
    };
    verification.record(report).await.unwrap();
    let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
    assert_eq!(tenant.last_uses(id).await.unwrap().len(), 1);
    assert!(tenant.last_use(id, credential).await.unwrap().is_some());
    assert_eq!(directory.jobs().purge_reporters(Timestamp::from_micros(i64::MAX)).await.unwrap(), 1);
    assert_eq!(tenant.activity(id, credential, now, 10).await.unwrap().len(), 1);
    assert_eq!(tenant.refusals(id, now, 10).await.unwrap().len(), 1);
}

on_both_databases! {
    async fn uses_add_up_by_the_hour_and_the_place_and_the_last_one_is_known(database) {
        let directory = database.directory().await;
        let (id, now) = (directory.record.id, Timestamp::parse("2026-11-21T08:10:00Z").unwrap());
        let credential: Id<marker::Credential> = Id::new(now, &SeededEntropy::new(21));
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let first = used(id, credential, now);
        let elsewhere = CredentialUse { address: "192.0.2.2".to_owned(), outside: true, ..used(id, credential, now.plus(HOUR)) };
        let new = verification.record_uses(vec![first.clone(), first.clone()]).await.unwrap().first;
        assert_eq!(new.len(), 1, "never used before");
        assert_eq!((new[0].reads, new[0].first_at), (4, now));
        assert_eq!(verification.record_uses(vec![elsewhere.clone()]).await.unwrap().first, []);
        assert_eq!(verification.record_uses(vec![first.clone()]).await.unwrap().first, [], "it arrives late");
        let last = tenant.last_uses(id).await.unwrap().remove(&credential).unwrap();
        assert_eq!((last.first_at, last.at, last.address.as_str()), (now, elsewhere.last_at, "192.0.2.2"));
        let activity = tenant.activity(id, credential, now, 100).await.unwrap();
        let seen: Vec<_> = activity.iter().map(|hour| (hour.address.as_str(), hour.reads, hour.writes, hour.outside)).collect();
        assert_eq!(seen, [("192.0.2.1", 6, 3, false), ("192.0.2.2", 2, 1, true)]);
        assert_eq!(tenant.activity(id, credential, now.plus(HOUR), 100).await.unwrap().len(), 1, "since the second hour");
        assert_eq!(tenant.activity(id, credential, now, 1).await.unwrap().len(), 1, "at most one");
    }

    async fn whoever_changes_his_agent_with_each_request_fills_no_disk_and_is_counted_whole(database) {
        let directory = database.directory().await;
        let (id, now) = (directory.record.id, Timestamp::parse("2026-11-21T08:10:00Z").unwrap());
        let credential: Id<marker::Credential> = Id::new(now, &SeededEntropy::new(25));
        let verification = directory.store.verification(&JobScope::of_service("test"));
        for round in 0..3_u64 {
            let many = (0..MOST_PLACES_AN_HOUR)
                .map(|n| CredentialUse { agent: format!("agent/{round}/{n}"), ..used(id, credential, now) });
            verification.record_uses(many.collect()).await.unwrap();
        }
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let places = tenant.activity(id, credential, now, 10_000).await.unwrap();
        assert_eq!(places.len() as u64, MOST_PLACES_AN_HOUR + 1);
        let reads: u64 = places.iter().map(|place| place.reads).sum();
        assert_eq!(reads, 2 * 3 * MOST_PLACES_AN_HOUR);
    }

    async fn another_tenant_sees_nothing_of_it(database) {
        let directory = database.directory().await;
        let operator = OperatorScope::from_local_configuration();
        let other = directory.store.operator(&operator).create_tenant("other", "").await.unwrap();
        let other = directory.store.tenant(&operator.tenant(other.id));
        let (id, now) = (directory.record.id, directory.clock.now());
        let credential: Id<marker::Credential> = Id::new(now, &SeededEntropy::new(22));
        assert!(matches!(other.last_uses(id).await, Err(StoreError::NotFound)));
        assert!(other.last_uses(Within::Tenant).await.unwrap().is_empty());
        let tenant = crate::directory_life::tenant(&directory);
        assert_eq!(tenant.last_uses(Within::Tenant).await.unwrap(), tenant.last_uses(id).await.unwrap());
        assert!(matches!(other.activity(id, credential, now, 1).await, Err(StoreError::NotFound)));
        assert!(matches!(other.refusals(id, now, 1).await, Err(StoreError::NotFound)));
    }

    async fn refused_uses_add_up_by_the_day_and_a_stranger_with_many_addresses_fills_no_disk(database) {
        let directory = database.directory().await;
        let (id, now) = (directory.record.id, Timestamp::parse("2026-11-21T08:10:00Z").unwrap());
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let credential = Some(Id::new(now, &SeededEntropy::new(23)));
        let of_token = RefusedUse { credential, reason: "expired".to_owned(), ..refused(id, "192.0.2.9", now.plus(HOUR)) };
        verification.record_refusals(vec![refused(id, "192.0.2.9", now), of_token.clone()]).await.unwrap();
        verification.record_refusals(vec![refused(id, "192.0.2.9", now)]).await.unwrap();
        let seen = tenant.refusals(id, now, 100).await.unwrap();
        assert_eq!(seen[0], of_token, "the latest first");
        assert_eq!((seen.len(), seen[1].times, seen[1].credential), (2, 6, None));
        let many = (0..MOST_REFUSALS_A_DAY + 50).map(|n| refused(id, &format!("2001:db8:{n:x}::"), now)).collect();
        verification.record_refusals(many).await.unwrap();
        let seen = tenant.refusals(id, now, 10_000).await.unwrap();
        assert!(seen.len() as u64 <= MOST_REFUSALS_A_DAY + 1, "{}", seen.len());
        let without_address: Vec<_> = seen.iter().filter(|row| row.address.is_empty()).collect();
        assert_eq!(without_address.len(), 1);
        let all: u64 = seen.iter().map(|row| u64::from(row.times)).sum();
        assert_eq!(all, 3 + 6 + 3 * (MOST_REFUSALS_A_DAY + 50), "all are counted");
    }

    async fn where_a_credential_was_used_from_is_added_up(database) {
        let directory = database.directory().await;
        let (id, now) = (directory.record.id, Timestamp::parse("2026-11-21T08:10:00Z").unwrap());
        let credential: Id<marker::Credential> = Id::new(now, &SeededEntropy::new(24));
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let there = |at| CredentialUse { address: "192.0.2.2".to_owned(), outside: true, ..used(id, credential, at) };
        let uses = vec![used(id, credential, now), used(id, credential, now.plus(3 * HOUR)), there(now.plus(HOUR))];
        verification.record_uses(uses).await.unwrap();
        let places = tenant.places_of_use(id, credential, now, 10).await.unwrap();
        let seen: Vec<_> =
            places.iter().map(|place| (place.address.as_str(), place.outside, place.reads, place.writes)).collect();
        assert_eq!(seen, [("192.0.2.1", false, 4, 2), ("192.0.2.2", true, 2, 1)]);
        assert_eq!(places[0].first_at, Timestamp::parse("2026-11-21T08:00:00Z").unwrap(), "to the hour");
        let later = tenant.places_of_use(id, credential, now.plus(2 * HOUR), 10).await.unwrap();
        assert_eq!(later.iter().map(|place| place.reads).collect::<Vec<_>>(), [2]);
        assert_eq!(tenant.places_of_use(id, credential, now, 1).await.unwrap().len(), 1, "at most one");
        assert_eq!(tenant.times_used(id, credential, now).await.unwrap(), (6, 3, true));
        assert_eq!(tenant.times_used(id, credential, now.plus(2 * HOUR)).await.unwrap(), (2, 1, false));
        assert_eq!(tenant.times_used(id, credential, now.plus(9 * HOUR)).await.unwrap(), (0, 0, false));
    }

    async fn the_refused_uses_of_one_credential_are_told_apart(database) {
        let directory = database.directory().await;
        let (id, now) = (directory.record.id, Timestamp::parse("2026-11-21T08:10:00Z").unwrap());
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let credential: Id<marker::Credential> = Id::new(now, &SeededEntropy::new(25));
        let of_token = RefusedUse { credential: Some(credential), ..refused(id, "192.0.2.9", now) };
        verification.record_refusals(vec![refused(id, "192.0.2.9", now), of_token.clone()]).await.unwrap();
        assert_eq!(tenant.refusals_of(id, credential, now, 10).await.unwrap(), [of_token]);
        assert_eq!(tenant.refusals_of(id, credential, now.plus(HOUR), 10).await.unwrap(), [], "the last was before");
    }

    async fn what_is_old_is_erased_in_bites_and_nothing_else(database) {
        let directory = database.directory().await;
        let other = TestDirectory::create(directory.store.clone(), directory.clock.clone(), "acme", "D-2").await;
        let now = Timestamp::parse("2026-11-21T08:10:00Z").unwrap();
        let credential: Id<marker::Credential> = Id::new(now, &SeededEntropy::new(26));
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        for id in [directory.record.id, other.record.id] {
            let uses = (0..20).map(|hour| used(id, credential, now.plus(HOUR * hour))).collect();
            verification.record_uses(uses).await.unwrap();
            let refusals = (0..20).map(|day| refused(id, "192.0.2.9", now.plus(24 * HOUR * day))).collect();
            verification.record_refusals(refusals).await.unwrap();
        }
        let (activity_before, refusals_before) = (now.plus(12 * HOUR), now.plus(24 * HOUR * 15));
        let mut bites = Vec::new();
        loop {
            match directory.jobs().purge_uses(activity_before, refusals_before, 10).await.unwrap() {
                0 => break,
                erased => bites.push(erased),
            }
        }
        assert_eq!(bites, [20, 20, 14], "24 hours and 30 days, at most 10 of each at once");
        let beginning = Timestamp::from_micros(0);
        for id in [directory.record.id, other.record.id] {
            let hours = tenant.activity(id, credential, beginning, 100).await.unwrap();
            assert_eq!((hours.len(), hours[0].first_at), (8, Timestamp::parse("2026-11-21T20:00:00Z").unwrap()));
            assert_eq!(tenant.refusals(id, beginning, 100).await.unwrap().len(), 5);
            assert!(tenant.last_uses(id).await.unwrap().contains_key(&credential), "that is known for good");
        }
    }

    async fn a_report_that_comes_again_changes_nothing(database) {
        let directory = database.directory().await;
        let (id, now) = (directory.record.id, Timestamp::parse("2026-11-21T08:10:00Z").unwrap());
        let entropy = SeededEntropy::new(29);
        let (credential, reporter): (Id<marker::Credential>, _) = (Id::new(now, &entropy), Id::new(now, &entropy));
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let report = |reporter, seq| UseReport {
            id: Some(ReportId { reporter, seq }),
            uses: vec![used(id, credential, now)],
            refusals: vec![refused(id, "192.0.2.9", now)],
        };
        let counted = async || {
            let (reads, writes, _) = tenant.times_used(id, credential, now).await.unwrap();
            (reads, writes, tenant.refusals(id, now, 10).await.unwrap()[0].times)
        };
        let first = verification.record(report(reporter, 1)).await.unwrap();
        assert_eq!((first.had_been, first.first.len()), (false, 1));
        let again = RecordedUses { had_been: true, ..RecordedUses::default() };
        for _ in 0..3 {
            assert_eq!(verification.record(report(reporter, 1)).await.unwrap(), again);
        }
        assert_eq!(counted().await, (2, 1, 3));
        // Sent several times at the same moment, as after a time in which no answer came.
        let sent = futures_util::future::join_all((0..8).map(|_| verification.record(report(reporter, 2)))).await;
        assert_eq!(sent.into_iter().filter(|sent| !sent.as_ref().unwrap().had_been).count(), 1);
        assert_eq!(counted().await, (4, 2, 6));
        assert!(verification.record(report(reporter, 1)).await.unwrap().had_been, "an earlier one that was held up");
        let other = Id::new(now, &entropy);
        assert!(!verification.record(report(other, 1)).await.unwrap().had_been, "another process has numbers of its own");
        assert_eq!(counted().await, (6, 3, 9));
        // Those that are heard of no more are forgotten.
        let heard_at = directory.clock.now();
        directory.clock.advance(24 * HOUR);
        verification.record(report(reporter, 3)).await.unwrap();
        assert_eq!(directory.jobs().purge_reporters(heard_at).await.unwrap(), 0);
        assert_eq!(directory.jobs().purge_reporters(heard_at.plus(HOUR)).await.unwrap(), 1);
        assert!(verification.record(report(reporter, 3)).await.unwrap().had_been);
    }

    async fn what_fails_is_not_noted_as_kept(database) {
        let directory = database.directory().await;
        let (id, now) = (directory.record.id, directory.clock.now());
        let entropy = SeededEntropy::new(30);
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let report = UseReport {
            id: Some(ReportId { reporter: Id::new(now, &entropy), seq: 1 }),
            uses: vec![used(id, Id::new(now, &entropy), now)],
            refusals: vec![refused(id, "192.0.2.9", now)],
        };
        database.execute("ALTER TABLE refused_use RENAME COLUMN times TO number").await;
        assert!(verification.record(report.clone()).await.is_err());
        database.execute("ALTER TABLE refused_use RENAME COLUMN number TO times").await;
        assert!(!verification.record(report).await.unwrap().had_been);
    }

    async fn what_has_a_row_already_counts_against_no_bound(database) {
        let directory = database.directory().await;
        let (id, now) = (directory.record.id, Timestamp::parse("2026-11-21T08:10:00Z").unwrap());
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let addresses = MOST_REFUSALS_A_DAY / 5;
        let credential: Id<marker::Credential> = Id::new(now, &SeededEntropy::new(31));
        let places = MOST_PLACES_AN_HOUR / 5;
        for _ in 0..6 {
            let same = (0..addresses).map(|n| refused(id, &format!("2001:db8:{n:x}::"), now)).collect();
            verification.record_refusals(same).await.unwrap();
            let same = (0..places).map(|n| CredentialUse { agent: format!("agent/{n}"), ..used(id, credential, now) });
            verification.record_uses(same.collect()).await.unwrap();
        }
        let seen = tenant.refusals(id, now, 10_000).await.unwrap();
        assert_eq!(seen.len() as u64, addresses);
        assert!(seen.iter().all(|row| row.times == 18 && !row.address.is_empty()));
        let hour = tenant.activity(id, credential, now, 10_000).await.unwrap();
        assert_eq!(hour.len() as u64, places);
        assert!(hour.iter().all(|place| place.reads == 12 && !place.address.is_empty()));
        // What had its row before the bound was reached keeps it beyond.
        let others = (0..2 * MOST_REFUSALS_A_DAY).map(|n| refused(id, &format!("2001:db9:{n:x}::"), now)).collect();
        verification.record_refusals(others).await.unwrap();
        verification.record_refusals(vec![refused(id, "2001:db8:0::", now)]).await.unwrap();
        let seen = tenant.refusals(id, now, 10_000).await.unwrap();
        assert_eq!(seen.len() as u64, MOST_REFUSALS_A_DAY + 1);
        assert_eq!(seen.iter().find(|row| row.address == "2001:db8:0::").unwrap().times, 21);
    }
}
