//! Counting, and the alarm.

use std::sync::Arc;

use prometheus::Registry;
use rollcall_base::SystemEntropy;
use rollcall_keys::{KeyContext, KeyService, LocalKeyring, MeteredKeys};

use crate::{context, tenant};

#[tokio::test]
async fn every_call_is_counted_by_outcome_and_what_does_not_open_stands_out() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = LocalKeyring::open_or_create(&folder.path().join("k.json"), Arc::new(SystemEntropy)).unwrap();
    let registry = Registry::new();
    let keys = MeteredKeys::new(Arc::new(keyring), &registry).unwrap();
    let counted = |operation: &str, outcome: &str| {
        let families = registry.gather();
        let metric = families[0].get_metric().iter().find(|metric| {
            let labels: Vec<&str> = metric.get_label().iter().map(|label| label.value()).collect();
            labels == [operation, outcome]
        });
        metric.map(|metric| metric.get_counter().get_value())
    };
    assert_eq!(counted("unwrap", "does_not_open"), Some(0.0), "there to be watched before it ever happens");
    let context = context();
    let made = keys.generate_data_key(&context).await.unwrap();
    keys.unwrap(&made.wrapped, &context).await.unwrap();
    keys.unwrap(&made.wrapped, &KeyContext { tenant: tenant(), ..context }).await.unwrap_err();
    keys.rewrap(b"?", &context).await.unwrap_err();
    assert_eq!(counted("generate", "ok"), Some(1.0));
    assert_eq!(counted("unwrap", "ok"), Some(1.0));
    assert_eq!(counted("unwrap", "does_not_open"), Some(1.0));
    assert_eq!(counted("rewrap", "unknown_format"), Some(1.0));
}
