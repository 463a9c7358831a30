//! What a directory's admin decided about what comes in.

use std::sync::Arc;

use rollcall_access::{
    DirectoryPolicies, OnDeletedUser, OnDuplicateGroupName, OnInactiveUser, OnUnknownMember, PolicyChanges,
};
use rollcall_base::{Id, marker::Resource};
use rollcall_scim::{Document, MemberOp, ScimType};
use rollcall_store::{Arrival, Change, ChangeFn, Created, Operation, StoreError, StoredResource};
use rollcall_testkit::{Database, TestDirectory, on_both_databases};
use serde_json::{Value, json};

use crate::{directory_life::tenant, resources::rejected};

pub(crate) fn document(attributes: Value) -> Document {
    let Value::Object(attributes) = attributes else { panic!("{attributes} is no object") };
    Document::from_stored(attributes)
}

/// As the service does it: the body, with `active` as it was unless the body says otherwise.
pub(crate) fn revival(body: &Value) -> ChangeFn {
    let body = body.clone();
    Arc::new(move |existing| {
        let mut body = body.clone();
        if let (None, Some(active)) = (body.get("active"), existing.document.active()) {
            body["active"] = active.into();
        }
        Ok(Change { document: document(body), members: Vec::new(), password_sent: false })
    })
}

pub(crate) async fn posted(
    directory: &TestDirectory,
    policies: DirectoryPolicies,
    body: &Value,
) -> Result<Created, StoreError> {
    let new = directory.new_user(body.clone());
    directory.resources().with_policies(policies).create_or_revive(new, revival(body)).await
}

/// Everybody who reads a directory's policies in a transaction reads these.
pub(crate) async fn decide(database: &Database, policies: DirectoryPolicies) {
    let text = serde_json::to_string(&policies).unwrap();
    database.execute(&format!("UPDATE directory SET policies = '{text}'")).await;
}

pub(crate) async fn operations(directory: &TestDirectory, resource: Id<Resource>) -> Vec<(Operation, i64)> {
    while directory.sequence(100).await.unwrap() > 0 {}
    let events = directory.jobs().events(directory.record.id, 0, 100_000).await.unwrap();
    events.iter().filter(|event| event.resource == resource).map(|event| (event.operation, event.version)).collect()
}

async fn user(directory: &TestDirectory, attributes: Value) -> StoredResource {
    directory.resources().create(directory.new_user(attributes)).await.unwrap().resource
}

async fn group_with(
    directory: &TestDirectory,
    policies: DirectoryPolicies,
    name: &str,
    members: &[String],
) -> Result<Created, StoreError> {
    let mut new = directory.new_group(json!({ "displayName": name }), &[]);
    new.members = Some(members.to_vec());
    directory.resources().with_policies(policies).create(new).await
}

const REVIVE_INACTIVE: DirectoryPolicies = DirectoryPolicies { inactive_user: OnInactiveUser::Revive, ..DEFAULT };
const REVIVE_DELETED: DirectoryPolicies = DirectoryPolicies { deleted_user: OnDeletedUser::Revive, ..DEFAULT };
const SKIP: DirectoryPolicies = DirectoryPolicies { unknown_member: OnUnknownMember::Skip, ..DEFAULT };
const ONE_NAME: DirectoryPolicies = DirectoryPolicies { duplicate_group_name: OnDuplicateGroupName::Refuse, ..DEFAULT };
const DEFAULT: DirectoryPolicies = DirectoryPolicies {
    strict: false,
    inactive_user: OnInactiveUser::Refuse,
    deleted_user: OnDeletedUser::New,
    replace: rollcall_access::OnReplace::Overwrite,
    delete: rollcall_access::OnDelete::Restorable,
    unknown_member: OnUnknownMember::Refuse,
    duplicate_group_name: OnDuplicateGroupName::Allow,
};

on_both_databases! {
    async fn a_post_of_an_inactive_user_brings_it_back_by_the_policy_and_with_the_same_external_id_alone(database) {
        let directory = database.directory().await;
        let was = user(&directory, json!({ "userName": "Anna", "externalId": "e", "active": false, "title": "t" })).await;
        let group = directory.group("g", &[was.id]).await;
        let body = json!({ "userName": "ANNA", "externalId": "e", "active": true });
        let told = rejected(posted(&directory, DEFAULT, &body).await);
        assert_eq!((told.status, told.scim_type), (409, Some(ScimType::Uniqueness)));
        assert!(told.detail.contains("is inactive") && told.detail.contains("inactive-user"), "{}", told.detail);
        assert!(!told.detail.contains("Anna") && !told.detail.contains(&was.id.to_string()), "{}", told.detail);
        for other in [json!({ "userName": "anna" }), json!({ "userName": "anna", "externalId": "E" })] {
            let told = rejected(posted(&directory, REVIVE_INACTIVE, &other).await);
            assert!(told.status == 409 && told.detail.contains("same externalId"), "{}", told.detail);
        }
        // Nothing but an explicit true enables anybody.
        let silent = json!({ "userName": "anna", "externalId": "e" });
        let revived = posted(&directory, REVIVE_INACTIVE, &silent).await.unwrap();
        assert_eq!((&revived.arrival, revived.resource.id, revived.changed), (&Arrival::Revived, was.id, true));
        assert_eq!((revived.resource.document.active(), revived.resource.version), (Some(false), 2));
        assert!(!revived.resource.document.attributes().contains_key("title"));
        let revived = posted(&directory, REVIVE_INACTIVE, &body).await.unwrap();
        assert_eq!((revived.resource.id, revived.resource.document.active()), (was.id, Some(true)));
        let told = rejected(posted(&directory, REVIVE_INACTIVE, &body).await);
        assert!(told.status == 409 && !told.detail.contains("inactive"), "{}", told.detail);
        assert_eq!(
            operations(&directory, was.id).await,
            [(Operation::Create, 1), (Operation::Update, 2), (Operation::Update, 3)]
        );
        assert_eq!(directory.resources().members_page(group.id, None, 10).await.unwrap().len(), 1, "it never left");
    }

    async fn who_has_no_external_id_is_never_taken_over(database) {
        let directory = database.directory().await;
        user(&directory, json!({ "userName": "anna", "active": false })).await;
        let body = json!({ "userName": "anna", "active": true });
        assert_eq!(rejected(posted(&directory, REVIVE_INACTIVE, &body).await).status, 409);
        let gone = user(&directory, json!({ "userName": "bert" })).await;
        directory.resources().delete(directory.target(&gone)).await.unwrap();
        let body = json!({ "userName": "bert" });
        let new = posted(&directory, REVIVE_DELETED, &body).await.unwrap();
        assert!(new.arrival == Arrival::New && new.resource.id != gone.id);
    }

    async fn a_post_of_a_deleted_user_brings_the_last_one_back_without_its_memberships(database) {
        let directory = database.directory().await;
        let body = json!({ "userName": "Anna", "externalId": "e", "active": false });
        let mut ids = Vec::new();
        for _ in 0..2 {
            let one = user(&directory, body.clone()).await;
            ids.push(one.id);
            directory.group("g", &[one.id]).await;
            directory.clock.advance(std::time::Duration::from_secs(1));
            directory.resources().delete(directory.target(&one)).await.unwrap();
            directory.clock.advance(std::time::Duration::from_secs(1));
        }
        let new = posted(&directory, DEFAULT, &json!({ "userName": "other", "externalId": "e" })).await.unwrap();
        assert_eq!(new.arrival, Arrival::New);
        let other = json!({ "userName": "anna", "externalId": "f" });
        let other = posted(&directory, REVIVE_DELETED, &other).await.unwrap();
        assert_eq!(other.arrival, Arrival::New);
        directory.resources().delete(directory.target(&other.resource)).await.unwrap();
        let back = json!({ "userName": "anna", "externalId": "e", "title": "t" });
        let back = posted(&directory, REVIVE_DELETED, &back).await.unwrap();
        assert_eq!((back.arrival.clone(), back.resource.id, back.resource.version), (Arrival::Restored(vec![]), ids[1], 3));
        assert_eq!(back.resource.document, document(json!({ "userName": "anna", "externalId": "e", "title": "t", "active": false })));
        let read = directory.resources().get(&directory.user_type(), ids[1]).await.unwrap().unwrap();
        assert_eq!(read.document, back.resource.document);
        assert!(directory.resources().groups_of(&[ids[1]], 10).await.unwrap().unwrap().is_empty());
        assert_eq!(
            operations(&directory, ids[1]).await,
            [(Operation::Create, 1), (Operation::Delete, 2), (Operation::Restore, 3)]
        );
        let counts = directory.live().await;
        assert_eq!(counts.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [2, 2]);
        // It is gone from where the deleted ones lie: the next deletion is one of its own.
        directory.resources().delete(directory.target(&read)).await.unwrap();
        assert_eq!(directory.resources().deleted_resources(None, 10).await.unwrap().len(), 3);
    }

    async fn of_two_posts_at_once_one_brings_the_user_back(database) {
        let directory = database.directory().await;
        for number in 0..8 {
            let name = format!("user{number}");
            let body = json!({ "userName": name, "externalId": name, "active": true });
            let was = user(&directory, json!({ "userName": name, "externalId": name, "active": false })).await;
            let policies = if number % 2 == 0 { REVIVE_INACTIVE } else { REVIVE_DELETED };
            if number % 2 == 1 {
                directory.resources().delete(directory.target(&was)).await.unwrap();
            }
            let post = || posted(&directory, policies, &body);
            let (one, two, three) = tokio::join!(post(), post(), post());
            let (back, refused): (Vec<_>, Vec<_>) = [one, two, three].into_iter().partition(Result::is_ok);
            assert_eq!(back.len(), 1, "{number}: {refused:?}");
            assert_eq!(back[0].as_ref().unwrap().resource.id, was.id, "{number}");
            assert!(refused.into_iter().all(|refused| rejected(refused).status == 409));
        }
    }

    async fn two_groups_of_one_name_are_refused_by_the_policy_that_holds_not_by_a_remembered_one(database) {
        let directory = database.directory().await;
        let resources = directory.resources();
        directory.group("before", &[]).await;
        directory.group("Before", &[]).await;
        decide(&database, ONE_NAME).await;
        // The store was told nothing of it.
        let first = directory.group("Staff", &[]).await;
        let told = rejected(group_with(&directory, DEFAULT, "STAFF", &[]).await);
        assert_eq!((told.status, told.scim_type), (409, Some(ScimType::Uniqueness)));
        assert!(told.detail.contains("displayName"), "{}", told.detail);
        let second = directory.group("Crew", &[]).await;
        let to = |name: &str| TestDirectory::to_document(json!({ "displayName": name }));
        assert_eq!(rejected(resources.update(directory.target(&second), to("staff")).await).status, 409);
        // What the name is not changed by is no question of it.
        let more = TestDirectory::to_document(json!({ "displayName": "crew", "externalId": "x" }));
        resources.update(directory.target(&second), more).await.unwrap();
        resources.update(directory.target(&first), to("Team")).await.unwrap();
        resources.update(directory.target(&second), to("staff")).await.unwrap();
        resources.delete(directory.target(&second)).await.unwrap();
        let third = directory.group("staff", &[]).await;
        let taken = match resources.restore(directory.target(&second)).await.unwrap() {
            rollcall_store::Restoration::Taken(taken) => taken,
            done => panic!("{done:?}"),
        };
        assert_eq!(taken.iter().map(|name| (name.attribute, name.by)).collect::<Vec<_>>(), [("displayName", third.id)]);
        resources.delete(directory.target(&third)).await.unwrap();
        assert!(matches!(resources.restore(directory.target(&second)).await.unwrap(), rollcall_store::Restoration::Done(_)));
        assert_eq!(rejected(group_with(&directory, DEFAULT, "STAFF", &[]).await).status, 409, "it has its name again");
        decide(&database, DEFAULT).await;
        group_with(&directory, ONE_NAME, "STAFF", &[]).await.unwrap();
        // What was claimed before is given up with the name.
        resources.update(directory.target(&first), to("Other")).await.unwrap();
        decide(&database, ONE_NAME).await;
        directory.group("team", &[]).await;
    }

    async fn a_name_that_several_groups_had_before_is_free_when_the_last_of_them_is_gone(database) {
        let directory = database.directory().await;
        let resources = directory.resources();
        let groups = [directory.group("Sales", &[]).await, directory.group("sales", &[]).await, directory.group("SALES", &[]).await];
        let gone = directory.group("Sales", &[]).await;
        resources.delete(directory.target(&gone)).await.unwrap();
        let refuse = PolicyChanges { duplicate_group_name: Some(OnDuplicateGroupName::Refuse), ..PolicyChanges::default() };
        tenant(&directory).change_policies(directory.record.id, refuse).await.unwrap();
        let other = directory.group("other", &[]).await;
        let is_taken = async || {
            let told = rejected(group_with(&directory, DEFAULT, "Sales", &[]).await);
            assert_eq!((told.status, told.scim_type), (409, Some(ScimType::Uniqueness)));
            let to_sales = TestDirectory::to_document(json!({ "displayName": "Sales" }));
            assert_eq!(rejected(resources.update(directory.target(&other), to_sales).await).status, 409);
            match resources.restore(directory.target(&gone)).await.unwrap() {
                rollcall_store::Restoration::Taken(taken) => taken[0].by,
                done => panic!("{done:?}"),
            }
        };
        assert_eq!(is_taken().await, groups[0].id);
        // The oldest has the claim.
        resources.delete(directory.target(&groups[0])).await.unwrap();
        let by = is_taken().await;
        assert!(by == groups[1].id || by == groups[2].id);
        let away = TestDirectory::to_document(json!({ "displayName": "Sellers" }));
        resources.update(directory.target(&groups[1]), away).await.unwrap();
        assert_eq!(is_taken().await, groups[2].id);
        // What nobody claimed stays what it is, and keeps the name.
        let more = TestDirectory::to_document(json!({ "displayName": "SALES", "externalId": "x" }));
        resources.update(directory.target(&groups[2]), more).await.unwrap();
        resources.delete(directory.target(&groups[2])).await.unwrap();
        group_with(&directory, DEFAULT, "Sales", &[]).await.unwrap();
    }

    async fn of_groups_that_come_at_once_one_gets_the_name(database) {
        let directory = database.directory().await;
        decide(&database, ONE_NAME).await;
        let post = || group_with(&directory, DEFAULT, "Staff", &[]);
        let (one, two, three) = tokio::join!(post(), post(), post());
        let came = [one, two, three].into_iter().filter(Result::is_ok).count();
        assert_eq!(came, 1);
    }

    async fn members_that_nobody_is_are_left_out_by_the_policy_and_noted(database) {
        let directory = database.directory().await;
        let user = directory.user("u").await.id;
        let nobody = "0190d1f2-0000-7000-8000-000000000001".to_owned();
        let long = format!("{}\0", "é".repeat(300));
        let members = [user.to_string(), nobody.clone(), long];
        assert_eq!(rejected(group_with(&directory, DEFAULT, "g", &members).await).status, 400);
        let created = group_with(&directory, SKIP, "g", &members).await.unwrap();
        assert_eq!(created.skipped, 2);
        let noted = async || {
            let report = directory.resources().quality(&directory.user_type(), 10).await.unwrap().skipped_members;
            let mut noted: Vec<_> = report.first.into_iter().map(|one| (one.member, one.times)).collect();
            noted.sort();
            assert_eq!(report.total, noted.len() as u64);
            noted
        };
        let first = noted().await;
        assert_eq!((first.len(), &first[0]), (2, &(nobody.clone(), 1)));
        assert!(first[1].0.len() <= 200 && first[1].0.starts_with('é'), "{first:?}");
        let skipping = directory.resources().with_policies(SKIP);
        let group = created.resource;
        let (nobody, user, x, long) = (|| nobody.clone(), user.to_string(), || "x".to_owned(), || members[2].clone());
        let first_long = (first[1].0.clone(), 1);
        for (ops, changed, skipped, in_the_report) in [
            (vec![MemberOp::Add(vec![nobody()])], false, 1, vec![(nobody(), 2), first_long]),
            // Whom the client takes out is in the report no longer, whatever it calls them.
            (vec![MemberOp::Remove(vec![long(), "y".to_owned()])], false, 0, vec![(nobody(), 2)]),
            (vec![MemberOp::Replace(vec![nobody(), user.clone(), x()])], false, 2, vec![(nobody(), 3), (x(), 1)]),
            (vec![MemberOp::Replace(vec![x()])], true, 1, vec![(x(), 2)]),
            (vec![MemberOp::Add(vec![user.clone()])], true, 0, vec![(x(), 2)]),
            (vec![MemberOp::Add(vec![nobody()]), MemberOp::Remove(vec![nobody(), x()])], false, 0, vec![]),
            (vec![MemberOp::Add(vec![x()]), MemberOp::Replace(vec![nobody()])], true, 1, vec![(nobody(), 1)]),
            (vec![MemberOp::Replace(Vec::new())], false, 0, vec![]),
        ] {
            let change = TestDirectory::of_members(ops);
            let updated = skipping.update(directory.target(&group), change).await.unwrap();
            assert_eq!((updated.changed, updated.skipped), (changed, skipped));
            assert_eq!(noted().await, in_the_report);
        }
    }

    async fn who_was_left_out_and_comes_is_noted_no_longer_and_the_last_hundred_are(database) {
        let directory = database.directory().await;
        let user = directory.user("u").await;
        let skipping = directory.resources().with_policies(SKIP);
        skipping.delete(directory.target(&user)).await.unwrap();
        let group = group_with(&directory, SKIP, "g", &[user.id.to_string()]).await.unwrap().resource;
        let noted = async || {
            let found = directory.resources().quality(&directory.user_type(), 200).await.unwrap().skipped_members;
            found.first.into_iter().map(|one| one.member).collect::<Vec<_>>()
        };
        assert_eq!(noted().await, [user.id.to_string()]);
        skipping.restore(directory.target(&user)).await.unwrap();
        let add = |ids: Vec<String>| TestDirectory::of_members(vec![MemberOp::Add(ids)]);
        skipping.update(directory.target(&group), add(vec![user.id.to_string()])).await.unwrap();
        assert!(noted().await.is_empty());
        for round in 0..3 {
            directory.clock.advance(std::time::Duration::from_secs(1));
            let ids = (0..60).map(|number| format!("{round}-{number:02}")).collect();
            skipping.update(directory.target(&group), add(ids)).await.unwrap();
        }
        let kept = noted().await;
        assert_eq!(kept.len(), 100);
        assert!(kept[..60].iter().all(|id| id.starts_with("2-")) && kept[60..].iter().all(|id| id.starts_with("1-")));
        skipping.delete(directory.target(&group)).await.unwrap();
        assert!(noted().await.is_empty());
    }

    async fn what_wants_mending_is_reported(database) {
        let directory = database.directory().await;
        for (name, id, mail) in [("a", Some("x"), true), ("b", Some("x"), false), ("c", Some("y"), true), ("d", None, false)] {
            let mut attributes = json!({ "userName": name });
            if let Some(id) = id {
                attributes["externalId"] = id.into();
            }
            if mail {
                attributes["emails"] = json!([{ "value": format!("{name}@example.com") }]);
            }
            user(&directory, attributes).await;
        }
        let last = directory.user("e").await;
        for name in ["One", "one", "ONE", "two", "Two", "three"] {
            directory.group(name, if name == "three" { std::slice::from_ref(&last.id) } else { &[] }).await;
        }
        let renamed = TestDirectory::to_document(json!({ "userName": "f" }));
        directory.resources().update(directory.target(&last), renamed).await.unwrap();
        let report = directory.resources().quality(&directory.user_type(), 1).await.unwrap();
        assert_eq!((report.duplicate_group_names.total, report.shared_external_ids.total), (2, 1));
        assert_eq!(report.duplicate_group_names.first[0].groups, 3);
        assert_eq!(report.duplicate_group_names.first[0].display_name.to_lowercase(), "one");
        assert_eq!((report.shared_external_ids.first[0].external_id.as_str(), report.shared_external_ids.first[0].users), ("x", 2));
        assert_eq!((report.users_without_email, report.groups_without_members, report.former_names), (3, 5, 1));
    }
}
