//! Creating, changing, deleting.

use std::{sync::Arc, time::Duration};

use rollcall_scim::{MemberOp, ScimType};
use rollcall_store::{Change, Precondition, StoreError};
use rollcall_testkit::{TestDirectory, on_both_databases};
use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;

/// The error that a client would see.
pub(crate) fn rejected<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> rollcall_scim::ScimError {
    match outcome {
        Err(StoreError::Rejected(error)) => error,
        other => panic!("not rejected: {other:?}"),
    }
}

on_both_databases! {
    async fn a_created_user_is_read_back_as_it_was_sent(database) {
        let directory = database.directory().await;
        let sent = json!({ "userName": "BJensen", "z": 1, "a": { "y": [true, 2.5], "b": "é\u{1F600}" }, "externalId": "x1" });
        let created = directory.resources().create(directory.new_user(sent.clone())).await.unwrap().resource;
        assert_eq!((created.version, created.created_at), (1, created.modified_at));
        let read = directory.resources().get(&directory.user_type(), created.id).await.unwrap().unwrap();
        assert_eq!(read, created);
        assert_eq!(serde_json::to_string(read.document.attributes()).unwrap(), sent.to_string(), "key order is kept");
        assert!(directory.resources().get(&directory.group_type(), created.id).await.unwrap().is_none());
    }

    async fn for_consumers_a_user_stays_disabled_until_somebody_says_otherwise(database) {
        let directory = database.directory().await;
        let user = directory.user("leaver").await;
        let raw = database.raw().await;
        for (sent, effective) in [
            (json!({ "userName": "leaver" }), None),
            (json!({ "userName": "leaver", "active": false }), Some(false)),
            (json!({ "userName": "leaver", "title": "no word on active" }), Some(false)),
            (json!({ "userName": "leaver", "active": true }), Some(true)),
        ] {
            let change = TestDirectory::to_document(sent);
            directory.resources().update(directory.target(&user), change).await.unwrap();
            let column = Statement::from_string(raw.get_database_backend(), "SELECT active FROM resource");
            let row = raw.query_one_raw(column).await.unwrap().unwrap();
            assert_eq!(row.try_get_by_index::<Option<bool>>(0).unwrap(), effective);
        }
    }

    async fn a_user_name_is_unique_in_any_case_and_free_after_a_rename_or_a_deletion(database) {
        let directory = database.directory().await;
        let resources = directory.resources();
        let first = directory.user("Straße").await;
        let second = directory.user("other").await;
        let again = || resources.create(directory.new_user(json!({ "userName": "STRASSE" })));
        let error = rejected(again().await);
        assert_eq!((error.status, error.scim_type), (409, Some(ScimType::Uniqueness)));
        assert!(error.detail.contains("userName"), "{}", error.detail);
        let taken = TestDirectory::to_document(json!({ "userName": "sTRASSE" }));
        assert_eq!(rejected(resources.update(directory.target(&second), taken).await).status, 409);
        let renamed = TestDirectory::to_document(json!({ "userName": "renamed" }));
        assert!(resources.update(directory.target(&first), renamed).await.unwrap().changed);
        let third = again().await.unwrap().resource;
        resources.delete(directory.target(&third)).await.unwrap();
        again().await.unwrap();
    }

    async fn two_directories_have_their_own_names_and_do_not_see_each_other(database) {
        let directory = database.directory().await;
        let other =
            TestDirectory::create(directory.store.clone(), directory.clock.clone(), "acme", "D-2").await;
        let here = directory.user("bjensen").await;
        let there = other.user("bjensen").await;
        assert!(other.resources().get(&other.user_type(), here.id).await.unwrap().is_none());
        let deleted = other.resources().delete(directory.target(&here)).await;
        assert!(matches!(deleted, Err(StoreError::NotFound)));
        let stranger = directory.new_group(json!({ "displayName": "g" }), &[there.id]);
        let error = rejected(directory.resources().create(stranger).await);
        assert!(error.detail.contains(&there.id.to_string()));
        assert!(directory.resources().displays(&[here.id, there.id]).await.unwrap().contains_key(&here.id));
        assert_eq!(directory.resources().displays(&[there.id]).await.unwrap().len(), 0);
    }

    async fn a_second_group_with_the_same_external_id_is_refused_and_users_may_share_one(database) {
        let directory = database.directory().await;
        let resources = directory.resources();
        let group = |name: &str, external_id: &str| {
            directory.new_group(json!({ "displayName": name, "externalId": external_id }), &[])
        };
        let first = resources.create(group("a", "x")).await.unwrap().resource;
        let error = rejected(resources.create(group("b", "x")).await);
        assert_eq!(error.status, 409);
        assert!(error.detail.contains("externalId"), "{}", error.detail);
        resources.create(group("a", "X")).await.unwrap();
        let moved = TestDirectory::to_document(json!({ "displayName": "a", "externalId": "y" }));
        resources.update(directory.target(&first), moved).await.unwrap();
        let second = resources.create(group("b", "x")).await.unwrap().resource;
        resources.delete(directory.target(&second)).await.unwrap();
        resources.create(group("c", "x")).await.unwrap();
        for name in ["u1", "u2"] {
            let user = directory.new_user(json!({ "userName": name, "externalId": "same" }));
            resources.create(user).await.unwrap();
        }
    }

    async fn a_change_counts_the_version_up_and_no_change_does_not(database) {
        let directory = database.directory().await;
        let resources = directory.resources();
        let user = directory.user("u").await;
        directory.clock.advance(Duration::from_secs(1));
        let to = || TestDirectory::to_document(json!({ "userName": "u", "active": false }));
        let changed = resources.update(directory.target(&user), to()).await.unwrap();
        assert!(changed.changed);
        assert_eq!(changed.resource.version, 2);
        assert!(changed.resource.modified_at > user.modified_at);
        assert_eq!(changed.resource.created_at, user.created_at);
        directory.clock.advance(Duration::from_secs(1));
        let same = resources.update(directory.target(&user), to()).await.unwrap();
        assert!(!same.changed);
        assert_eq!(same.resource, changed.resource);
    }

    async fn the_time_of_the_last_change_never_goes_back(database) {
        let directory = database.directory().await;
        directory.clock.advance(Duration::from_secs(3600));
        let user = directory.user("u").await;
        let (behind, _) = database.open().await;
        let change = TestDirectory::to_document(json!({ "userName": "u2" }));
        let updated = behind.directory(&directory.scope).update(directory.target(&user), change).await.unwrap();
        assert_eq!(updated.resource.modified_at, user.modified_at);
    }

    async fn a_precondition_that_does_not_hold_changes_nothing(database) {
        let directory = database.directory().await;
        let resources = directory.resources();
        let user = directory.user("u").await;
        let change = || TestDirectory::to_document(json!({ "userName": "u2" }));
        for versions in [vec![], vec![2, 7]] {
            let mut target = directory.target(&user);
            target.precondition = Precondition::Versions(versions);
            let outcome = resources.update(target.clone(), change()).await;
            assert!(matches!(outcome, Err(StoreError::PreconditionFailed)));
            assert!(matches!(resources.delete(target).await, Err(StoreError::PreconditionFailed)));
        }
        let mut target = directory.target(&user);
        target.precondition = Precondition::Versions(vec![9, 1]);
        assert_eq!(resources.update(target, change()).await.unwrap().resource.version, 2);
    }

    async fn a_deleted_resource_is_gone_and_an_unknown_one_was_never_there(database) {
        let directory = database.directory().await;
        let resources = directory.resources();
        let user = directory.user("u").await;
        resources.delete(directory.target(&user)).await.unwrap();
        assert!(resources.get(&directory.user_type(), user.id).await.unwrap().is_none());
        assert!(matches!(resources.delete(directory.target(&user)).await, Err(StoreError::NotFound)));
        let change = TestDirectory::to_document(json!({ "userName": "u2" }));
        assert!(matches!(resources.update(directory.target(&user), change).await, Err(StoreError::NotFound)));
        assert_ne!(directory.user("u").await.id, user.id);
    }

    async fn an_error_of_the_change_leaves_everything_as_it_was(database) {
        let directory = database.directory().await;
        let resources = directory.resources();
        let group = directory.group("g", &[]).await;
        let user = directory.user("u").await;
        let change = Arc::new(move |_: &rollcall_store::StoredResource| {
            Ok(Change {
                document: rollcall_scim::Document::default(),
                members: vec![
                    MemberOp::Add(vec![user.id.to_string()]),
                    MemberOp::Add(vec!["nobody".to_owned(), "00000000-0000-7000-8000-000000000000".to_owned()]),
                ],
                password_sent: false,
            })
        });
        let error = rejected(resources.update(directory.target(&group), change).await);
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
        assert!(error.detail.contains("\"nobody\""), "{}", error.detail);
        let unchanged = resources.get(&directory.group_type(), group.id).await.unwrap().unwrap();
        assert_eq!(unchanged, group);
        assert!(resources.members_page(group.id, None, 10).await.unwrap().is_empty());
    }

    async fn nul_is_refused_before_it_reaches_the_database(database) {
        let directory = database.directory().await;
        for attributes in [
            json!({ "userName": "a\0b" }),
            json!({ "userName": "a", "emails": [{ "value": "x\0" }] }),
            json!({ "userName": "a", "urn:x": { "k\0": 1 } }),
        ] {
            let error = rejected(directory.resources().create(directory.new_user(attributes)).await);
            assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
        }
        // A backslash before u0000 is text like any other.
        directory.resources().create(directory.new_user(json!({ "userName": "a\\u0000" }))).await.unwrap();
    }

    async fn values_of_ten_thousand_bytes_are_kept_indexed_and_told_apart(database) {
        let directory = database.directory().await;
        let long = |end: &str| format!("{}{end}", "é".repeat(5_000));
        let user = |name: &str| {
            directory.new_user(json!({
                "userName": long(name), "externalId": long(name), "emails": [{ "value": long(name) }],
            }))
        };
        let first = directory.resources().create(user("1")).await.unwrap().resource;
        directory.resources().create(user("2")).await.unwrap();
        assert_eq!(rejected(directory.resources().create(user("1")).await).status, 409);
        for attribute in ["userName", "externalId", "emails.value"] {
            let filter = format!("{attribute} eq \"{}\"", long("1").to_uppercase().replace('É', "é"));
            let found = crate::lists::listed(&directory, &directory.user_type(), Some(&filter)).await.unwrap();
            assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), [first.id], "{attribute}");
        }
    }
}
