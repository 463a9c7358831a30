//! A directory's policies as they are written down, and what is known of its client.

use std::time::Duration;

use rollcall_access::{JobScope, OnDelete, OnDuplicateGroupName, OnReplace, PolicyChanges};
use rollcall_base::Clock;
use rollcall_store::DirectoryContact;
use rollcall_testkit::{Database, TestDirectory, eventually, on_both_databases};
use sea_orm::{ConnectionTrait, Statement, TransactionTrait};
use serde_json::json;

use crate::directory_life::{lines, tenant};

on_both_databases! {
    async fn policies_are_changed_one_by_one_whoever_else_changes_others(database) {
        let directory = database.directory().await;
        let (tenant, id) = (tenant(&directory), directory.record.id);
        let none = PolicyChanges::default();
        let strict = PolicyChanges { strict: Some(true), ..none };
        let erase = PolicyChanges { delete: Some(OnDelete::Erase), replace: Some(OnReplace::KeepOmitted), ..none };
        let (a, b) = tokio::join!(tenant.change_policies(id, strict), tenant.change_policies(id, erase));
        assert!(a.is_ok() && b.is_ok());
        let held = |records: Vec<rollcall_store::DirectoryRecord>| records[0].policies;
        let policies = held(tenant.directories().await.unwrap());
        assert!(policies.strict && policies.delete == OnDelete::Erase && policies.replace == OnReplace::KeepOmitted);
        let same = tenant.change_policies(id, strict).await.unwrap();
        assert_eq!((same.before, same.duplicates), (same.after, None));
        let lines = lines(&directory).await;
        assert_eq!(lines.len(), 3, "created, and two changes");
        let of_erase = lines.iter().find(|line| line.detail["after"]["delete"] == "erase").unwrap();
        let wanted = json!({
            "before": { "delete": "restorable", "replace": "overwrite" },
            "after": { "delete": "erase", "replace": "keep-omitted" },
        });
        assert_eq!((of_erase.action.as_str(), &of_erase.detail), ("directory.policies_changed", &wanted));
    }

    async fn names_of_groups_are_claimed_with_the_policy_and_given_up_with_it(database) {
        let directory = database.directory().await;
        let (tenant, id) = (tenant(&directory), directory.record.id);
        let claims = async || {
            let claims = directory.store.asked("SELECT value_key FROM claim WHERE attribute_id = 1000001 ORDER BY 1");
            claims.await.unwrap()
        };
        let first = directory.group("Staff", &[]).await;
        directory.group("STAFF", &[]).await;
        directory.group("Crew", &[]).await;
        for number in 0..2_500 {
            directory.group(&format!("g{number:04}"), &[]).await;
        }
        let refuse = PolicyChanges { duplicate_group_name: Some(OnDuplicateGroupName::Refuse), ..PolicyChanges::default() };
        let changed = tenant.change_policies(id, refuse).await.unwrap();
        let duplicates = changed.duplicates.unwrap();
        assert_eq!((duplicates.names, duplicates.first.len(), duplicates.first[0].1), (1, 1, 2));
        assert_eq!(duplicates.first[0].0.to_lowercase(), "staff");
        assert_eq!(claims().await.len(), 2_502);
        let holder = directory.store.asked("SELECT r.display FROM claim c JOIN resource r ON r.directory_id = c.directory_id AND r.id = c.resource_id WHERE c.value_key = 'staff'");
        assert_eq!(holder.await.unwrap(), ["Staff"], "the oldest has the name");
        directory.resources().delete(directory.target(&first)).await.unwrap();
        assert!(!claims().await.contains(&"staff".to_owned()));
        let allow = PolicyChanges { duplicate_group_name: Some(OnDuplicateGroupName::Allow), ..PolicyChanges::default() };
        assert_eq!(tenant.change_policies(id, allow).await.unwrap().duplicates, None);
        assert!(claims().await.is_empty());
        assert_eq!(tenant.change_policies(id, refuse).await.unwrap().duplicates, Some(Default::default()));
        assert_eq!(claims().await.len(), 2_502, "the other group has it now");
    }

    async fn a_late_report_of_a_clients_contact_changes_nothing(database) {
        let directory = database.directory().await;
        let (tenant, id) = (tenant(&directory), directory.record.id);
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let begin = directory.clock.now();
        let contact = |seconds: u64, agent: &str| {
            let at = begin.plus(Duration::from_secs(seconds));
            DirectoryContact { directory: id, address: "192.0.2.1".to_owned(), agent: agent.to_owned(), first_at: at, last_at: at }
        };
        verification.record_contacts(vec![contact(20, "b"), contact(30, "c"), contact(10, "a")]).await.unwrap();
        verification.record_contacts(vec![contact(25, "late")]).await.unwrap();
        verification.record_contacts(Vec::new()).await.unwrap();
        let known = tenant.overview(id).await.unwrap().activity.contact.unwrap();
        assert_eq!((known.agent.as_str(), known.at), ("c", begin.plus(Duration::from_secs(30))));
        assert_eq!(known.first_at, begin.plus(Duration::from_secs(10)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rename_that_waits_for_the_policies_does_not_hold_up_who_claims_the_groups_names() {
    let database = Database::postgres().await;
    let directory = database.directory().await;
    let group = directory.group("Staff", &[]).await;
    let raw = database.raw().await;
    let statement = |sql: &str| Statement::from_string(raw.get_database_backend(), sql);
    // As whoever sets the policies: the directory first, the names of all groups then.
    let policies = raw.begin().await.unwrap();
    policies.query_one_raw(statement("SELECT id FROM directory FOR UPDATE")).await.unwrap();
    let (store, target) = (directory.resources(), directory.target(&group));
    let change = TestDirectory::to_document(json!({ "displayName": "Crew" }));
    let rename = tokio::spawn(async move { store.update(target, change).await });
    let waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("the rename waits", async || raw.query_one_raw(statement(waiting)).await.unwrap()).await;
    // As a claim's reference does, without waiting.
    let group = "SELECT id FROM resource WHERE kind = 2 FOR KEY SHARE NOWAIT";
    assert!(policies.query_one_raw(statement(group)).await.unwrap().is_some());
    let claim = "INSERT INTO claim (directory_id, attribute_id, value_key, resource_id) \
                 SELECT directory_id, 1000001, name_key, id FROM resource WHERE kind = 2";
    policies.execute_raw(statement(claim)).await.unwrap();
    policies.commit().await.unwrap();
    assert!(rename.await.unwrap().unwrap().changed);
    let claims = directory.store.asked("SELECT value_key FROM claim WHERE attribute_id = 1000001").await.unwrap();
    assert!(claims.is_empty(), "given up with the name: {claims:?}");
}
