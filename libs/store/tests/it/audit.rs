//! What happened is written with what it tells of, and read page by page; what a credential changed is found in all pages.

use std::{collections::BTreeSet, time::Duration};

use rollcall_access::{
    Action, BearerToken, CredentialRecord, DirectoryScope, OperatorScope, Permission, Scopes, Subject, TokenKind,
    Write, authenticate,
};
use rollcall_base::{Clock, Id, Secret32, SeededEntropy, Timestamp, marker};
use rollcall_store::{AuditQuery, Operation, StoreError, TenantPolicy, TenantStore};
use rollcall_testkit::{Database, TestDirectory, on_both_databases};
use serde_json::json;

fn tenant(directory: &TestDirectory) -> TenantStore {
    directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id))
}

/// All that came after the directory was created, which has a line of its own.
fn everything() -> AuditQuery {
    let since = Timestamp::from_micros(1_767_225_600_000_001);
    AuditQuery { since, directory: None, after: None, before: None, limit: 100 }
}

/// The right to change with a credential of its own.
fn acting(directory: &TestDirectory, seed: u64) -> (Id<marker::Credential>, DirectoryScope<Write>) {
    let (entropy, now) = (SeededEntropy::new(seed), directory.clock.now());
    let token = BearerToken::generate(TokenKind::Static, Id::new(now, &entropy), &entropy);
    let pepper = Secret32::random(&entropy);
    let record = CredentialRecord {
        id: token.id(),
        tenant: directory.tenant.id,
        directory: directory.record.id,
        data_key: Id::new(now, &entropy),
        hash: token.hash(&pepper),
        client: None,
        scopes: Scopes::ALL,
        networks: None,
        label: String::new(),
        created_at: now,
        expires_at: now.plus(Duration::from_secs(3_600)),
        revoked_at: None,
        rotation: None,
    };
    let authenticated = authenticate(&record, &token, &pepper, now).unwrap();
    (token.id(), authenticated.write(Permission::new(Subject::Users, Action::Create)).unwrap())
}

/// Many events at once, written past the store; every `every`th by `actor`, one a second from `from` on.
async fn many_events(
    database: &Database,
    directory: &TestDirectory,
    count: u32,
    every: u32,
    actor: &str,
    from: Timestamp,
) {
    let id = |number: u32| match database.is_postgres() {
        true => format!("'00000000-0000-0000-0000-{number:012x}'"),
        false => format!("x'{number:032x}'"),
    };
    let here = match database.is_postgres() {
        true => format!("'{}'", directory.record.id),
        false => format!("x'{}'", directory.record.id.to_string().replace('-', "")),
    };
    let numbers: Vec<u32> = (1..=count).collect();
    for some in numbers.chunks(500) {
        let row = |number: &u32| {
            let who = if number.is_multiple_of(every) { actor } else { "operator" };
            let at = from.plus(Duration::from_secs(u64::from(*number))).as_micros();
            format!("({here}, {number}, {}, 1, 1, 1, '{who}', 'r-{number}', {at}, FALSE, '[]')", id(*number))
        };
        let rows: Vec<String> = some.iter().map(row).collect();
        let insert = "INSERT INTO event (directory_id, seq, resource_id, version, kind, operation, actor, request_id, at, \
                      password_sent, changes) VALUES ";
        database.execute(&format!("{insert}{}", rows.join(", "))).await;
    }
    database.execute(&format!("INSERT INTO event_counter (directory_id, last_seq) VALUES ({here}, {count})")).await;
}

on_both_databases! {
    async fn the_audit_is_read_from_both_ends_page_by_page(database) {
        let directory = database.directory().await;
        let tenant = tenant(&directory);
        let mut moments = Vec::new();
        for days in 1..=7 {
            directory.clock.advance(Duration::from_secs(3_600));
            moments.push(directory.clock.now());
            tenant.set_policy(TenantPolicy { token_days: days, ..TenantPolicy::default() }).await.unwrap();
        }
        let days = |lines: &[rollcall_store::AuditRecord]| -> Vec<u64> {
            lines.iter().map(|line| line.detail["after"]["token_days"].as_u64().unwrap()).collect()
        };
        let all = tenant.audit(&everything()).await.unwrap();
        assert_eq!(days(&all), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!((all[0].action.as_str(), all[0].actor.as_str(), all[0].at), ("tenant.policy_changed", "operator", moments[0]));
        let last = tenant.audit(&AuditQuery { limit: 3, ..everything() }).await.unwrap();
        assert_eq!(days(&last), [5, 6, 7], "the last ones, oldest first");
        let before = tenant.audit(&AuditQuery { limit: 3, before: Some(last[0].id), ..everything() }).await.unwrap();
        assert_eq!(days(&before), [2, 3, 4]);
        let after = tenant.audit(&AuditQuery { limit: 3, after: Some(before[0].id), ..everything() }).await.unwrap();
        assert_eq!(days(&after), [3, 4, 5]);
        let since = tenant.audit(&AuditQuery { since: moments[5], ..everything() }).await.unwrap();
        assert_eq!(days(&since), [6, 7]);
        let of_directory = AuditQuery { directory: Some(directory.record.id), ..everything() };
        assert_eq!(tenant.audit(&of_directory).await.unwrap(), [], "a policy is no directory's");
        let operator = OperatorScope::from_local_configuration();
        let other = directory.store.operator(&operator).create_tenant("other", "").await.unwrap();
        assert_eq!(directory.store.tenant(&operator.tenant(other.id)).audit(&everything()).await.unwrap(), []);
    }

    async fn what_fails_leaves_no_line(database) {
        let directory = database.directory().await;
        let tenant = tenant(&directory);
        directory.clock.advance(Duration::from_secs(1));
        database.execute("ALTER TABLE tenant_policy RENAME COLUMN token_days TO days").await;
        assert!(tenant.set_policy(TenantPolicy { token_days: 1, ..TenantPolicy::default() }).await.is_err());
        assert_eq!(tenant.audit(&everything()).await.unwrap(), []);
    }

    async fn what_a_credential_changed_is_found_in_all_pages_and_before_it_has_a_number(database) {
        let directory = database.directory().await;
        let tenant = tenant(&directory);
        let (credential, scope) = acting(&directory, 31);
        let (_, other) = acting(&directory, 32);
        let from = directory.clock.now();
        many_events(&database, &directory, 4_500, 3, &format!("credential:{credential}"), from).await;
        directory.clock.advance(Duration::from_secs(5_000));
        let mut made = BTreeSet::new();
        for (name, scope) in [("a", &scope), ("b", &other), ("c", &scope)] {
            let user = directory.new_user(json!({ "userName": name }));
            let user = directory.store.directory(scope).create(user).await.unwrap();
            if name != "b" {
                made.insert(user.id);
            }
        }
        let id = directory.record.id;
        let found = tenant.changes_by(id, credential, from, 10).await.unwrap();
        assert_eq!((found.total, found.last.len()), (1_502, 10));
        let newest: BTreeSet<_> = found.last[..2].iter().map(|change| change.resource).collect();
        assert_eq!(newest, made);
        assert_eq!(found.last[2].request_id, "r-4500");
        assert!(found.last.iter().all(|change| change.operation == Operation::Create));
        while directory.jobs().sequence(100).await.unwrap() > 0 {}
        assert_eq!(tenant.changes_by(id, credential, from, 10).await.unwrap().total, 1_502, "each is counted once");
        let since = from.plus(Duration::from_secs(4_495));
        assert_eq!(tenant.changes_by(id, credential, since, 10).await.unwrap().total, 4, "r-4497, r-4500, a and c");
        let operator = OperatorScope::from_local_configuration();
        let stranger = directory.store.operator(&operator).create_tenant("other", "").await.unwrap();
        let stranger = directory.store.tenant(&operator.tenant(stranger.id));
        assert!(matches!(stranger.changes_by(id, credential, from, 10).await, Err(StoreError::NotFound)));
    }

    async fn what_happened_lately_is_found_without_reading_everything(database) {
        let directory = database.directory().await;
        let tenant = tenant(&directory);
        let (credential, _) = acting(&directory, 33);
        let from = directory.clock.now();
        many_events(&database, &directory, 9_000, 2, &format!("credential:{credential}"), from).await;
        let before = directory.store.statements();
        let since = from.plus(Duration::from_secs(8_990));
        assert_eq!(tenant.changes_by(directory.record.id, credential, since, 10).await.unwrap().total, 6);
        let read = directory.store.statements() - before;
        assert!(read.rows <= 4_001, "two pages: {} rows", read.rows);
    }
}
