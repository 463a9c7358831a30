//! Tenants, directories, credentials, keys.

use std::time::Duration;

use rollcall_access::{BearerToken, CredentialRecord, JobScope, OperatorScope, Scopes, Stage, TokenKind};
use rollcall_base::{Clock, Id, Secret32, SeededEntropy, Timestamp};
use rollcall_store::{AuditQuery, ControlError, DirectoryChange, Freed, NewDirectory, StoreError, WrappedKey};
use rollcall_testkit::on_both_databases;

fn everything() -> AuditQuery {
    AuditQuery { since: Timestamp::from_micros(0), directory: None, after: None, before: None, limit: 100 }
}

fn new_directory(id: &str, name: &str) -> NewDirectory {
    NewDirectory {
        client_kind: "okta".to_owned(),
        directory_id: id.to_owned(),
        directory_name: name.to_owned(),
        client_profile: None,
        stage: Stage::Submitted,
    }
}

on_both_databases! {
    async fn directory_ids_and_names_share_one_namespace_without_case(database) {
        let (store, _) = database.open().await;
        let operator = OperatorScope::from_local_configuration();
        let acme = store.operator(&operator).create_tenant("Acme", "Acme Inc.").await.unwrap();
        assert_eq!(acme.slug, "acme");
        let twice = store.operator(&operator).create_tenant("ACME", "other").await;
        assert!(matches!(twice, Err(ControlError::Taken { field: "slug" })));
        let tenant = store.tenant(&operator.tenant(acme.id));
        let first = tenant.create_directory(new_directory("Dir-1", "people")).await.unwrap();
        assert_eq!((first.tenant_slug.as_str(), first.life.state().as_str()), ("acme", "submitted"));
        for (id, name, field) in
            [("DIR-1", "x", "directory_id"), ("People", "x", "directory_id"), ("y", "people", "directory_name"), ("y", "dir-1", "directory_name")]
        {
            match tenant.create_directory(new_directory(id, name)).await {
                Err(ControlError::Taken { field: taken }) => assert_eq!(taken, field, "{id} {name}"),
                other => panic!("{other:?}"),
            }
        }
        tenant.create_directory(new_directory("same", "Same")).await.unwrap();
        assert_eq!(tenant.directories().await.unwrap().len(), 2);
        assert_eq!(tenant.directory_by_key("PEOPLE").await.unwrap().unwrap(), first);
        let other = store.operator(&operator).create_tenant("other", "").await.unwrap();
        let other = store.tenant(&operator.tenant(other.id));
        assert!(other.directory_by_key("people").await.unwrap().is_none());
        other.create_directory(new_directory("Dir-1", "people")).await.unwrap();
        let verification = store.verification(&JobScope::of_service("test"));
        assert_eq!(verification.directory_at("ACME", "dir-1").await.unwrap().unwrap(), first);
        assert_eq!(verification.directory(first.id).await.unwrap().unwrap(), first);
        assert!(verification.directory_at("nobody", "dir-1").await.unwrap().is_none());
        assert_eq!(store.operator(&operator).tenants().await.unwrap().len(), 2);
    }

    async fn a_directory_keeps_the_keys_that_it_had(database) {
        let directory = database.directory().await;
        let (id, scope) = (directory.record.id, OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let tenant = directory.store.tenant(&scope);
        let other = tenant.create_directory(new_directory("taken", "taken.example")).await.unwrap();
        let change = |key: &str| DirectoryChange {
            directory_id: Some(key.to_owned()), directory_name: Some(key.to_lowercase()), client: None,
        };
        let renamed = tenant.change_directory(id, change("New-ID")).await.unwrap();
        assert_eq!((renamed.id, renamed.directory_id.as_str(), renamed.directory_name.as_str()), (id, "New-ID", "new-id"));
        let old = rollcall_scim::fold(&directory.record.directory_id);
        assert_eq!(tenant.overview(renamed.id).await.unwrap().former_keys, std::slice::from_ref(&old));
        for key in [old.as_str(), "NEW-id"] {
            assert_eq!(tenant.directory_by_key(key).await.unwrap().unwrap().id, id, "{key}");
        }
        let taken = tenant.change_directory(id, change("TAKEN.example")).await;
        assert!(matches!(taken, Err(ControlError::Taken { field: "directory_id" })), "{taken:?}");
        let taken = tenant.change_directory(other.id, change(&old)).await;
        assert!(matches!(taken, Err(ControlError::Taken { field: "directory_id" })), "a former key is not free: {taken:?}");
        assert_eq!(tenant.free_key(other.id, &old).await.unwrap(), Freed::NotItsOwn);
        assert_eq!(tenant.free_key(id, "new-id").await.unwrap(), Freed::InUse);
        assert_eq!(tenant.free_key(id, &old).await.unwrap(), Freed::Freed);
        assert!(tenant.directory_by_key(&old).await.unwrap().is_none());
        tenant.change_directory(other.id, change(&old)).await.unwrap();
        let lines = tenant.audit(&everything()).await.unwrap();
        let mut said: Vec<_> = lines.iter().map(|line| line.action.as_str()).filter(|action| action.starts_with("directory.")).collect();
        said.sort_unstable(); // of one millisecond
        assert_eq!(said, ["directory.changed", "directory.changed", "directory.created", "directory.created", "directory.key_freed"]);
        tenant.change_directory(id, change("New-ID")).await.unwrap();
        assert_eq!(tenant.audit(&everything()).await.unwrap().len(), lines.len(), "nothing changed, nothing is told");
        let stranger = directory.store.operator(&OperatorScope::from_local_configuration()).create_tenant("stranger", "").await.unwrap();
        let stranger = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(stranger.id));
        let not_its_own = stranger.change_directory(id, change("mine")).await;
        assert!(matches!(not_its_own, Err(ControlError::Store(StoreError::NotFound))), "{not_its_own:?}");
        assert!(matches!(stranger.free_key(id, "x").await, Err(StoreError::NotFound)));
    }

    async fn a_credential_is_kept_found_and_revoked_once(database) {
        let directory = database.directory().await;
        let entropy = SeededEntropy::new(11);
        let now = directory.clock.now();
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let key = |wrapped: &[u8]| WrappedKey {
            id: Id::new(now, &entropy), tenant: directory.tenant.id, purpose: "p".to_owned(), wrapped: wrapped.to_vec(), created_at: now,
        };
        assert!(tenant.newest_data_key("p").await.unwrap().is_none());
        let first = tenant.insert_data_key(key(b"first")).await.unwrap();
        assert_eq!(tenant.insert_data_key(key(b"second")).await.unwrap(), first, "the first writer wins");
        assert_eq!(tenant.newest_data_key("p").await.unwrap(), Some(first.clone()));
        let token = BearerToken::generate(TokenKind::Static, Id::new(now, &entropy), &entropy);
        let record = CredentialRecord {
            id: token.id(),
            tenant: directory.tenant.id,
            directory: directory.record.id,
            data_key: first.id,
            hash: token.hash(&Secret32::random(&entropy)),
            client: None,
            scopes: Scopes::ALL,
            networks: None,
            label: "label".to_owned(),
            created_at: now,
            expires_at: now.plus(Duration::from_secs(1)),
            revoked_at: None,
            rotation: None,
        };
        tenant.insert_credential(&record).await.unwrap();
        let elsewhere = CredentialRecord { directory: Id::new(now, &entropy), id: Id::new(now, &entropy), ..record.clone() };
        assert!(matches!(tenant.insert_credential(&elsewhere).await, Err(StoreError::NotFound)));
        let verification = directory.store.verification(&JobScope::of_service("test"));
        assert_eq!(verification.data_key(first.id).await.unwrap(), Some(first));
        let read = verification.credential(record.id).await.unwrap().unwrap();
        assert!(read.hash.matches(&record.hash) && read.scopes == Scopes::ALL && read.revoked_at.is_none());
        assert_eq!(tenant.credentials(directory.record.id).await.unwrap().len(), 1);
        assert!(tenant.revoke_credential(record.id, now, false).await.unwrap().is_some());
        assert!(tenant.revoke_credential(record.id, now.plus(Duration::from_secs(9)), false).await.unwrap().is_some());
        assert_eq!(verification.credential(record.id).await.unwrap().unwrap().revoked_at, Some(now));
        assert!(tenant.revoke_credential(Id::new(now, &entropy), now, false).await.unwrap().is_none());
    }

    async fn a_rotated_key_is_the_newest_and_of_two_rotations_at_once_one_stands(database) {
        let directory = database.directory().await;
        let entropy = SeededEntropy::new(12);
        let now = directory.clock.now();
        let operator = OperatorScope::from_local_configuration();
        let tenant = directory.store.tenant(&operator.tenant(directory.tenant.id));
        let key = |wrapped: &[u8]| WrappedKey {
            id: Id::new(now, &entropy), tenant: directory.tenant.id, purpose: "p".to_owned(), wrapped: wrapped.to_vec(), created_at: now,
        };
        let first = tenant.insert_data_key(key(b"1")).await.unwrap();
        let (a, b) = tokio::join!(tenant.rotate_data_key(key(b"2a"), first.id), tenant.rotate_data_key(key(b"2b"), first.id));
        let second = a.unwrap();
        assert_eq!(second, b.unwrap());
        assert_eq!(tenant.newest_data_key("p").await.unwrap(), Some(second.clone()));
        assert_eq!(tenant.data_keys("p").await.unwrap(), [first.clone(), second.clone()]);
        assert_eq!(tenant.rotate_data_key(key(b"3"), first.id).await.unwrap(), second, "the first is the newest no more");
        assert!(tenant.replace_wrapping(&first, b"anew".to_vec()).await.unwrap());
        assert!(!tenant.replace_wrapping(&first, b"late".to_vec()).await.unwrap(), "it was read before the change");
        assert_eq!(tenant.data_keys("p").await.unwrap()[0].wrapped, b"anew");
        let other = directory.store.operator(&operator).create_tenant("other", "").await.unwrap();
        let other = directory.store.tenant(&operator.tenant(other.id));
        assert!(!other.replace_wrapping(&second, b"x".to_vec()).await.unwrap(), "another tenant's key is out of reach");
        assert!(other.rotate_data_key(key(b"3"), second.id).await.is_err());
        assert!(other.data_keys("p").await.unwrap().is_empty());
    }

    async fn a_credential_moves_to_a_newer_key_exactly_once(database) {
        let directory = database.directory().await;
        let entropy = SeededEntropy::new(13);
        let now = directory.clock.now();
        let tenant = directory.store.tenant(&OperatorScope::from_local_configuration().tenant(directory.tenant.id));
        let key = |wrapped: &[u8]| WrappedKey {
            id: Id::new(now, &entropy), tenant: directory.tenant.id, purpose: "p".to_owned(), wrapped: wrapped.to_vec(), created_at: now,
        };
        let first = tenant.insert_data_key(key(b"1")).await.unwrap();
        let token = BearerToken::generate(TokenKind::Static, Id::new(now, &entropy), &entropy);
        let (old, new) = (token.hash(&Secret32::random(&entropy)), token.hash(&Secret32::random(&entropy)));
        let record = CredentialRecord {
            id: token.id(),
            tenant: directory.tenant.id,
            directory: directory.record.id,
            data_key: first.id,
            hash: old,
            client: None,
            scopes: Scopes::ALL,
            networks: None,
            label: "label".to_owned(),
            created_at: now,
            expires_at: now.plus(Duration::from_secs(1)),
            revoked_at: None,
            rotation: None,
        };
        tenant.insert_credential(&record).await.unwrap();
        let verification = directory.store.verification(&JobScope::of_service("test"));
        let (read, newest) = verification.credential_and_newest_key(record.id, "p").await.unwrap().unwrap();
        assert_eq!((read.data_key, newest, read.label.as_str()), (first.id, first.id, "label"));
        let second = tenant.rotate_data_key(key(b"2"), first.id).await.unwrap();
        let (read, newest) = verification.credential_and_newest_key(record.id, "p").await.unwrap().unwrap();
        assert_eq!((read.data_key, newest), (first.id, second.id));
        let moves = (0..4).map(|_| verification.move_credential(record.id, first.id, second.id, new));
        let moved = futures_util::future::join_all(moves).await;
        assert_eq!(moved.into_iter().map(Result::unwrap).filter(|moved| *moved).count(), 1);
        let (read, newest) = verification.credential_and_newest_key(record.id, "p").await.unwrap().unwrap();
        assert_eq!((read.data_key, newest), (second.id, second.id));
        assert!(read.hash.matches(&new) && read.expires_at == record.expires_at && read.revoked_at.is_none());
        assert!(verification.credential_and_newest_key(Id::new(now, &entropy), "p").await.unwrap().is_none());
    }
}
