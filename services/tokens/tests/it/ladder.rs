//! Before a token ends its admin is warned: of each rung once, whoever works and however often it is started anew.

use prometheus::Registry;
use rollcall_access::{Scopes, TokenKind};
use rollcall_base::{Id, SystemEntropy};
use rollcall_testkit::on_both_databases;
use rollcall_tokens::{AuditRecord, jobs::ExpiryLadder};
use serde_json::json;

use crate::life::{DAY, HOUR, Life};

/// What a metric says, by the days in its label; zeros left out.
pub(crate) fn by_days(registry: &Registry, name: &str) -> Vec<(String, u64)> {
    let families = registry.gather();
    let metrics = families.iter().filter(|family| family.name() == name).flat_map(|family| family.get_metric());
    let value = |metric: &prometheus::proto::Metric| {
        let value = metric.get_counter().get_value().max(metric.get_gauge().get_value());
        (metric.get_label()[0].value().to_owned(), value as u64)
    };
    metrics.map(value).filter(|(_, value)| *value > 0).collect()
}

fn warnings(lines: &[AuditRecord]) -> Vec<(u64, serde_json::Value)> {
    let warnings = lines.iter().filter(|line| line.action == "token.expiry_warning");
    warnings.map(|line| (line.detail["days"].as_u64().unwrap(), line.detail["passed_over"].clone())).collect()
}

on_both_databases! {
    async fn each_rung_is_told_once_by_however_many_workers(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let issued = life.issue(&tokens, 365).await;
        let (here, registry) = life.worker();
        let other = Registry::new();
        let there = ExpiryLadder::new(&life.store, &other).unwrap();
        for _ in 0..366 {
            for _ in 0..2 {
                let (a, b) = tokio::join!(here.climb(), there.climb());
                a.unwrap();
                b.unwrap();
            }
            life.clock.advance(DAY);
        }
        let lines = life.audit().await;
        assert_eq!(warnings(&lines), [90, 30, 14, 7, 1].map(|days| (days, json!([]))));
        let expired: Vec<_> = lines.iter().filter(|line| line.action == "token.expired").collect();
        assert_eq!((expired.len(), expired[0].at), (1, issued.record.expires_at));
        let name = "rollcall_credential_expiry_warnings_total";
        let mut counted = std::collections::BTreeMap::new();
        for (days, number) in by_days(&registry, name).into_iter().chain(by_days(&other, name)) {
            *counted.entry(days.parse::<u32>().unwrap()).or_insert(0) += number;
        }
        let once = [1, 7, 14, 30, 90].map(|days| (days, 1));
        assert_eq!(counted.into_iter().collect::<Vec<_>>(), once, "each was counted once, by one of them");
    }

    async fn after_a_time_without_workers_the_nearest_rung_is_told_and_the_others_are_noted(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let issued = life.issue(&tokens, 365).await;
        let (worker, registry) = life.worker();
        life.clock.advance(276 * DAY);
        worker.climb().await.unwrap();
        life.used(&tokens, issued.record.id, (1, 0)).await;
        let used_at = life.now().to_string();
        life.clock.advance(84 * DAY);
        worker.climb().await.unwrap();
        let lines = life.audit().await;
        let last: Vec<_> = lines.iter().filter_map(|line| line.detail.get("last_used_at")).collect();
        assert_eq!(last, [&json!(null), &json!(used_at)], "whether anybody minds");
        assert_eq!(warnings(&life.audit().await), [(90, json!([])), (7, json!([30, 14]))]);
        // One that is started anew finds nothing more to say.
        life.worker().0.climb().await.unwrap();
        assert_eq!(warnings(&life.audit().await).len(), 2);
        worker.count().await.unwrap();
        assert_eq!(by_days(&registry, "rollcall_credentials_expiring"), [("7".to_owned(), 1)]);
        life.clock.advance(4 * DAY);
        worker.climb().await.unwrap();
        assert_eq!(warnings(&life.audit().await)[2..], [(1, json!([]))], "what was passed over is noted once");
        life.clock.advance(6 * DAY);
        worker.count().await.unwrap();
        assert_eq!(by_days(&registry, "rollcall_credentials_expiring"), []);
    }

    async fn what_is_to_retire_is_warned_of_until_the_new_one_is_in_use_and_its_expiry_still_comes_if_it_is_kept(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let old = life.issue(&tokens, 365).await;
        let (worker, registry) = life.worker();
        let new = life.rotate(&tokens, old.record.id).await.issued;
        worker.climb().await.unwrap();
        assert_eq!(warnings(&life.audit().await), [], "whoever rotates knows the deadline");
        life.clock.advance(17 * DAY);
        worker.climb().await.unwrap();
        worker.count().await.unwrap();
        assert_eq!(by_days(&registry, "rollcall_credentials_expiring"), [("14".to_owned(), 1)]);
        let status = life.status(&tokens, old.record.id).await;
        assert_eq!((status.expires_in_days, status.expiry_warning), (Some(13), Some(14)));
        life.clock.advance(HOUR);
        life.used(&tokens, new.record.id, (1, 0)).await;
        worker.count().await.unwrap();
        assert_eq!(by_days(&registry, "rollcall_credentials_expiring"), [], "it goes as it was planned");
        assert_eq!(life.status(&tokens, old.record.id).await.expiry_warning, None);
        life.clock.advance(DAY);
        for _ in 0..2 {
            worker.climb().await.unwrap();
        }
        assert_eq!(
            life.told_of(old.record.id).await,
            ["token.rotated", "token.expiry_warning", "token.retirement_begun", "token.retired"]
        );
        life.clock.advance(HOUR);
        tokens.keep(&life.scope, old.record.id).await.unwrap();
        life.until(old.record.expires_at);
        worker.climb().await.unwrap();
        assert_eq!(life.told_of(old.record.id).await[4..], ["token.kept", "token.expired"]);
    }

    async fn a_kept_token_is_warned_of_before_its_expiry_again(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let old = life.issue(&tokens, 365).await;
        let (worker, _) = life.worker();
        life.rotate(&tokens, old.record.id).await;
        life.clock.advance(29 * DAY);
        worker.climb().await.unwrap();
        tokens.keep(&life.scope, old.record.id).await.unwrap();
        life.clock.advance(335 * DAY);
        worker.climb().await.unwrap();
        let subject = Some(format!("credential:{}", old.record.id));
        let lines: Vec<_> = life.audit().await.into_iter().filter(|line| line.subject == subject).collect();
        let ends: Vec<_> = lines.iter().filter_map(|line| line.detail["end"].as_str()).collect();
        assert_eq!(ends, ["retires", "expires"]);
        assert_eq!(warnings(&lines), [(1, json!([14, 7])), (1, json!([90, 30, 14, 7]))]);
    }

    async fn revoked_ones_and_access_tokens_are_not_warned_of(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let revoked = life.issue(&tokens, 100).await;
        tokens.revoke(&life.scope, revoked.record.id).await.unwrap();
        let client = Id::<rollcall_base::marker::OAuthClient>::new(life.now(), &SystemEntropy);
        life.oauth_client(client, 0).await;
        let token = rollcall_access::BearerToken::generate(
            TokenKind::Access,
            Id::new(life.now(), &SystemEntropy),
            &SystemEntropy,
        );
        let access = rollcall_access::CredentialRecord {
            id: token.id(),
            client: Some(client),
            scopes: Scopes::ALL,
            revoked_at: None,
            ..revoked.record.clone()
        };
        life.store.tenant(&life.scope).insert_credential(&access).await.unwrap();
        let (worker, registry) = life.worker();
        for _ in 0..101 {
            worker.climb().await.unwrap();
            life.clock.advance(DAY);
        }
        worker.count().await.unwrap();
        assert_eq!(life.told_of(revoked.record.id).await, ["token.revoked"]);
        assert_eq!(life.told_of(access.id).await, [""; 0]);
        assert_eq!(by_days(&registry, "rollcall_credentials_expiring"), []);
    }

    async fn a_token_of_the_version_before_is_warned_of_too(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let issued = life.issue(&tokens, 20).await;
        // That version does not name the column, so that it has its default.
        life.database.execute("UPDATE credential SET ladder_at = 0").await;
        let (worker, _) = life.worker();
        worker.climb().await.unwrap();
        life.clock.advance(6 * DAY);
        worker.climb().await.unwrap();
        assert_eq!(life.told_of(issued.record.id).await, ["token.expiry_warning"]);
    }

    async fn an_oauth_client_is_warned_of_as_a_token_is(database) {
        let life = Life::on(database).await;
        let (client, revoked) = (Id::new(life.now(), &SystemEntropy), Id::new(life.now(), &SystemEntropy));
        life.oauth_client(client, 100).await;
        life.oauth_client(revoked, 100).await;
        life.database.execute(&life.oauth_client_revoked(revoked)).await;
        let (worker, registry) = life.worker();
        for day in 0..101 {
            worker.climb().await.unwrap();
            if day == 99 {
                worker.count().await.unwrap();
                assert_eq!(by_days(&registry, "rollcall_credentials_expiring"), [("1".to_owned(), 1)]);
            }
            life.clock.advance(DAY);
        }
        let lines = life.audit().await;
        let subject = Some(format!("oauth_client:{client}"));
        assert!(lines.iter().all(|line| line.subject == subject), "{lines:?}");
        let days: Vec<_> = lines.iter().map(|line| (line.action.as_str(), line.detail["days"].as_u64())).collect();
        let warnings = [90, 30, 14, 7, 1].map(|days| ("oauth_client.expiry_warning", Some(days)));
        assert_eq!(days, [warnings.as_slice(), &[("oauth_client.expired", None)]].concat());
    }
}
