//! Credentials whose end is near are found by an index, however many there are.

use std::time::Duration;

use rollcall_access::{BearerToken, CredentialRecord, OperatorScope, RUNGS, Scopes, TokenKind};
use rollcall_base::{Clock, Id, Secret32, SeededEntropy, Timestamp};
use rollcall_store::{AuditQuery, WrappedKey};
use rollcall_testkit::{TestDirectory, on_both_databases};
use sea_orm::ConnectionTrait;

use crate::plans::plans;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MANY: u32 = 20_000;

/// A credential that lives for so many days.
async fn living(directory: &TestDirectory, days: u32, seed: u64) -> CredentialRecord {
    let (entropy, now) = (SeededEntropy::new(seed), directory.clock.now());
    let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
    let key = WrappedKey {
        id: Id::new(now, &entropy),
        tenant: directory.tenant.id,
        purpose: "p".to_owned(),
        wrapped: b"1".to_vec(),
        created_at: now,
    };
    let data_key = tenant.insert_data_key(key).await.unwrap().id;
    let token = BearerToken::generate(TokenKind::Static, Id::new(now, &entropy), &entropy);
    let record = CredentialRecord {
        id: token.id(),
        tenant: directory.tenant.id,
        directory: directory.record.id,
        data_key,
        hash: token.hash(&Secret32::random(&entropy)),
        client: None,
        scopes: Scopes::ALL,
        networks: None,
        label: String::new(),
        created_at: now,
        expires_at: now.plus(DAY * days),
        revoked_at: None,
        rotation: None,
    };
    tenant.insert_credential(&record).await.unwrap();
    record
}

on_both_databases! {
    async fn what_is_due_is_found_by_an_index(database) {
        let directory = database.directory().await;
        living(&directory, 700, 41).await;
        let random = if database.is_postgres() { "gen_random_uuid()" } else { "randomblob(16)" };
        let many = format!(
            "INSERT INTO credential (id, tenant_id, directory_id, data_key_id, hash, may_write, label, created_at, expires_at, \
             ladder_at) SELECT {random}, c.tenant_id, c.directory_id, c.data_key_id, c.hash, c.may_write, c.label, c.created_at, \
             c.expires_at + n.n, c.ladder_at + n.n FROM credential c CROSS JOIN (WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL \
             SELECT n + 1 FROM n WHERE n < {MANY}) SELECT n FROM n) n"
        );
        database.execute(&many).await;
        let due = living(&directory, 100, 42).await;
        directory.clock.advance(11 * DAY);
        let raw = database.raw().await;
        raw.execute_unprepared("ANALYZE").await.unwrap();

        directory.store.take_statements();
        let before = directory.store.statements();
        let expiring = directory.jobs().expiring().await.unwrap();
        assert_eq!(expiring.into_iter().collect::<Vec<_>>(), [(RUNGS[0], 1)]);
        assert!((directory.store.statements() - before).rows <= 1);
        let plan = plans(&directory, &raw, &database).await;
        assert!(plan.contains("credential_ladder"), "{plan}");

        let climbed = directory.jobs().climb_ladders(100).await.unwrap();
        assert_eq!((climbed.looked_at, climbed.warnings.into_iter().collect::<Vec<_>>()), (1, vec![(RUNGS[0], 1)]));
        let subject = format!("credential:{}", due.id);
        assert_eq!(climbed.written[0].subject.as_deref(), Some(subject.as_str()));
        let statements = directory.store.take_statements();
        let finds = statements.iter().filter(|statement| statement.sql.contains("ladder_at\" <=") || statement.sql.contains("credential WHERE ladder_at"));
        let explain = if database.is_postgres() { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
        let mut looked_at = 0;
        for statement in finds {
            let mut asked = statement.clone();
            asked.sql = format!("{explain} {}", asked.sql);
            let rows = raw.query_all_raw(asked).await.unwrap();
            let lines = rows.iter().map(|row| row.try_get_by_index::<String>(if database.is_postgres() { 0 } else { 3 }).unwrap());
            let plan = lines.collect::<Vec<_>>().join("\n");
            assert!(plan.contains("credential_ladder"), "{}:\n{plan}", statement.sql);
            looked_at += 1;
        }
        assert_eq!(looked_at, 2, "whether anything is due, and what is");
    }

    async fn what_is_due_is_looked_at_in_bites(database) {
        let directory = database.directory().await;
        for seed in 50..55 {
            living(&directory, 20, seed).await;
        }
        directory.clock.advance(6 * DAY);
        let mut bites = Vec::new();
        loop {
            match directory.jobs().climb_ladders(2).await.unwrap().looked_at {
                0 => break,
                looked_at => bites.push(looked_at),
            }
        }
        assert_eq!(bites, [2, 2, 1]);
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let query =
            AuditQuery { since: Timestamp::from_micros(0), directory: None, after: None, before: None, limit: 100 };
        let lines = tenant.audit(&query).await.unwrap();
        assert_eq!(lines.iter().filter(|line| line.action == "token.expiry_warning").count(), 5);
    }
}
