//! Erased means erased: nothing that a client said of a person is in any table afterwards.

use std::time::Duration;

use rollcall_access::{DirectoryPolicies, OnDelete};
use rollcall_base::Clock;
use rollcall_store::{DELETED_KEPT, Operation, StoreError};
use rollcall_testkit::{Database, TestDirectory, on_both_databases};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde_json::json;

const MARK: &str = "quokka";

async fn column(raw: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = raw.query_all_raw(Statement::from_string(raw.get_database_backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

/// The tables in which `mark` stands anywhere.
async fn tables_with(database: &Database, mark: &str) -> Vec<String> {
    let raw = database.raw().await;
    let mut found = Vec::new();
    let tables = match database.is_postgres() {
        true => "SELECT CAST(tablename AS text) FROM pg_tables WHERE schemaname = 'public'",
        false => "SELECT name FROM sqlite_master WHERE type = 'table'",
    };
    let tables = column(&raw, tables).await;
    assert!(tables.iter().any(|table| table == "event") && tables.len() > 20, "{tables:?}");
    for table in tables {
        let is_in = |text: &str| format!("lower(CAST({text} AS text)) LIKE '%{mark}%'");
        let condition = match database.is_postgres() {
            true => is_in(&table),
            false => {
                // A column at a time: bytes in one would cut the rest off.
                let columns = column(&raw, &format!("SELECT name FROM pragma_table_info('{table}')")).await;
                columns.iter().map(|name| is_in(name)).collect::<Vec<_>>().join(" OR ")
            }
        };
        let sql = format!("SELECT CAST(COUNT(*) AS text) FROM {table} WHERE {condition}");
        if column(&raw, &sql).await != ["0"] {
            found.push(table);
        }
    }
    found.sort();
    found
}

on_both_databases! {
    async fn nothing_of_an_erased_person_is_left_in_any_table(database) {
        let directory = database.directory().await;
        let erase = DirectoryPolicies { delete: OnDelete::Erase, ..DirectoryPolicies::default() };
        for at_once in [true, false] {
            let resources = directory.resources().with_policies(if at_once { erase } else { DirectoryPolicies::default() });
            let mut person = json!({
                "userName": "Quokka1", "externalId": "quokka-2", "displayName": "Quokka 3", "title": "quokka",
                "emails": [{ "value": "quokka@example.com" }], "name": { "givenName": "Quokka", "familyName": "\"Quokka\\\"" },
                "urn:example:x": { "y": ["quokka", { "z": "quokka" }] },
            });
            let user = resources.create(directory.new_user(person.clone())).await.unwrap().resource;
            let group = directory.group("the group", &[user.id]).await;
            for number in 0..25 {
                person["userName"] = format!("Quokka{}", number % 5).into();
                person["title"] = format!("quokka {number}").into();
                resources.update(directory.target(&user), TestDirectory::to_document(person.clone())).await.unwrap();
            }
            directory.clock.advance(Duration::from_secs(1));
            resources.delete(directory.target(&user)).await.unwrap();
            if at_once {
                assert!(matches!(resources.restore(directory.target(&user)).await, Err(StoreError::NotFound)));
            }
            let before = |clock: &dyn Clock| clock.now().minus(DELETED_KEPT);
            // What has no number yet waits for it.
            assert_eq!(directory.jobs().purge_deleted(before(&*directory.clock), 10).await.unwrap(), 0);
            while directory.sequence(7).await.unwrap() > 0 {}
            assert_eq!(tables_with(&database, MARK).await, ["deleted_resource", "event"]);
            if !at_once {
                assert_eq!(directory.jobs().purge_deleted(before(&*directory.clock), 10).await.unwrap(), 0);
                directory.clock.advance(DELETED_KEPT + Duration::from_secs(1));
            }
            let mut bites = Vec::new();
            loop {
                match directory.jobs().purge_deleted(before(&*directory.clock), 10).await.unwrap() {
                    0 => break,
                    bite => bites.push(bite),
                }
            }
            assert!(bites.len() >= 3 && bites.iter().all(|bite| *bite <= 10), "{bites:?}");
            assert_eq!(tables_with(&database, MARK).await, Vec::<String>::new());

            let events = directory.jobs().events(directory.record.id, 0, 200).await.unwrap();
            let skeletons: Vec<_> = events.iter().filter(|event| event.resource == user.id).collect();
            assert_eq!(skeletons.iter().map(|event| event.version).collect::<Vec<_>>(), (1..=27).collect::<Vec<_>>());
            assert_eq!(skeletons[1].operation, Operation::Rename);
            assert_eq!(skeletons[1].renamed, None);
            assert_eq!(skeletons[1].changes, json!([{ "path": "title", "erased": true }, { "path": "userName", "erased": true }]));
            assert!(skeletons.iter().all(|event| event.actor == "operator"));
            // Nobody else lost anything.
            let others = events.iter().find(|event| event.resource == group.id && event.version == 1).unwrap();
            assert_eq!(others.changes[0]["after"], "the group");
            directory.resources().delete(directory.target(&group)).await.unwrap();
        }
    }

    async fn what_was_kept_of_a_resource_stays_until_all_its_events_are_erased(database) {
        let directory = database.directory().await;
        let user = directory.user("quokka 0").await;
        for number in 1..25 {
            let change = TestDirectory::to_document(json!({ "userName": format!("quokka {number}") }));
            directory.resources().update(directory.target(&user), change).await.unwrap();
        }
        directory.resources().delete(directory.target(&user)).await.unwrap();
        while directory.sequence(100).await.unwrap() > 0 {}
        // Fewer events than versions: a bite ends before the last one, and has not erased as much as it may.
        database.execute("DELETE FROM event WHERE version <= 5").await;
        directory.clock.advance(DELETED_KEPT + Duration::from_secs(1));
        let before = directory.clock.now().minus(DELETED_KEPT);
        let mut bites = Vec::new();
        for _ in 0..4 {
            bites.push(directory.jobs().purge_deleted(before, 10).await.unwrap());
        }
        assert_eq!(bites, [5, 10, 7, 0]);
        assert_eq!(tables_with(&database, MARK).await, Vec::<String>::new());
    }

    async fn what_is_being_brought_back_is_not_erased_and_what_is_left_of_a_group_is_not_brought_back(database) {
        let directory = database.directory().await;
        let mut ids = Vec::new();
        for number in 0..30 {
            ids.push(directory.user(&number.to_string()).await.id);
        }
        let group = directory.group("g", &ids).await;
        directory.resources().delete(directory.target(&group)).await.unwrap();
        while directory.sequence(100).await.unwrap() > 0 {}
        directory.clock.advance(DELETED_KEPT + Duration::from_secs(1));
        let before = directory.clock.now().minus(DELETED_KEPT);
        assert_eq!(directory.jobs().purge_deleted(before, 10).await.unwrap(), 10);
        assert!(matches!(directory.resources().restore(directory.target(&group)).await, Err(StoreError::NotFound)));
        assert!(directory.resources().deleted_resources(None, 10).await.unwrap().is_empty());
        // Where the clock is behind, too.
        let (behind, _) = database.open().await;
        let resources = behind.directory(&directory.scope);
        assert!(matches!(resources.restore(directory.target(&group)).await, Err(StoreError::NotFound)));
        assert!(resources.deleted_resource(ids[0]).await.unwrap().is_none());
    }
}
