//! What happened is written with what it tells of, and read page by page; what a credential changed is found in all pages.

use std::{collections::BTreeSet, time::Duration};

use rollcall_access::{
    Action, BearerToken, CredentialRecord, DirectoryScope, OperatorScope, Permission, Scopes, Subject, TokenKind,
    Write, authenticate,
};
use rollcall_base::{Clock, Id, Secret32, SeededEntropy, Timestamp, marker};
use rollcall_store::{AuditCursor, AuditQuery, Operation, PolicyChange, StoreError, TenantPolicy, TenantStore};
use rollcall_testkit::{Database, TestDirectory, on_both_databases};
use serde_json::json;

fn tenant(directory: &TestDirectory) -> TenantStore {
    directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id))
}

/// A directory whose creation the audit does not tell of.
async fn untold(database: &Database) -> TestDirectory {
    let directory = database.directory().await;
    database.execute("DELETE FROM audit").await;
    directory
}

fn everything() -> AuditQuery {
    let since = Timestamp::from_micros(0);
    AuditQuery { since, directory: None, after: None, before: None, limit: 100 }
}

/// The right to change with a credential of its own.
pub(crate) fn acting(directory: &TestDirectory, seed: u64) -> (Id<marker::Credential>, DirectoryScope<Write>) {
    let id = Id::new(directory.clock.now(), &SeededEntropy::new(seed));
    (id, acting_with(directory, id, seed))
}

/// The same with a credential of this id.
pub(crate) fn acting_with(directory: &TestDirectory, id: Id<marker::Credential>, seed: u64) -> DirectoryScope<Write> {
    let (entropy, now) = (SeededEntropy::new(seed), directory.clock.now());
    let token = BearerToken::generate(TokenKind::Static, id, &entropy);
    let pepper = Secret32::random(&entropy);
    let record = CredentialRecord {
        id,
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
    authenticated.write(Permission::new(Subject::Users, Action::Create)).unwrap()
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

/// A change that the audit tells of.
async fn changed(tenant: &TenantStore, days: u32) {
    let change = PolicyChange { token_days: Some(days), ..PolicyChange::default() };
    tenant.change_policy(change, |_| Ok(())).await.unwrap().unwrap();
}

/// Gives all lines their numbers, so many at once.
async fn numbered(directory: &TestDirectory, at_once: u32) -> usize {
    let mut all = 0;
    loop {
        match directory.jobs().number_audit(at_once).await.unwrap() {
            0 => return all,
            some => all += some,
        }
    }
}

fn seqs(lines: &[rollcall_store::AuditRecord]) -> Vec<Option<i64>> {
    lines.iter().map(|line| line.seq).collect()
}

on_both_databases! {
    async fn the_audit_is_read_from_both_ends_page_by_page(database) {
        let directory = untold(&database).await;
        let tenant = tenant(&directory);
        let mut moments = Vec::new();
        for days in 1..=7 {
            directory.clock.advance(Duration::from_secs(3_600));
            moments.push(directory.clock.now());
            changed(&tenant, days).await;
        }
        let days = |lines: &[rollcall_store::AuditRecord]| -> Vec<u64> {
            lines.iter().map(|line| line.detail["after"]["token_days"].as_u64().unwrap()).collect()
        };
        let all = tenant.audit(&everything()).await.unwrap();
        assert_eq!(days(&all), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!((all[0].action.as_str(), all[0].actor.as_str(), all[0].at), ("tenant.policy_changed", "operator", moments[0]));
        let last = tenant.audit(&AuditQuery { limit: 3, ..everything() }).await.unwrap();
        assert_eq!(days(&last), [5, 6, 7], "the last ones, oldest first");
        let line = |line: &rollcall_store::AuditRecord| Some(AuditCursor::Line(line.id));
        let before = tenant.audit(&AuditQuery { limit: 3, before: line(&last[0]), ..everything() }).await.unwrap();
        assert_eq!(days(&before), [2, 3, 4], "though they have no numbers yet");
        let after = AuditQuery { limit: 3, after: line(&before[0]), ..everything() };
        assert_eq!(tenant.audit(&after).await.unwrap(), [], "what has no number is behind nothing yet");
        assert_eq!(numbered(&directory, 3).await, 7);
        let found = tenant.audit(&after).await.unwrap();
        assert_eq!(days(&found), [3, 4, 5]);
        assert_eq!(found.iter().map(|line| line.seq).collect::<Vec<_>>(), [Some(3), Some(4), Some(5)]);
        let before = tenant.audit(&AuditQuery { limit: 2, before: line(&last[0]), ..everything() }).await.unwrap();
        assert_eq!(days(&before), [3, 4]);
        let from_start = AuditQuery { limit: 2, after: Some(AuditCursor::Seq(0)), ..everything() };
        assert_eq!(days(&tenant.audit(&from_start).await.unwrap()), [1, 2]);
        let nowhere = Some(AuditCursor::Line(Id::new(moments[0], &SeededEntropy::new(9))));
        assert!(matches!(tenant.audit(&AuditQuery { after: nowhere, ..everything() }).await, Err(StoreError::NotFound)));
        let since = tenant.audit(&AuditQuery { since: moments[5], ..everything() }).await.unwrap();
        assert_eq!(days(&since), [6, 7]);
        let of_directory = AuditQuery { directory: Some(directory.record.id), ..everything() };
        assert_eq!(tenant.audit(&of_directory).await.unwrap(), [], "a policy is no directory's");
        let operator = OperatorScope::from_local_configuration();
        let other = directory.store.operator(&operator).create_tenant("other", "").await.unwrap();
        let other = directory.store.tenant(&operator.tenant(other.id));
        assert_eq!(other.audit(&everything()).await.unwrap(), []);
        let astray = AuditQuery { after: line(&last[0]), ..everything() };
        assert!(matches!(other.audit(&astray).await, Err(StoreError::NotFound)), "another tenant's line");
    }

    async fn whoever_reads_on_from_his_last_line_misses_none_that_was_committed_late(database) {
        let directory = untold(&database).await;
        let tenant = tenant(&directory);
        changed(&tenant, 1).await;
        numbered(&directory, 100).await;
        let read = tenant.audit(&AuditQuery { after: Some(AuditCursor::Seq(0)), ..everything() }).await.unwrap();
        assert_eq!(seqs(&read), [Some(1)]);
        // Written before that line, with a smaller id, and committed after it was read.
        let id = |id: String| if database.is_postgres() { format!("'{id}'") } else { format!("x'{}'", id.replace('-', "")) };
        let insert = format!(
            "INSERT INTO audit (id, tenant_id, at, actor, action, detail) VALUES ({}, {}, 1, 'operator', 'late', '{{}}')",
            id("00000000-0001-7000-8000-000000000001".to_owned()),
            id(directory.tenant.id.to_string()),
        );
        database.execute(&insert).await;
        changed(&tenant, 2).await;
        let all = tenant.audit(&everything()).await.unwrap();
        let actions: Vec<_> = all.iter().map(|line| (line.action.as_str(), line.seq)).collect();
        assert_eq!(
            actions,
            [("tenant.policy_changed", Some(1)), ("late", None), ("tenant.policy_changed", None)],
            "what has no number is at the end"
        );
        assert_eq!(numbered(&directory, 100).await, 2);
        let on = tenant.audit(&AuditQuery { after: Some(AuditCursor::Line(read[0].id)), ..everything() }).await.unwrap();
        assert_eq!(on.iter().map(|line| line.action.as_str()).collect::<Vec<_>>(), ["late", "tenant.policy_changed"]);
        assert_eq!(seqs(&on), [Some(2), Some(3)]);
        assert_eq!(seqs(&tenant.audit(&everything()).await.unwrap()), [Some(1), Some(2), Some(3)]);
    }

    async fn numbers_have_no_gap_and_are_given_once_by_however_many_workers(database) {
        let directory = untold(&database).await;
        let operator = OperatorScope::from_local_configuration();
        let other = directory.store.operator(&operator).create_tenant("other", "").await.unwrap();
        let (first, second) = (tenant(&directory), directory.store.tenant(&operator.tenant(other.id)));
        let writes = futures_util::future::join_all((1..=20).map(|days| {
            let tenant = if days % 2 == 0 { first.clone() } else { second.clone() };
            async move { changed(&tenant, days).await }
        }));
        let workers = futures_util::future::join_all((0..3).map(|_| async {
            let mut given = 0;
            for _ in 0..20 {
                given += directory.jobs().number_audit(2).await.unwrap();
            }
            given
        }));
        let (_, given) = futures_util::join!(writes, workers);
        let rest = numbered(&directory, 2).await;
        assert_eq!(given.iter().sum::<usize>() + rest, 20, "each line once");
        for tenant in [&first, &second] {
            let lines = tenant.audit(&everything()).await.unwrap();
            assert_eq!(seqs(&lines), (1..=10).map(Some).collect::<Vec<_>>());
        }
        let before = directory.store.statements();
        assert_eq!(directory.jobs().number_audit(2).await.unwrap(), 0);
        assert_eq!((directory.store.statements() - before).statements, 1, "idle, it asks once");
    }

    async fn of_two_policy_changes_at_once_both_hold(database) {
        let directory = untold(&database).await;
        let tenant = tenant(&directory);
        for round in 1..=10 {
            let days = PolicyChange { token_days: Some(round), ..PolicyChange::default() };
            let overlap = PolicyChange {
                rotation_overlap: Some(Duration::from_secs(3_600 * u64::from(round))),
                ..PolicyChange::default()
            };
            let (a, b) =
                futures_util::join!(tenant.change_policy(days, |_| Ok(())), tenant.change_policy(overlap, |_| Ok(())));
            a.unwrap().unwrap();
            b.unwrap().unwrap();
            let expected = TenantPolicy {
                token_days: round,
                rotation_overlap: Duration::from_secs(3_600 * u64::from(round)),
                ..TenantPolicy::default()
            };
            assert_eq!(tenant.policy().await.unwrap(), expected);
        }
        let refused = tenant.change_policy(PolicyChange::default(), |_| Err("never")).await.unwrap();
        assert_eq!(refused, Err("never"), "it is checked as it would be");
        assert_eq!(tenant.audit(&everything()).await.unwrap().len(), 20);
    }

    async fn what_fails_leaves_no_line(database) {
        let directory = untold(&database).await;
        let tenant = tenant(&directory);
        directory.clock.advance(Duration::from_secs(1));
        database.execute("ALTER TABLE tenant_policy RENAME COLUMN token_days TO days").await;
        assert!(tenant.change_policy(PolicyChange { token_days: Some(1), ..PolicyChange::default() }, |_| Ok(())).await.is_err());
        assert_eq!(tenant.audit(&everything()).await.unwrap(), []);
    }

    async fn what_a_credential_changed_is_found_in_all_pages_and_before_it_has_a_number(database) {
        let directory = untold(&database).await;
        let tenant = tenant(&directory);
        let (credential, scope) = acting(&directory, 31);
        let (_, other) = acting(&directory, 32);
        let from = directory.clock.now();
        many_events(&database, &directory, 4_500, 3, &format!("credential:{credential}"), from).await;
        directory.clock.advance(Duration::from_secs(5_000));
        let mut made = BTreeSet::new();
        for (name, scope) in [("a", &scope), ("b", &other), ("c", &scope)] {
            let user = directory.new_user(json!({ "userName": name }));
            let user = directory.store.directory(scope).create(user).await.unwrap().resource;
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
        while directory.sequence(100).await.unwrap() > 0 {}
        assert_eq!(tenant.changes_by(id, credential, from, 10).await.unwrap().total, 1_502, "each is counted once");
        let since = from.plus(Duration::from_secs(4_495));
        assert_eq!(tenant.changes_by(id, credential, since, 10).await.unwrap().total, 4, "r-4497, r-4500, a and c");
        let operator = OperatorScope::from_local_configuration();
        let stranger = directory.store.operator(&operator).create_tenant("other", "").await.unwrap();
        let stranger = directory.store.tenant(&operator.tenant(stranger.id));
        assert!(matches!(stranger.changes_by(id, credential, from, 10).await, Err(StoreError::NotFound)));
    }

    async fn what_happened_lately_is_found_without_reading_everything(database) {
        let directory = untold(&database).await;
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
