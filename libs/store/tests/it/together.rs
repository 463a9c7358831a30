//! Many at once.

use std::collections::BTreeSet;

use rollcall_scim::MemberOp;
use rollcall_store::StoreError;
use rollcall_testkit::{TestDirectory, on_both_databases};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;

use crate::members::member_ids;

on_both_databases! {
    async fn five_parallel_writers_to_one_group_lose_nothing(database) {
        let directory = database.directory().await;
        let mut ids = Vec::new();
        for number in 0..50 {
            ids.push(directory.user(&format!("u{number}")).await.id);
        }
        let group = directory.group("g", &[]).await;
        let writers: Vec<_> = ids
            .chunks(10)
            .map(|some| {
                let (directory, group, some) = (directory.clone(), group.clone(), some.to_vec());
                tokio::spawn(async move {
                    for id in some {
                        let change = TestDirectory::of_members(vec![MemberOp::Add(vec![id.to_string()])]);
                        let updated = directory.resources().update(directory.target(&group), change).await.unwrap();
                        assert!(updated.changed);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(member_ids(&directory, group.id).await, ids);
        let read = directory.resources().get(&directory.group_type(), group.id).await.unwrap().unwrap();
        assert_eq!(read.version, 51);
        while directory.sequence(30).await.unwrap() > 0 {}
        let events = directory.jobs().events(directory.record.id, 0, 1000).await.unwrap();
        let versions: Vec<_> = events.iter().filter(|event| event.resource == group.id).map(|event| event.version).collect();
        assert_eq!(versions, (1..=51).collect::<Vec<_>>());
    }

    async fn a_member_added_while_that_user_is_deleted_is_never_left_behind(database) {
        let directory = database.directory().await;
        let groups = [directory.group("a", &[]).await, directory.group("b", &[]).await];
        for round in 0..40 {
            let user = directory.user(&format!("u{round}")).await;
            let add = |group: usize| {
                let (directory, group, id) = (directory.clone(), groups[group].clone(), user.id.to_string());
                tokio::spawn(async move {
                    let change = TestDirectory::of_members(vec![MemberOp::Add(vec![id])]);
                    directory.resources().update(directory.target(&group), change).await
                })
            };
            let (one, two) = (add(0), add(1));
            let (store, target) = (directory.resources(), directory.target(&user));
            let deletion = tokio::spawn(async move { store.delete(target).await });
            for added in [one.await.unwrap(), two.await.unwrap()] {
                match added {
                    Ok(updated) => assert!(updated.changed),
                    Err(StoreError::Rejected(error)) => assert!(error.detail.contains(&user.id.to_string())),
                    Err(other) => panic!("{other:?}"),
                }
            }
            deletion.await.unwrap().unwrap();
            for group in &groups {
                assert!(member_ids(&directory, group.id).await.is_empty());
            }
        }
        let raw = database.raw().await;
        let left = Statement::from_string(raw.get_database_backend(), "SELECT COUNT(*) FROM member");
        assert_eq!(raw.query_one_raw(left).await.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap(), 0);
        // What came went: by the events both groups are empty too.
        while directory.sequence(100).await.unwrap() > 0 {}
        let events = directory.jobs().events(directory.record.id, 0, 10_000).await.unwrap();
        for group in &groups {
            let mut members = BTreeSet::new();
            let mut version = 0;
            for event in events.iter().filter(|event| event.resource == group.id) {
                assert_eq!(event.version, version + 1);
                version = event.version;
                event.members_added.iter().for_each(|id| assert!(members.insert(*id)));
                event.members_removed.iter().for_each(|id| assert!(members.remove(id)));
            }
            assert!(members.is_empty());
        }
    }

    async fn users_of_the_same_groups_are_deleted_at_the_same_time(database) {
        let directory = database.directory().await;
        let mut users = Vec::new();
        for number in 0..12 {
            users.push(directory.user(&format!("u{number}")).await);
        }
        let ids: Vec<_> = users.iter().map(|user| user.id).collect();
        let mut groups = Vec::new();
        for number in 0..8 {
            groups.push(directory.group(&format!("g{number}"), &ids).await);
        }
        let deletions: Vec<_> = users
            .iter()
            .map(|user| {
                let (resources, target) = (directory.resources(), directory.target(user));
                tokio::spawn(async move { resources.delete(target).await })
            })
            .collect();
        for deletion in deletions {
            deletion.await.unwrap().unwrap();
        }
        for group in groups {
            let read = directory.resources().get(&directory.group_type(), group.id).await.unwrap().unwrap();
            assert_eq!(read.version, 13);
        }
    }

    async fn of_many_who_want_one_name_one_gets_it(database) {
        let directory = database.directory().await;
        let wanting: Vec<_> = (0..12)
            .map(|_| {
                let (resources, new) = (directory.resources(), directory.new_user(json!({ "userName": "one" })));
                tokio::spawn(async move { resources.create(new).await.is_ok() })
            })
            .collect();
        let mut got = 0;
        for one in wanting {
            got += usize::from(one.await.unwrap());
        }
        assert_eq!(got, 1);
    }
}
