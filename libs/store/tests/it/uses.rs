//! What credentials were used for, and what was refused.

use std::time::Duration;

use rollcall_access::{JobScope, OperatorScope};
use rollcall_base::{Clock, Id, SeededEntropy, Timestamp, marker};
use rollcall_store::{CredentialUse, MOST_REFUSALS_A_DAY, RefusedUse, StoreError};
use rollcall_testkit::{TestDirectory, on_both_databases};

const HOUR: Duration = Duration::from_secs(60 * 60);

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
    let credential = Id::new(now, &SeededEntropy::new(24));
    let verification = directory.store.verification(&JobScope::of_service("test"));
    verification.record_uses(vec![used(id, credential, now)]).await.unwrap();
    verification.record_refusals(vec![refused(id, "192.0.2.1", now)]).await.unwrap();
    let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
    assert_eq!(tenant.last_uses(id).await.unwrap().len(), 1);
    assert_eq!(tenant.activity(id, credential, now, 10).await.unwrap().len(), 1);
    assert_eq!(tenant.refusals(id, now, 10).await.unwrap().len(), 1);
}

on_both_databases! {
    async fn uses_add_up_by_the_hour_and_the_place_and_the_last_one_is_known(database) {
        let directory = database.directory().await;
        let (id, now) = (directory.record.id, Timestamp::parse("2026-11-21T08:10:00Z").unwrap());
        let credential = Id::new(now, &SeededEntropy::new(21));
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let first = used(id, credential, now);
        let elsewhere = CredentialUse { address: "192.0.2.2".to_owned(), outside: true, ..used(id, credential, now.plus(HOUR)) };
        let new = verification.record_uses(vec![first.clone(), first.clone()]).await.unwrap();
        assert_eq!(new.len(), 1, "never used before");
        assert_eq!((new[0].reads, new[0].first_at), (4, now));
        assert_eq!(verification.record_uses(vec![elsewhere.clone()]).await.unwrap(), []);
        assert_eq!(verification.record_uses(vec![first.clone()]).await.unwrap(), [], "it arrives late");
        let last = tenant.last_uses(id).await.unwrap().remove(&credential).unwrap();
        assert_eq!((last.first_at, last.at, last.address.as_str()), (now, elsewhere.last_at, "192.0.2.2"));
        let activity = tenant.activity(id, credential, now, 100).await.unwrap();
        let seen: Vec<_> = activity.iter().map(|hour| (hour.address.as_str(), hour.reads, hour.writes, hour.outside)).collect();
        assert_eq!(seen, [("192.0.2.1", 6, 3, false), ("192.0.2.2", 2, 1, true)]);
        assert_eq!(tenant.activity(id, credential, now.plus(HOUR), 100).await.unwrap().len(), 1, "since the second hour");
        assert_eq!(tenant.activity(id, credential, now, 1).await.unwrap().len(), 1, "at most one");
    }

    async fn another_tenant_sees_nothing_of_it(database) {
        let directory = database.directory().await;
        let operator = OperatorScope::from_local_configuration();
        let other = directory.store.operator(&operator).create_tenant("other", "").await.unwrap();
        let other = directory.store.tenant(&operator.tenant(other.id));
        let (id, now) = (directory.record.id, directory.clock.now());
        let credential = Id::new(now, &SeededEntropy::new(22));
        assert!(matches!(other.last_uses(id).await, Err(StoreError::NotFound)));
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
}
