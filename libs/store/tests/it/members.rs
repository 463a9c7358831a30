//! Groups and who is in them.

use std::collections::BTreeSet;

use rollcall_base::{Id, marker::Resource};
use rollcall_scim::{
    MemberOp, ScimType,
    schema::{GROUP, USER},
};
use rollcall_store::{StoredResource, Updated};
use rollcall_testkit::{TestDirectory, on_both_databases};
use serde_json::json;

use crate::resources::rejected;

async fn change(directory: &TestDirectory, group: &StoredResource, ops: Vec<MemberOp>) -> Updated {
    directory.resources().update(directory.target(group), TestDirectory::of_members(ops)).await.unwrap()
}

pub(crate) async fn member_ids(directory: &TestDirectory, group: Id<Resource>) -> Vec<Id<Resource>> {
    directory.resources().members_page(group, None, 10_000).await.unwrap().into_iter().map(|one| one.id).collect()
}

fn texts(ids: &[Id<Resource>]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

async fn users(directory: &TestDirectory, count: usize) -> Vec<Id<Resource>> {
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(directory.user(&format!("user{number}")).await.id);
    }
    ids.sort();
    ids
}

on_both_databases! {
    async fn adding_twice_is_success_and_one_row(database) {
        let directory = database.directory().await;
        let ids = users(&directory, 2).await;
        let group = directory.group("g", &[ids[0], ids[0]]).await;
        let again = change(&directory, &group, vec![MemberOp::Add(texts(&ids[..1]))]).await;
        assert!(!again.changed);
        let both = change(&directory, &group, vec![MemberOp::Add(texts(&[ids[1], ids[0], ids[1]]))]).await;
        assert!(both.changed);
        assert_eq!(both.resource.version, 2);
        assert_eq!(member_ids(&directory, group.id).await, ids);
    }

    async fn unknown_members_are_all_named_and_nothing_is_applied(database) {
        let directory = database.directory().await;
        let known = directory.user("u").await.id;
        let gone = directory.user("gone").await;
        directory.resources().delete(directory.target(&gone)).await.unwrap();
        let mut new = directory.new_group(json!({ "displayName": "g" }), &[known, gone.id]);
        let error = rejected(directory.resources().create(new.clone()).await);
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
        assert!(error.detail.contains(&gone.id.to_string()) && !error.detail.contains(&known.to_string()));
        new.members = Some(vec!["what".to_owned(), gone.id.to_string().to_uppercase()]);
        assert!(rejected(directory.resources().create(new).await).detail.contains("\"what\""));
        assert!(crate::lists::listed(&directory, &directory.group_type(), None).await.unwrap().is_empty());
    }

    async fn steps_apply_in_order_and_only_the_net_change_counts(database) {
        let directory = database.directory().await;
        let ids = users(&directory, 3).await;
        let group = directory.group("g", &ids[..1]).await;
        let nothing = change(&directory, &group, vec![
            MemberOp::Add(texts(&ids[1..])),
            MemberOp::Remove(texts(&ids[1..])),
            MemberOp::Remove(texts(&ids[..1])),
            MemberOp::Add(texts(&ids[..1])),
            MemberOp::Remove(vec!["nobody".to_owned()]),
        ]).await;
        assert!(!nothing.changed);
        assert_eq!(nothing.resource.version, 1);
        let replaced = change(&directory, &group, vec![MemberOp::Replace(texts(&ids[1..]))]).await;
        assert!(replaced.changed);
        assert_eq!(member_ids(&directory, group.id).await, &ids[1..]);
        assert!(!change(&directory, &group, vec![MemberOp::Replace(texts(&ids[1..]))]).await.changed);
        assert!(change(&directory, &group, vec![MemberOp::Replace(Vec::new())]).await.changed);
        assert!(member_ids(&directory, group.id).await.is_empty());
    }

    async fn a_replacement_of_many_members_touches_only_the_difference(database) {
        let directory = database.directory().await;
        let ids = users(&directory, 1_203).await;
        let group = directory.group("g", &ids[..1_100]).await;
        directory.clock.advance(std::time::Duration::from_millis(1));
        change(&directory, &group, vec![MemberOp::Replace(texts(&ids[3..]))]).await;
        assert!(member_ids(&directory, group.id).await == ids[3..]);
        while directory.sequence(1000).await.unwrap() > 0 {}
        let events = directory.jobs().events(directory.record.id, 1_203, 10).await.unwrap();
        let set = |ids: &[Id<Resource>]| ids.iter().copied().collect::<BTreeSet<_>>();
        assert!(set(&events[0].members_added) == set(&ids[..1_100]));
        assert!(set(&events[1].members_added) == set(&ids[1_100..]));
        assert_eq!(set(&events[1].members_removed), set(&ids[..3]));
    }

    async fn members_are_removed_by_a_condition_on_their_element(database) {
        let directory = database.directory().await;
        let mut ids = Vec::new();
        for name in ["User0", "User1"] {
            let named = directory.new_user(json!({ "userName": name, "displayName": name }));
            ids.push(directory.resources().create(named).await.unwrap().resource.id);
        }
        ids.sort();
        let inner = directory.group("inner", &[]).await;
        let group = directory.group("g", &[ids[0], ids[1], inner.id]).await;
        let condition = crate::lists::condition(&directory.group_type(), "members.type eq \"Group\"");
        assert!(change(&directory, &group, vec![MemberOp::RemoveWhere(condition)]).await.changed);
        assert_eq!(member_ids(&directory, group.id).await, ids);
        let condition = crate::lists::condition(&directory.group_type(), "members.display sw \"USER1\"");
        change(&directory, &group, vec![MemberOp::RemoveWhere(condition)]).await;
        let left = directory.resources().members_page(group.id, None, 10).await.unwrap();
        assert_eq!(left.iter().map(|one| one.display.as_deref()).collect::<Vec<_>>(), [Some("User0")]);
    }

    async fn groups_in_groups_and_cycles_list_each_group_once(database) {
        let directory = database.directory().await;
        let user = directory.user("u").await.id;
        let low = directory.group("low", &[user]).await;
        let middle = directory.group("middle", &[low.id, user]).await;
        let high = directory.group("high", &[middle.id]).await;
        change(&directory, &low, vec![MemberOp::Add(texts(&[high.id, low.id]))]).await;
        let groups = directory.resources().groups_of(&[user, low.id], 100).await.unwrap().unwrap();
        let of = |id| groups[&id].iter().map(|group| (group.display.as_deref().unwrap(), group.direct)).collect::<BTreeSet<_>>();
        assert_eq!(of(user), [("low", true), ("middle", true), ("high", false)].into());
        assert_eq!(of(low.id), [("low", true), ("middle", true), ("high", false)].into());
        // Six memberships, two of them known both directly and through another group.
        assert!(directory.resources().groups_of(&[user, low.id], 6).await.unwrap().is_some());
        assert!(directory.resources().groups_of(&[user, low.id], 5).await.unwrap().is_none());
        let members = directory.resources().members_page(middle.id, None, 10).await.unwrap();
        assert_eq!(members.iter().map(|one| one.kind).collect::<BTreeSet<_>>(), [USER, GROUP].into());
    }

    async fn a_user_brings_its_groups_along_where_that_is_asked_and_no_group_is_in_a_group(database) {
        let directory = database.directory().await;
        let ids = users(&directory, 2).await;
        let one = directory.group("one", &ids).await;
        directory.group("two \"quoted\" é", &ids[..1]).await;
        let gone = directory.group("gone", &ids).await;
        directory.resources().delete(directory.target(&gone)).await.unwrap();
        let (plain, asked) = (directory.resources(), directory.resources().with_groups(true));
        let walked = plain.groups_of(&ids, 100).await.unwrap().unwrap();
        let before = directory.store.statements();
        for id in &ids {
            let read = asked.get(&directory.user_type(), *id).await.unwrap().unwrap();
            assert_eq!(read.groups.as_ref(), walked.get(id));
        }
        assert_eq!((directory.store.statements() - before).statements, 2);
        let user = plain.get(&directory.user_type(), ids[0]).await.unwrap().unwrap();
        assert_eq!(user.groups, None);
        let list = crate::lists::query(&directory.user_type(), None);
        let listed = asked.list(&list).await.unwrap().resources;
        assert_eq!(listed.iter().map(|user| user.groups.clone().unwrap().len()).collect::<Vec<_>>(), [2, 1]);
        let renamed = TestDirectory::to_document(json!({ "userName": "renamed" }));
        let updated = asked.update(directory.target(&user), renamed).await.unwrap().resource;
        assert_eq!(updated.groups.as_ref(), walked.get(&ids[0]));
        // A group in a group anywhere in the directory: now only the walk knows who is where.
        directory.group("outer", &[one.id]).await;
        assert_eq!(asked.get(&directory.user_type(), ids[0]).await.unwrap().unwrap().groups, None);
    }

    async fn a_user_in_more_groups_than_a_row_brings_along_has_them_looked_up(database) {
        let directory = database.directory().await;
        let user = directory.user("u").await.id;
        for number in 0..100 {
            directory.group(&format!("group {number}"), &[user]).await;
        }
        let read = async || {
            let asked = directory.resources().with_groups(true);
            asked.get(&directory.user_type(), user).await.unwrap().unwrap().groups
        };
        assert_eq!(read().await.map(|groups| groups.len()), Some(100));
        directory.group("one more", &[user]).await;
        assert_eq!(read().await, None);
    }

    async fn deleting_a_user_gives_each_of_its_groups_a_new_version_and_an_event(database) {
        let directory = database.directory().await;
        let ids = users(&directory, 2).await;
        let resources = directory.resources();
        let one = directory.group("one", &ids).await;
        let two = directory.group("two", &ids[..1]).await;
        let apart = directory.group("apart", &ids[1..]).await;
        let user = resources.get(&directory.user_type(), ids[0]).await.unwrap().unwrap();
        directory.clock.advance(std::time::Duration::from_secs(5));
        resources.delete(directory.target(&user)).await.unwrap();
        for (group, version) in [(&one, 2), (&two, 2), (&apart, 1)] {
            let read = resources.get(&directory.group_type(), group.id).await.unwrap().unwrap();
            assert_eq!(read.version, version, "{:?}", group.document);
            assert_eq!(read.modified_at > group.modified_at, version == 2);
        }
        assert_eq!(member_ids(&directory, one.id).await, &ids[1..]);
        while directory.sequence(3).await.unwrap() > 0 {}
        let events = directory.jobs().events(directory.record.id, 5, 10).await.unwrap();
        let removals = events.iter().filter(|event| event.members_removed == [ids[0]]);
        assert_eq!(removals.map(|event| event.resource).collect::<BTreeSet<_>>(), [one.id, two.id].into());
        assert!(events.iter().any(|event| event.resource == user.id && event.version == 2));
    }

    async fn a_deleted_group_is_in_no_answer_and_its_members_are_erased_in_bites(database) {
        let directory = database.directory().await;
        let ids = users(&directory, 25).await;
        let resources = directory.resources();
        let inner = directory.group("inner", &ids).await;
        let outer = directory.group("outer", &[inner.id]).await;
        resources.delete(directory.target(&inner)).await.unwrap();
        assert!(member_ids(&directory, inner.id).await.is_empty());
        assert!(member_ids(&directory, outer.id).await.is_empty());
        assert!(resources.groups_of(&ids, 100).await.unwrap().unwrap().is_empty());
        assert!(resources.members_of(&[inner.id], 100).await.unwrap().unwrap().is_empty());
        let filter = format!("members.value eq \"{}\"", ids[0]);
        assert!(crate::lists::listed(&directory, &directory.group_type(), Some(&filter)).await.unwrap().is_empty());
        // Its members can still be deleted, though their rows hang on its anchor.
        let user = resources.get(&directory.user_type(), ids[0]).await.unwrap().unwrap();
        resources.delete(directory.target(&user)).await.unwrap();
        directory.clock.advance(std::time::Duration::from_secs(1));
        let now = rollcall_base::Clock::now(&*directory.clock);
        assert_eq!(directory.jobs().purge_deleted(now, 10).await.unwrap(), 0, "events are numbered first");
        while directory.sequence(100).await.unwrap() > 0 {}
        let mut bites = Vec::new();
        loop {
            match directory.jobs().purge_deleted(now, 10).await.unwrap() {
                0 => break,
                erased => bites.push(erased),
            }
        }
        // 24 members, the group and the user, and two events of each.
        assert_eq!(bites.iter().sum::<usize>(), 30);
        assert!(bites.len() >= 3 && bites.iter().all(|bite| *bite <= 10), "{bites:?}");
    }

    async fn the_members_of_several_groups_come_at_once_or_not_at_all(database) {
        let directory = database.directory().await;
        let ids = users(&directory, 3).await;
        let one = directory.group("one", &ids).await;
        let two = directory.group("two", &ids[..2]).await;
        let all = directory.resources().members_of(&[one.id, two.id], 5).await.unwrap().unwrap();
        assert_eq!((all[&one.id].len(), all[&two.id].len()), (3, 2));
        assert!(directory.resources().members_of(&[one.id, two.id], 4).await.unwrap().is_none());
        let page = directory.resources().members_page(one.id, Some(ids[0]), 1).await.unwrap();
        assert_eq!(page.iter().map(|one| one.id).collect::<Vec<_>>(), [ids[1]]);
    }

    async fn one_member_costs_the_same_in_a_small_group_and_in_a_big_one(database) {
        let directory = database.directory().await;
        let ids = users(&directory, 700).await;
        let mut costs = Vec::new();
        for size in [1, 600] {
            let group = directory.group(&format!("of{size}"), &ids[..size]).await;
            let before = directory.store.statements();
            change(&directory, &group, vec![MemberOp::Add(texts(&ids[699..]))]).await;
            let added = directory.store.statements() - before;
            let before = directory.store.statements();
            change(&directory, &group, vec![MemberOp::Remove(texts(&ids[699..]))]).await;
            costs.push((added.statements, (directory.store.statements() - before).statements));
        }
        assert_eq!(costs[0], costs[1]);
        assert!(costs[0].0 <= 9, "{costs:?}");
    }
}
