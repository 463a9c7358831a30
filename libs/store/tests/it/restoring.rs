//! Bringing back what was deleted.

use std::{collections::BTreeSet, time::Duration};

use rollcall_access::OperatorScope;
use rollcall_base::{Entropy, Id, SeededEntropy, Timestamp, marker::Resource};
use rollcall_store::{AuditQuery, DELETED_KEPT, Operation, Restoration, Restored, StoreError, StoredResource, UserKey};
use rollcall_testkit::{TestDirectory, on_both_databases};
use serde_json::json;

use crate::policies::operations;

async fn restored(directory: &TestDirectory, resource: &StoredResource) -> Restored {
    match directory.resources().restore(directory.target(resource)).await.unwrap() {
        Restoration::Done(restored) => *restored,
        taken => panic!("{taken:?}"),
    }
}

/// Every membership that can be seen.
async fn memberships(directory: &TestDirectory, all: &[StoredResource]) -> BTreeSet<(Id<Resource>, Id<Resource>)> {
    let mut found = BTreeSet::new();
    for group in all {
        for member in directory.resources().members_page(group.id, None, 1000).await.unwrap() {
            found.insert((group.id, member.id));
        }
    }
    found
}

on_both_databases! {
    async fn what_comes_back_is_as_it_was_but_for_its_version_and_time(database) {
        let directory = database.directory().await;
        let resources = directory.resources();
        let sent = json!({
            "userName": "Anna", "externalId": "e", "active": false, "title": "t", "emails": [{ "value": "a@b" }],
        });
        let user = resources.create(directory.new_user(sent.clone())).await.unwrap().resource;
        // What active last said is known without the document.
        let mut silent = sent.clone();
        silent.as_object_mut().unwrap().remove("active");
        let user = resources.update(directory.target(&user), TestDirectory::to_document(silent)).await.unwrap().resource;
        let (one, two) = (directory.group("one", &[user.id]).await, directory.group("two", &[user.id]).await);
        resources.delete(directory.target(&two)).await.unwrap();
        directory.clock.advance(Duration::from_secs(60));
        resources.delete(directory.target(&user)).await.unwrap();
        assert!(matches!(resources.restore(directory.target(&one)).await, Err(StoreError::NotFound)), "it is alive");
        let listed = resources.deleted_resources(None, 10).await.unwrap();
        assert_eq!(listed.iter().map(|gone| gone.id).collect::<Vec<_>>(), [user.id, two.id]);
        assert_eq!((listed[0].name.as_deref(), listed[1].name.as_deref()), (Some("Anna"), Some("two")));
        assert_eq!(listed[0].until.as_micros() - listed[0].deleted_at.as_micros(), DELETED_KEPT.as_micros() as i64);
        assert_eq!(resources.deleted_resources(Some(&listed[0]), 10).await.unwrap(), listed[1..]);

        directory.clock.advance(Duration::from_secs(60));
        let back = restored(&directory, &user).await;
        assert_eq!((back.groups, back.resource.version), (vec![one.id], user.version + 2));
        let read = resources.get(&directory.user_type(), user.id).await.unwrap().unwrap();
        assert_eq!((&read.document, read.created_at), (&user.document, user.created_at));
        assert!(read.modified_at > user.modified_at);
        let known = resources.users_known_as(&UserKey::UserName("ANNA".into()), 2).await.unwrap();
        assert_eq!(known.iter().map(|user| (user.resource.id, user.active)).collect::<Vec<_>>(), [(user.id, false)]);
        let by_mail = crate::lists::listed(&directory, &directory.user_type(), Some("emails.value eq \"a@b\"")).await.unwrap();
        assert_eq!(by_mail.len(), 1);
        // It hangs on the other group's anchor again, for when that comes back.
        directory.clock.advance(Duration::from_secs(1));
        assert_eq!(restored(&directory, &two).await.groups, []);
        assert_eq!(memberships(&directory, &[one.clone(), two.clone()]).await, [(one.id, user.id), (two.id, user.id)].into());
        let group = resources.get(&directory.group_type(), one.id).await.unwrap().unwrap();
        assert_eq!(group.version, 3);
        assert_eq!(
            operations(&directory, user.id).await,
            [(Operation::Create, 1), (Operation::Update, 2), (Operation::Delete, 3), (Operation::Restore, 4)]
        );
        let events = directory.jobs().events(directory.record.id, 0, 100).await.unwrap();
        let came = events.iter().filter(|event| event.resource == one.id && event.members_added == [user.id]);
        assert_eq!(came.map(|event| event.version).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(directory.live().await.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [1, 2]);
        assert!(resources.deleted_resources(None, 10).await.unwrap().is_empty());
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let query = AuditQuery { since: Timestamp::from_micros(0), directory: None, after: None, before: None, limit: 100 };
        let audit = tenant.audit(&query).await.unwrap();
        let lines: Vec<_> = audit.iter().filter(|line| line.action == "resource.restored").collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].detail, json!({ "type": "User", "groups": 1 }));
        assert!(audit.iter().all(|line| !line.detail.to_string().contains("Anna")));
    }

    async fn names_that_others_have_are_all_named_and_nothing_is_changed(database) {
        let directory = database.directory().await;
        let resources = directory.resources();
        let user = directory.user("anna").await;
        resources.delete(directory.target(&user)).await.unwrap();
        let other = directory.user("Anna").await;
        let Restoration::Taken(taken) = resources.restore(directory.target(&user)).await.unwrap() else { panic!() };
        assert_eq!(taken.iter().map(|name| (name.attribute, name.value.as_str(), name.by)).collect::<Vec<_>>(), [("userName", "anna", other.id)]);
        let group = |name: &str| directory.new_group(json!({ "displayName": name, "externalId": "x" }), &[]);
        let gone = resources.create(group("a")).await.unwrap().resource;
        resources.delete(directory.target(&gone)).await.unwrap();
        let other = resources.create(group("a")).await.unwrap().resource;
        let Restoration::Taken(taken) = resources.restore(directory.target(&gone)).await.unwrap() else { panic!() };
        assert_eq!(taken.iter().map(|name| (name.attribute, name.by)).collect::<Vec<_>>(), [("externalId", other.id)]);
        assert_eq!(resources.deleted_resources(None, 10).await.unwrap().len(), 2);
        assert_eq!(operations(&directory, gone.id).await.len(), 2);
        resources.delete(directory.target(&other)).await.unwrap();
        restored(&directory, &gone).await;
    }

    async fn of_two_who_bring_it_back_at_once_one_does(database) {
        let directory = database.directory().await;
        for number in 0..5 {
            let user = directory.user(&format!("u{number}")).await;
            let group = directory.group("g", &[user.id]).await;
            directory.resources().delete(directory.target(&user)).await.unwrap();
            let store = directory.resources();
            let restore = || store.restore(directory.target(&user));
            let (one, two) = tokio::join!(restore(), restore());
            assert_eq!([one, two].iter().filter(|done| matches!(done, Ok(Restoration::Done(_)))).count(), 1);
            let read = directory.resources().get(&directory.group_type(), group.id).await.unwrap().unwrap();
            assert_eq!(read.version, 3);
        }
    }

    async fn another_directorys_and_what_is_being_erased_is_as_if_it_were_not_there(database) {
        let directory = database.directory().await;
        let other = TestDirectory::create(directory.store.clone(), directory.clock.clone(), "acme", "D-2").await;
        let user = directory.user("u").await;
        directory.resources().delete(directory.target(&user)).await.unwrap();
        assert!(matches!(other.resources().restore(directory.target(&user)).await, Err(StoreError::NotFound)));
        assert_eq!(other.resources().deleted_resource(user.id).await.unwrap(), None);
        let mut as_group = directory.target(&user);
        as_group.resource_type = directory.group_type();
        assert!(matches!(directory.resources().restore(as_group).await, Err(StoreError::NotFound)));
        directory.clock.advance(DELETED_KEPT);
        assert_eq!(directory.resources().deleted_resource(user.id).await.unwrap(), None);
        assert!(matches!(directory.resources().restore(directory.target(&user)).await, Err(StoreError::NotFound)));
    }

    async fn a_group_comes_back_at_the_same_cost_whatever_its_size(database) {
        let directory = database.directory().await;
        let mut ids = Vec::new();
        for number in 0..600 {
            ids.push(directory.user(&format!("u{number}")).await.id);
        }
        let mut costs = Vec::new();
        for size in [1, 600] {
            let group = directory.group(&format!("of{size}"), &ids[..size]).await;
            directory.group("outer", &[group.id]).await;
            directory.resources().delete(directory.target(&group)).await.unwrap();
            let before = directory.store.statements();
            restored(&directory, &group).await;
            costs.push((directory.store.statements() - before).statements);
            let members = directory.resources().members_page(group.id, None, 1000).await.unwrap();
            assert_eq!(members.len(), size);
        }
        assert_eq!(costs[0], costs[1]);
        assert!(costs[0] <= 25, "{costs:?}");
    }

    /// Whatever is deleted in whatever order, and brought back in whatever order: in the end everybody is where they were.
    async fn all_memberships_are_back_when_all_are_back(database) {
        let directory = database.directory().await;
        for seed in 0..12_u64 {
            let dice = SeededEntropy::new(seed);
            let below = |most: usize| {
                let mut bytes = [0; 4];
                dice.fill(&mut bytes);
                u32::from_le_bytes(bytes) as usize % most
            };
            let mut all = Vec::new();
            for number in 0..3 {
                all.push(directory.user(&format!("{seed}-{number}")).await);
            }
            for number in 0..4 {
                all.push(directory.group(&format!("group {seed}-{number}"), &[]).await);
            }
            for _ in 0..12 {
                // Circles and groups in themselves too.
                let (group, member) = (&all[3 + below(4)], &all[below(7)]);
                let add = vec![rollcall_scim::MemberOp::Add(vec![member.id.to_string()])];
                directory.resources().update(directory.target(group), TestDirectory::of_members(add)).await.unwrap();
            }
            let before = memberships(&directory, &all).await;
            let mut gone: Vec<&StoredResource> = Vec::new();
            for _ in 0..30 {
                let one = &all[below(7)];
                if let Some(at) = gone.iter().position(|other| other.id == one.id) {
                    restored(&directory, gone.remove(at)).await;
                } else {
                    directory.resources().delete(directory.target(one)).await.unwrap();
                    gone.push(one);
                }
            }
            while !gone.is_empty() {
                restored(&directory, gone.remove(below(gone.len()))).await;
            }
            assert_eq!(memberships(&directory, &all).await, before, "seed {seed}");
            for one in &all {
                let read = directory.resources().get(&directory.registry.by_kind(one.kind).unwrap().clone(), one.id).await;
                let read = read.unwrap().unwrap();
                assert_eq!((&read.document, read.created_at), (&one.document, one.created_at));
                // Each version has its event.
                let versions: Vec<i64> = operations(&directory, one.id).await.iter().map(|(_, version)| *version).collect();
                assert_eq!(versions, (1..=read.version).collect::<Vec<_>>());
            }
        }
    }

    /// The same where many delete and bring back at once.
    async fn all_memberships_are_back_whoever_was_in_whose_way(database) {
        let directory = database.directory().await;
        let mut all = Vec::new();
        for number in 0..4 {
            all.push(directory.user(&number.to_string()).await);
        }
        for number in 0..4 {
            all.push(directory.group(&format!("group {number}"), &[]).await);
        }
        let ids: Vec<String> = all.iter().map(|one| one.id.to_string()).collect();
        for (number, group) in all[4..].iter().enumerate() {
            // Everybody is in every group, and every group in itself and in those before it.
            let members = [&ids[..4], &ids[4 + number..]].concat();
            let add = TestDirectory::of_members(vec![rollcall_scim::MemberOp::Add(members)]);
            directory.resources().update(directory.target(group), add).await.unwrap();
        }
        let before = memberships(&directory, &all).await;
        assert_eq!(before.len(), 16 + 10);
        let work = async |seed: u64| {
            let dice = SeededEntropy::new(seed);
            let (mut deleted, mut restored) = (0, 0);
            for _ in 0..25 {
                let mut byte = [0];
                dice.fill(&mut byte);
                let target = directory.target(&all[usize::from(byte[0]) % all.len()]);
                match directory.resources().delete(target.clone()).await {
                    Ok(()) => deleted += 1,
                    Err(StoreError::NotFound) => match directory.resources().restore(target).await {
                        Ok(Restoration::Done(_)) => restored += 1,
                        // Too often in others' way: nothing was changed, and whoever asked would ask again.
                        Err(StoreError::NotFound | StoreError::Unavailable(_)) => {}
                        other => panic!("{other:?}"),
                    },
                    Err(StoreError::Unavailable(_)) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            (deleted, restored)
        };
        let done = tokio::join!(work(1), work(2), work(3), work(4));
        assert!([done.0, done.1, done.2, done.3].iter().all(|(deleted, restored)| *deleted > 0 && *restored > 0), "{done:?}");
        for gone in directory.resources().deleted_resources(None, 100).await.unwrap() {
            restored(&directory, all.iter().find(|one| one.id == gone.id).unwrap()).await;
        }
        let after = memberships(&directory, &all).await;
        let place = |id: &Id<Resource>| all.iter().position(|one| one.id == *id);
        let lost: Vec<_> = before.difference(&after).map(|(group, member)| (place(group), place(member))).collect();
        assert!(lost.is_empty() && after.len() == before.len(), "lost: {lost:?}");
        for one in &all {
            let versions: Vec<i64> = operations(&directory, one.id).await.iter().map(|(_, version)| *version).collect();
            assert_eq!(versions, (1..=versions.len() as i64).collect::<Vec<_>>());
        }
    }
}
