//! Where tokens and OAuth clients may be used from, as it is written down.

use rollcall_access::{AllowedNetworks, CredentialState};
use rollcall_base::{Id, SystemEntropy};
use rollcall_store::NetworksNotSet;
use rollcall_testkit::on_both_databases;

use crate::clients::Scene;

fn only(networks: &str) -> Option<AllowedNetworks> {
    Some(AllowedNetworks { networks: networks.parse().unwrap(), observe: false })
}

on_both_databases! {
    async fn a_clients_networks_hold_for_the_tokens_that_it_has_and_for_those_that_it_gets(database) {
        let scene = Scene::new(database.directory().await, 91).await;
        let (tenant, now) = (scene.directory.store.tenant(&scene.scope), scene.client.created_at);
        let (had, _) = scene.grant(now, 10).await;
        let (changed, tokens) = tenant.set_client_networks(scene.client.id, only("192.0.2.0/24")).await.unwrap().unwrap();
        assert_eq!((changed.networks, tokens), (only("192.0.2.0/24"), vec![had]));
        // Whoever asks for the next one remembers the client as it was.
        assert_eq!(scene.client.networks, None);
        let (got, _) = scene.grant(now, 10).await;
        for id in [had, got] {
            assert_eq!(tenant.credential(id).await.unwrap().unwrap().networks, only("192.0.2.0/24"));
        }
        let lines = crate::directory_life::lines(&scene.directory).await;
        let line = lines.iter().find(|line| line.action == "oauth_client.networks_changed").unwrap();
        assert_eq!((&line.detail["before"], &line.detail["after"]["networks"]), (&serde_json::Value::Null, &"192.0.2.0/24".into()));
        // The same again changes nothing.
        tenant.set_client_networks(scene.client.id, only("192.0.2.0/24")).await.unwrap().unwrap();
        assert_eq!(crate::directory_life::lines(&scene.directory).await.len(), lines.len());
    }

    async fn of_what_is_over_it_stays_known_where_it_was_used_from(database) {
        let scene = Scene::new(database.directory().await, 92).await;
        let (tenant, now) = (scene.directory.store.tenant(&scene.scope), scene.client.created_at);
        let (token, _) = scene.grant(now, 10).await;
        tenant.revoke_client(scene.client.id, now, false).await.unwrap().unwrap();
        let over = NetworksNotSet::NotGood(CredentialState::Revoked);
        let refused = tenant.set_client_networks(scene.client.id, only("192.0.2.0/24")).await.unwrap();
        assert_eq!(refused.unwrap_err(), over);
        assert_eq!(tenant.set_networks(token, only("192.0.2.0/24")).await.unwrap().unwrap_err(), over);
        assert_eq!(tenant.credential(token).await.unwrap().unwrap().networks, None);
        let nobody = Id::new(now, &SystemEntropy);
        assert_eq!(tenant.set_client_networks(nobody, None).await.unwrap().unwrap_err(), NetworksNotSet::Unknown);
        let operator = rollcall_access::OperatorScope::from_local_configuration();
        let other = scene.directory.store.operator(&operator).create_tenant("other", "").await.unwrap();
        let other = scene.directory.store.tenant(&operator.tenant(other.id));
        let refused = other.set_client_networks(scene.client.id, None).await.unwrap();
        assert_eq!(refused.unwrap_err(), NetworksNotSet::Unknown);
    }
}
