//! OAuth clients and their access tokens.

use std::time::Duration;

use futures_util::future::join_all;
use rollcall_access::{
    AllowedNetworks, BearerToken, CredentialRecord, JobScope, OAuthClientRecord, OperatorScope, Scopes, SecretHash,
    TenantScope, TokenKind,
};
use rollcall_base::{Clock, Id, Secret32, SeededEntropy, Timestamp, marker};
use rollcall_store::{
    AuditQuery, ClientUse, CredentialUse, Granted, RefusedUse, StoreError, UseReport, Within, WrappedKey,
};
use rollcall_testkit::{TestDirectory, on_both_databases};

use crate::uses::Recording;

mod scene;

pub(crate) use scene::Scene;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Everything that is asked and changed about a directory's clients.
pub(crate) async fn everything_about(directory: &TestDirectory) {
    let scene = Scene::new(directory.clone(), 37).await;
    let tenant = directory.store.tenant(&scene.scope);
    let now = scene.client.created_at;
    scene.grant(now, 1).await;
    scene.grant(now, 1).await;
    tenant.clients(scene.client.directory).await.unwrap();
    tenant.client_use(scene.client.id, now).await.unwrap();
    tenant.live_access_tokens(scene.client.id, now, 10).await.unwrap();
    tenant.in_the_way_of(&scene.token(Some(scene.client.id), now), 1).await.unwrap();
    tenant.client_uses(Within::Tenant, now).await.unwrap();
    let networks = AllowedNetworks { networks: "192.0.2.0/24".parse().unwrap(), observe: false };
    let expires_at = Timestamp::from_micros(i64::MAX);
    let lasting = OAuthClientRecord { id: Id::new(now, &scene.entropy), expires_at, ..scene.client.clone() };
    tenant.insert_client(&lasting).await.unwrap();
    tenant.set_client_networks(lasting.id, Some(networks)).await.unwrap().unwrap();
    tenant.revoke_client(scene.client.id, now, false).await.unwrap().unwrap();
    assert_eq!(directory.jobs().purge_access_tokens(now.plus(2 * HOUR), 10).await.unwrap(), 2);
    tenant.times_used(scene.client.directory, scene.client.id, now).await.unwrap();
    tenant.places_of_use(scene.client.directory, scene.client.id, now, 10).await.unwrap();
    tenant.activity(scene.client.directory, scene.client.id, now, 10).await.unwrap();
    tenant.refusals_of(scene.client.directory, scene.client.id, now, 10).await.unwrap();
    // Somebody's changes make it look whose they are.
    let (_, scope) = crate::audit::acting(directory, 38);
    let user = directory.new_user(serde_json::json!({ "userName": "of-a-client" }));
    directory.store.directory(&scope).create(user).await.unwrap();
    tenant.changes_by(scene.client.directory, scene.client.id, now, 10).await.unwrap();
    let end = Timestamp::from_micros(i64::MAX);
    assert!(directory.jobs().purge_uses(end, now, 10).await.unwrap() >= 2, "what is known of erased tokens");
}

on_both_databases! {
    async fn a_client_is_kept_and_found_and_is_nobody_elses(database) {
        let scene = Scene::new(database.directory().await, 31).await;
        let store = &scene.directory.store;
        let tenant = store.tenant(&scene.scope);
        let verification = store.verification(&JobScope::of_service("test"));
        assert_eq!(verification.oauth_client(scene.client.id).await.unwrap(), Some(scene.client.clone()));
        assert_eq!(tenant.clients(scene.client.directory).await.unwrap(), std::slice::from_ref(&scene.client));
        let networks = rollcall_access::AllowedNetworks { networks: "203.0.113.0/24".parse().unwrap(), observe: true };
        let second = OAuthClientRecord { id: Id::new(scene.client.created_at, &scene.entropy), networks: Some(networks), ..scene.client.clone() };
        tenant.insert_client(&second).await.unwrap();
        assert_eq!(verification.oauth_client(second.id).await.unwrap(), Some(second.clone()));
        assert_eq!(tenant.clients(scene.client.directory).await.unwrap().len(), 2);

        let operator = OperatorScope::from_local_configuration();
        let other = store.operator(&operator).create_tenant("other", "").await.unwrap();
        let others = store.tenant(&operator.tenant(other.id));
        assert!(others.clients(scene.client.directory).await.unwrap().is_empty());
        let now = scene.client.created_at;
        assert_eq!(others.revoke_client(scene.client.id, now, false).await.unwrap(), None);
        assert!(others.live_access_tokens(scene.client.id, now, 10).await.unwrap().is_empty());
        assert_eq!(others.client(scene.client.id).await.unwrap(), None);
        assert_eq!(tenant.client(scene.client.id).await.unwrap(), Some(scene.client.clone()));
        assert!(matches!(others.insert_client(&second).await, Err(StoreError::Internal(_))));
        let astray = OAuthClientRecord { tenant: other.id, ..second };
        assert!(matches!(others.insert_client(&astray).await, Err(StoreError::NotFound)), "the directory is not theirs");
        assert_eq!(verification.oauth_client(scene.client.id).await.unwrap(), Some(scene.client));
    }

    async fn credentials_and_clients_are_looked_up_many_at_once(database) {
        let scene = Scene::new(database.directory().await, 38).await;
        let now = scene.client.created_at;
        let verification = scene.directory.store.verification(&JobScope::of_service("test"));
        let by_hand = scene.token(None, now);
        scene.directory.store.tenant(&scene.scope).insert_credential(&by_hand).await.unwrap();
        let (granted, _) = scene.grant(now, 100).await;
        // More than one statement asks for, what there is at both ends.
        let mut ids = vec![by_hand.id];
        ids.extend((0..600).map(|_| Id::new(now, &scene.entropy)));
        ids.push(granted);
        let found = verification.credentials_of(&ids).await.unwrap();
        assert_eq!(found.len(), 2);
        for id in [by_hand.id, granted] {
            let alone = verification.credential(id).await.unwrap().unwrap();
            assert_eq!((found[&id].id, found[&id].client, found[&id].hash.as_bytes()), (id, alone.client, alone.hash.as_bytes()));
        }
        let mut ids: Vec<_> = (0..600).map(|_| Id::new(now, &scene.entropy)).collect();
        ids.push(scene.client.id);
        let found = verification.clients_of(&ids).await.unwrap();
        assert_eq!(found.into_values().collect::<Vec<_>>(), [scene.client]);
        assert!(verification.credentials_of(&[]).await.unwrap().is_empty());
    }

    async fn a_revoked_client_takes_its_live_tokens_with_it_and_nobody_elses(database) {
        let scene = Scene::new(database.directory().await, 32).await;
        let tenant = scene.directory.store.tenant(&scene.scope);
        let now = scene.client.created_at;
        let (old, _) = scene.grant(now, 100).await;
        let later = now.plus(HOUR);
        let (first, _) = scene.grant(later, 100).await;
        let (second, _) = scene.grant(later, 100).await;
        let by_hand = scene.token(None, later);
        tenant.insert_credential(&by_hand).await.unwrap();
        assert_eq!(tenant.credentials(scene.client.directory).await.unwrap().len(), 1, "what was issued by hand");
        let listed = tenant.live_access_tokens(scene.client.id, later, 10).await.unwrap();
        assert_eq!(listed.len(), 2, "{listed:?}");
        let got = ClientUse { live_tokens: 2, last_token_at: Some(later) };
        assert_eq!(tenant.client_use(scene.client.id, later).await.unwrap(), got);

        let end = later.plus(Duration::from_secs(1));
        let revoked = tenant.revoke_client(scene.client.id, end, false).await.unwrap().unwrap();
        assert_eq!(revoked.were_live, 2);
        let mut ids = revoked.ids;
        ids.sort();
        assert_eq!(ids, if first < second { [first, second] } else { [second, first] });
        assert_eq!((scene.revoked_at(first).await, scene.revoked_at(second).await), (Some(end), Some(end)));
        assert_eq!((scene.revoked_at(old).await, scene.revoked_at(by_hand.id).await), (None, None));
        let again = tenant.revoke_client(scene.client.id, end.plus(HOUR / 2), false).await.unwrap().unwrap();
        assert_eq!((again.ids.len(), again.were_live, again.had_been), (2, 0, true), "they are told again");
        assert_eq!(scene.revoked_at(first).await, Some(end), "the first moment stays");
        let verification = scene.directory.store.verification(&JobScope::of_service("test"));
        assert_eq!(verification.oauth_client(scene.client.id).await.unwrap().unwrap().revoked_at, Some(end));
        let query = AuditQuery { since: now, directory: None, after: None, before: None, limit: 100 };
        let lines = tenant.audit(&query).await.unwrap();
        let of_client: Vec<_> = lines.iter().filter(|line| line.subject == Some(format!("oauth_client:{}", scene.client.id))).collect();
        let mut actions: Vec<&str> = of_client.iter().map(|line| line.action.as_str()).collect();
        actions.sort_unstable();
        assert_eq!(actions, ["oauth_client.created", "oauth_client.revoked"], "each once");
        assert!(of_client.iter().all(|line| line.directory == Some(scene.client.directory) && line.actor == "operator"));
        let late = scene.token(Some(scene.client.id), end);
        assert_eq!(tenant.insert_access_token(&late, 100).await.unwrap(), Granted::ClientIsGone);
        assert!(verification.credential(late.id).await.unwrap().is_none());
    }

    async fn an_expired_client_gets_no_token_and_a_token_needs_a_client_of_its_tenant_and_directory(database) {
        let scene = Scene::new(database.directory().await, 33).await;
        let tenant = scene.directory.store.tenant(&scene.scope);
        let end = scene.client.expires_at;
        let expired = scene.token(Some(scene.client.id), end);
        assert_eq!(tenant.insert_access_token(&expired, 100).await.unwrap(), Granted::ClientIsGone);
        let now = scene.client.created_at;
        let of_nobody = scene.token(Some(Id::new(now, &scene.entropy)), now);
        assert_eq!(tenant.insert_access_token(&of_nobody, 100).await.unwrap(), Granted::ClientIsGone);
        let neighbour = TestDirectory::create(scene.directory.store.clone(), scene.directory.clock.clone(), "acme", "D-2").await;
        let elsewhere = CredentialRecord { directory: neighbour.record.id, ..scene.token(Some(scene.client.id), now) };
        assert_eq!(tenant.insert_access_token(&elsewhere, 100).await.unwrap(), Granted::ClientIsGone);
        assert!(matches!(tenant.insert_access_token(&scene.token(None, now), 100).await, Err(StoreError::Internal(_))));
        assert_eq!(tenant.client_use(scene.client.id, now).await.unwrap(), ClientUse::default());
    }

    async fn of_too_many_tokens_the_oldest_go(database) {
        let scene = Scene::new(database.directory().await, 34).await;
        let now = scene.client.created_at;
        let at = |second| now.plus(Duration::from_secs(second));
        let mut granted = Vec::new();
        for second in 0..3 {
            let (id, retired) = scene.grant(at(second), 3).await;
            assert_eq!(retired, []);
            granted.push(id);
        }
        let (_, retired) = scene.grant(at(3), 3).await;
        assert_eq!(retired, granted[..1]);
        assert_eq!(scene.revoked_at(granted[0]).await, Some(at(3)));
        let (_, retired) = scene.grant(at(4), 1).await;
        assert_eq!(retired.len(), 3, "down to one: {retired:?}");
        let tenant = scene.directory.store.tenant(&scene.scope);
        assert_eq!(tenant.client_use(scene.client.id, at(4)).await.unwrap().live_tokens, 1);
    }

    async fn no_token_outlives_a_revocation_that_came_at_the_same_time(database) {
        let scene = Scene::new(database.directory().await, 35).await;
        let tenant = scene.directory.store.tenant(&scene.scope);
        let now = scene.client.created_at;
        let records: Vec<_> = (0..20).map(|_| scene.token(Some(scene.client.id), now)).collect();
        let grants = records.iter().map(|record| tenant.insert_access_token(record, 100));
        let (granted, revoked) = futures_util::join!(join_all(grants), tenant.revoke_client(scene.client.id, now, false));
        let told = revoked.unwrap().unwrap().ids;
        for (record, granted) in records.iter().zip(granted) {
            if granted.unwrap() == Granted::Kept(Vec::new()) {
                assert!(told.contains(&record.id), "who revoked was told of {}", record.id);
                assert_eq!(scene.revoked_at(record.id).await, Some(now));
            }
        }
        assert_eq!(tenant.client_use(scene.client.id, now).await.unwrap().live_tokens, 0);
    }

    async fn access_tokens_are_erased_in_bites_with_their_uses_and_others_stay(database) {
        let scene = Scene::new(database.directory().await, 36).await;
        let store = &scene.directory.store;
        let (tenant, jobs) = (store.tenant(&scene.scope), scene.directory.jobs());
        let now = scene.client.created_at;
        let mut ids = Vec::new();
        for second in 0..5 {
            ids.push(scene.grant(now.plus(Duration::from_secs(second)), 100).await.0);
        }
        let by_hand = scene.token(None, now);
        tenant.insert_credential(&by_hand).await.unwrap();
        let verification = store.verification(&JobScope::of_service("test"));
        let used = |credential| CredentialUse {
            directory: scene.client.directory, credential, address: "192.0.2.1".to_owned(), agent: String::new(), outside: false,
            reads: 1, writes: 0, first_at: now, last_at: now,
        };
        verification.record_uses(vec![used(ids[0]), used(ids[4]), used(by_hand.id)]).await.unwrap();
        let before = now.plus(HOUR).plus(Duration::from_secs(4));
        assert_eq!(jobs.purge_access_tokens(now.plus(HOUR), 3).await.unwrap(), 0, "none has expired");
        assert_eq!(jobs.purge_access_tokens(before, 3).await.unwrap(), 3);
        assert_eq!(jobs.purge_access_tokens(before, 3).await.unwrap(), 1);
        assert_eq!(jobs.purge_access_tokens(before, 3).await.unwrap(), 0);
        for (at, id) in ids.iter().enumerate() {
            assert_eq!(verification.credential(*id).await.unwrap().is_some(), at == 4);
        }
        assert!(verification.credential(by_hand.id).await.unwrap().is_some(), "as expired, but not a client's");
        let mut known: Vec<_> = tenant.last_uses(scene.client.directory).await.unwrap().into_keys().collect();
        known.sort();
        let mut expected = vec![ids[4], by_hand.id];
        expected.sort();
        assert_eq!(known, expected);
        assert_eq!(tenant.activity(scene.client.directory, ids[0], now, 10).await.unwrap(), []);
    }

    async fn what_access_tokens_did_is_known_as_their_clients_after_they_were_erased(database) {
        let scene = Scene::new(database.directory().await, 39).await;
        let (store, id) = (&scene.directory.store, scene.client.directory);
        let (tenant, jobs) = (store.tenant(&scene.scope), scene.directory.jobs());
        let verification = store.verification(&JobScope::of_service("test"));
        let now = scene.client.created_at;
        let minute = |minute: u32| now.plus(Duration::from_secs(60) * minute);
        let mut tokens = Vec::new();
        for at in 0..3 {
            tokens.push(scene.grant(minute(at), 100).await.0);
        }
        let (others, scope) = crate::audit::acting(&scene.directory, 40);
        let used = |credential, at: Timestamp, address: &str| CredentialUse {
            directory: id, credential, address: address.to_owned(), agent: "Entra/1".to_owned(), outside: false,
            reads: 2, writes: 1, first_at: at, last_at: at,
        };
        let refused = |credential, client, reason: &str| RefusedUse {
            directory: id, credential, client, reason: reason.to_owned(), address: "192.0.2.1".to_owned(), agent: String::new(),
            times: 1, first_at: now, last_at: now,
        };
        let client = Some(scene.client.id);
        let report = UseReport {
            id: None,
            uses: vec![
                used(tokens[0], minute(0), "192.0.2.1"), used(tokens[1], minute(1), "192.0.2.1"),
                used(tokens[2], minute(2), "192.0.2.2"), used(others, minute(2), "192.0.2.9"),
            ],
            refusals: vec![
                refused(Some(tokens[0]), client, "revoked"), refused(None, client, "client_secret"),
                refused(None, None, "damaged"), refused(Some(others), None, "expired"),
            ],
        };
        verification.record(report).await.unwrap();
        for (at, token) in tokens.iter().enumerate() {
            let scope = crate::audit::acting_with(&scene.directory, *token, 41 + at as u64);
            let user = scene.directory.new_user(serde_json::json!({ "userName": format!("user-{at}") }));
            store.directory(&scope).create(user).await.unwrap();
            if at == 1 {
                while jobs.number(100).await.unwrap().numbered > 0 {}
            }
        }
        let user = scene.directory.new_user(serde_json::json!({ "userName": "another" }));
        store.directory(&scope).create(user).await.unwrap();
        let beginning = Timestamp::from_micros(0);
        // Before any is erased, while some are, and when all are: the same.
        for erased in 0..=3_u32 {
            if erased > 0 {
                assert_eq!(jobs.purge_access_tokens(minute(10).plus(HOUR), 1).await.unwrap(), 1);
            }
            let changes = tenant.changes_by(id, scene.client.id, beginning, 10).await.unwrap();
            let by: std::collections::BTreeSet<_> = changes.last.iter().map(|change| change.credential).collect();
            assert_eq!((changes.total, by), (3, tokens.iter().copied().collect()), "{erased} erased");
            assert_eq!(tenant.times_used(id, scene.client.id, now).await.unwrap(), (6, 3, false), "{erased} erased");
            let mut places: Vec<_> = tenant.places_of_use(id, scene.client.id, now, 10).await.unwrap();
            places.sort_by(|a, b| a.address.cmp(&b.address));
            let places: Vec<_> = places.iter().map(|place| (place.address.as_str(), place.reads)).collect();
            assert_eq!(places, [("192.0.2.1", 4), ("192.0.2.2", 2)], "{erased} erased");
            assert_eq!(tenant.activity(id, scene.client.id, now, 10).await.unwrap().len(), 2, "{erased} erased");
            let refused = tenant.refusals_of(id, scene.client.id, beginning, 10).await.unwrap();
            let mut seen: Vec<_> = refused.iter().map(|one| (one.reason.as_str(), one.credential, one.client)).collect();
            seen.sort();
            assert_eq!(seen, [("client_secret", None, client), ("revoked", Some(tokens[0]), client)], "{erased} erased");
        }
        assert_eq!(tenant.refusals(id, beginning, 10).await.unwrap().len(), 4);
        assert_eq!(tenant.times_used(id, others, now).await.unwrap(), (2, 1, false));
        assert_eq!(tenant.last_use(id, tokens[0]).await.unwrap(), None, "that went with the token");
        // It is kept as long as what others did, and no longer.
        assert_eq!(jobs.purge_uses(minute(0), beginning, 10).await.unwrap(), 0);
        while jobs.purge_uses(minute(3).plus(2 * HOUR), beginning, 10).await.unwrap() > 0 {}
        assert_eq!(tenant.changes_by(id, scene.client.id, beginning, 10).await.unwrap().total, 0);
        assert_eq!(tenant.times_used(id, scene.client.id, beginning).await.unwrap(), (0, 0, false));
    }

    async fn the_oldest_of_too_many_go_some_at_once_and_the_audit_has_one_line_for_them(database) {
        let scene = Scene::new(database.directory().await, 43).await;
        let tenant = scene.directory.store.tenant(&scene.scope);
        let now = scene.client.created_at;
        let at = |second| now.plus(Duration::from_secs(second));
        let mut granted = Vec::new();
        for second in 0..20 {
            granted.push(scene.grant(at(second), 20).await.0);
        }
        let next = scene.token(Some(scene.client.id), at(20));
        let mut in_the_way = tenant.in_the_way_of(&next, 20).await.unwrap();
        let Granted::Kept(mut retired) = tenant.insert_access_token(&next, 20).await.unwrap() else { panic!("it is live") };
        let mut after = tenant.in_the_way_of(&next, 20).await.unwrap();
        for ids in [&mut in_the_way, &mut retired, &mut after] {
            ids.sort();
        }
        assert_eq!(retired, granted[..3], "down to eighteen");
        assert!(retired.iter().all(|id| in_the_way.contains(id) && after.contains(id)), "known before and after");
        let (_, retired) = scene.grant(at(21), 20).await;
        assert_eq!(retired, [], "there is room again");
        let lines = tenant.audit(&AuditQuery { since: now, directory: None, after: None, before: None, limit: 100 }).await.unwrap();
        let told: Vec<_> = lines.iter().filter(|line| line.action == "oauth_client.tokens_retired").collect();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].subject, Some(format!("oauth_client:{}", scene.client.id)));
        assert_eq!(told[0].detail, serde_json::json!({ "access_tokens": 3, "most": 20 }));
    }

    async fn a_revocation_tells_of_those_that_it_ended_however_many_went_before(database) {
        let scene = Scene::new(database.directory().await, 44).await;
        let tenant = scene.directory.store.tenant(&scene.scope);
        let now = scene.client.created_at;
        let at = |second| now.plus(Duration::from_secs(second));
        for second in 0..30 {
            scene.grant(at(second), 4).await;
        }
        let mut live = tenant.live_access_tokens(scene.client.id, at(30), 100).await.unwrap();
        let mut told = tenant.revoke_client(scene.client.id, at(30), true).await.unwrap().unwrap().ids;
        live.sort();
        told.sort();
        assert_eq!((told.len(), &told), (4, &live));
        let mut again = tenant.revoke_client(scene.client.id, at(40), true).await.unwrap().unwrap();
        again.ids.sort();
        assert_eq!((again.ids, again.had_been, again.were_live), (told, true, 0));
        let query = AuditQuery { since: now, directory: None, after: None, before: None, limit: 100 };
        let lines = tenant.audit(&query).await.unwrap();
        let leaked = lines.iter().filter(|line| line.action == "oauth_client.revoked" && line.detail["leaked"] == true);
        assert_eq!(leaked.count(), 2, "that it leaked is said each time");
    }
}
