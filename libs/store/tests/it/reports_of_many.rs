//! Reports about many directories: how many statements they take, in which order, and that nothing is lost where one statement
//! ends and the next begins.

use std::{collections::BTreeMap, time::Duration};

use rollcall_access::JobScope;
use rollcall_base::{Id, SeededEntropy, Timestamp, marker};
use rollcall_store::{
    CredentialUse, MOST_NAMES_A_DAY, MOST_PLACES_AN_HOUR, MOST_REFUSALS_A_DAY, RefusedUse, ReportId, ToleratedUse,
    UNMAPPED, UseReport,
};
use rollcall_testkit::{TestDirectory, on_both_databases};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, Value};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T08:10:00Z").unwrap()
}

/// One use and two refusals of a credential in each of so many directories, always the same ones.
pub(crate) fn about(directories: usize, seq: u64) -> UseReport {
    let entropy = SeededEntropy::new(41);
    let reporter = Id::new(now(), &entropy);
    let mut report = UseReport { id: Some(ReportId { reporter, seq }), ..UseReport::default() };
    for _ in 0..directories {
        let (directory, credential) = (Id::new(now(), &entropy), Id::new(now(), &entropy));
        report.uses.push(used(directory, credential, "agent"));
        for reason in ["expired", "other_directory"] {
            report
                .refusals
                .push(RefusedUse { reason: reason.to_owned(), ..refused(directory, credential, "192.0.2.1") });
        }
    }
    report
}

fn used(directory: Id<marker::Directory>, credential: Id<marker::Credential>, agent: &str) -> CredentialUse {
    CredentialUse {
        directory,
        credential,
        address: "192.0.2.1".to_owned(),
        agent: agent.to_owned(),
        outside: false,
        reads: 2,
        writes: 1,
        first_at: now(),
        last_at: now(),
    }
}

fn refused(directory: Id<marker::Directory>, credential: Id<marker::Credential>, address: &str) -> RefusedUse {
    RefusedUse {
        directory,
        credential: Some(credential),
        client: None,
        reason: "expired".to_owned(),
        address: address.to_owned(),
        agent: "curl/8".to_owned(),
        times: 3,
        first_at: now(),
        last_at: now(),
    }
}

/// Three things that were tolerated of each of so many directories' clients, on each of two days.
pub(crate) fn tolerated(directories: usize) -> Vec<ToleratedUse> {
    let entropy = SeededEntropy::new(42);
    let mut uses = Vec::new();
    for _ in 0..directories {
        let directory = Id::new(now(), &entropy);
        for what in ["dotted_key", "unmapped:badge", "unmapped:desk"] {
            for last_at in [now(), now().plus(DAY)] {
                uses.push(ToleratedUse { directory, what: what.to_owned(), times: 1, last_at });
            }
        }
    }
    uses
}

/// How many statements began like this since the last time.
fn taken(directory: &TestDirectory) -> BTreeMap<String, usize> {
    let statements = directory.store.take_statements();
    assert!(statements.len() < 64, "some were forgotten");
    let mut taken = BTreeMap::new();
    for statement in statements {
        let sql = statement.sql.replace('"', "");
        let words: Vec<&str> = sql.split_whitespace().collect();
        let at = words.iter().position(|word| ["FROM", "INTO"].contains(word)).unwrap();
        *taken.entry(format!("{} {}", words[0], words[at + 1])).or_default() += 1;
    }
    taken
}

fn counts<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.into_iter().map(|(what, times)| (what.to_owned(), times)).collect()
}

/// A part of a key, so that texts stand in the order of what they are of.
fn text(value: &Value) -> String {
    match value {
        Value::Uuid(Some(id)) => id.to_string(),
        Value::BigInt(Some(number)) => format!("{number:020}"),
        Value::String(Some(text)) => text.clone(),
        other => panic!("{other:?} is no part of a key"),
    }
}

async fn sum(raw: &DatabaseConnection, sql: &str) -> i64 {
    let sql = Statement::from_string(raw.get_database_backend(), format!("SELECT CAST(({sql}) AS bigint)"));
    raw.query_one_raw(sql).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

on_both_databases! {
    async fn a_report_takes_so_many_statements_however_many_directories_it_is_about(database) {
        let directory = database.directory().await;
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let raw = database.raw().await;
        for (directories, inserts, rows_of_refusals) in [(10, 1, 1), (100, 2, 4)] {
            taken(&directory);
            let recorded = verification.record(about(directories, directories as u64)).await.unwrap();
            assert_eq!(recorded.first.len(), directories.min(90));
            let expected = counts([
                ("INSERT use_reporter", 1),
                ("SELECT credential_use", 1),
                ("INSERT credential_use", inserts),
                ("SELECT credential_activity", 1),
                ("INSERT credential_activity", inserts),
                ("SELECT credential", 1),
                ("SELECT refused_use", 1),
                ("INSERT refused_use", rows_of_refusals),
            ]);
            assert_eq!(taken(&directory), expected, "{directories}");
        }
        assert_eq!(sum(&raw, "SELECT SUM(reads) FROM credential_activity").await, 2 * 110);
        assert_eq!(sum(&raw, "SELECT SUM(times) FROM refused_use").await, 2 * 3 * 110);
    }

    async fn what_was_tolerated_takes_so_many_statements_however_many_directories_it_is_about(database) {
        let directory = database.directory().await;
        let raw = database.raw().await;
        for (directories, inserts) in [(10, 1), (100, 6)] {
            taken(&directory);
            directory.jobs().record_tolerated(tolerated(directories)).await.unwrap();
            let expected = counts([("SELECT tolerated_use", 1), ("INSERT tolerated_use", inserts)]);
            assert_eq!(taken(&directory), expected, "{directories}");
        }
        assert_eq!(sum(&raw, "SELECT COUNT(*) FROM tolerated_use").await, 6 * 100);
        assert_eq!(sum(&raw, "SELECT SUM(times) FROM tolerated_use").await, 6 * 110);
    }

    async fn nothing_is_lost_or_new_twice_where_one_statement_ends_and_the_next_begins(database) {
        let directory = database.directory().await;
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let raw = database.raw().await;
        assert_eq!(verification.record(about(600, 1)).await.unwrap().first.len(), 600);
        assert_eq!(verification.record(about(601, 2)).await.unwrap().first.len(), 1, "the others are known");
        assert_eq!(sum(&raw, "SELECT COUNT(*) FROM credential_activity").await, 601);
        assert_eq!(sum(&raw, "SELECT SUM(reads) FROM credential_activity").await, 2 * 1201);
        assert_eq!(sum(&raw, "SELECT COUNT(*) FROM refused_use").await, 2 * 601);
        assert_eq!(sum(&raw, "SELECT SUM(times) FROM refused_use").await, 2 * 3 * 1201);
        for _ in 0..2 {
            directory.jobs().record_tolerated(tolerated(300)).await.unwrap();
        }
        assert_eq!(sum(&raw, "SELECT COUNT(*) FROM tolerated_use").await, 6 * 300);
        assert_eq!(sum(&raw, "SELECT SUM(times) FROM tolerated_use").await, 2 * 6 * 300);
    }

    async fn each_directory_has_its_own_bounds_within_one_report(database) {
        let directory = database.directory().await;
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let raw = database.raw().await;
        let entropy = SeededEntropy::new(43);
        let mut report = UseReport::default();
        let mut names = Vec::new();
        for _ in 0..3 {
            let (directory, credential) = (Id::new(now(), &entropy), Id::new(now(), &entropy));
            for number in 0..MOST_PLACES_AN_HOUR + 20 {
                report.uses.push(used(directory, credential, &format!("agent/{number}")));
            }
            for number in 0..MOST_REFUSALS_A_DAY + 20 {
                report.refusals.push(refused(directory, credential, &format!("2001:db8:{number:x}::")));
            }
            for number in 0..MOST_NAMES_A_DAY + 20 {
                let what = format!("{UNMAPPED}name{number}");
                names.push(ToleratedUse { directory, what, times: 1, last_at: now() });
            }
        }
        for times in 1..3 {
            verification.record(report.clone()).await.unwrap();
            directory.jobs().record_tolerated(names.clone()).await.unwrap();
            for (table, most, number, each) in [
                ("credential_activity", MOST_PLACES_AN_HOUR, "reads", 2),
                ("refused_use", MOST_REFUSALS_A_DAY, "times", 3),
                ("tolerated_use", MOST_NAMES_A_DAY as u64, "times", 1),
            ] {
                let most = i64::try_from(most).unwrap();
                assert_eq!(sum(&raw, &format!("SELECT COUNT(*) FROM {table}")).await, 3 * (most + 1), "{table}");
                let whole = sum(&raw, &format!("SELECT SUM({number}) FROM {table}")).await;
                assert_eq!(whole, times * 3 * (most + 20) * each, "{table}: all are counted");
            }
        }
    }

    async fn rows_are_written_in_the_order_of_their_keys_whatever_the_order_of_a_report(database) {
        let directory = database.directory().await;
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let mut report = about(100, 1);
        // What has no place any more goes where its key stands, not behind the places.
        let (one, stranger) = (report.uses[50].clone(), report.refusals[100].clone());
        for number in 0..MOST_PLACES_AN_HOUR + 20 {
            report.uses.push(CredentialUse { agent: format!("agent/{number}"), ..one.clone() });
        }
        for number in 0..MOST_REFUSALS_A_DAY + 20 {
            report.refusals.push(RefusedUse { address: format!("2001:db8:{number:x}::"), ..stranger.clone() });
        }
        let mut uses = tolerated(50);
        report.uses.reverse();
        report.refusals.reverse();
        uses.reverse();
        directory.store.take_statements();
        verification.record(report).await.unwrap();
        directory.jobs().record_tolerated(uses).await.unwrap();
        let statements = directory.store.take_statements();
        assert!(statements.len() < 64, "some were forgotten");
        for (table, columns, key, rows) in [
            ("credential_use", 6, 2, 100),
            ("credential_activity", 9, 5, 99 + MOST_PLACES_AN_HOUR + 1),
            // Without an address there are two: one for each reason.
            ("refused_use", 10, 5, 198 + MOST_REFUSALS_A_DAY + 2),
            ("tolerated_use", 5, 3, 300),
        ] {
            let mut keys = Vec::new();
            for statement in &statements {
                if statement.sql.starts_with(&format!("INSERT INTO {table} ")) {
                    let values = &statement.values.as_ref().unwrap().0;
                    keys.extend(values.chunks(columns).map(|row| row[..key].iter().map(text).collect::<Vec<_>>()));
                }
            }
            assert_eq!(keys.len() as u64, rows, "{table}");
            assert!(keys.is_sorted_by(|one, next| one < next), "{table}: {keys:#?}");
        }
    }
}
