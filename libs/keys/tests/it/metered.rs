//! Counting, and the alarm.

use std::{
    io::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use prometheus::Registry;
use rollcall_base::{Secret32, SystemEntropy};
use rollcall_keys::{DataKey, KeyContext, KeyError, KeyService, LocalKeyring, MeteredKeys};

use crate::{context, tenant};

#[tokio::test]
async fn every_call_is_counted_by_outcome_and_what_does_not_open_stands_out() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = LocalKeyring::open_or_create(&folder.path().join("k.json"), Arc::new(SystemEntropy)).unwrap();
    let registry = Registry::new();
    let keys = MeteredKeys::new(Arc::new(keyring), &registry).unwrap();
    let counted = |operation: &str, outcome: &str| {
        let families = registry.gather();
        let calls = families.iter().find(|family| family.name() == "rollcall_key_service_calls_total")?;
        let metric = calls.get_metric().iter().find(|metric| {
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

/// A key service that can be switched off.
struct Switched(LocalKeyring, AtomicBool);

impl Switched {
    fn answers(&self) -> Result<&LocalKeyring, KeyError> {
        if self.1.load(Ordering::SeqCst) {
            Ok(&self.0)
        } else {
            Err(KeyError::Unavailable(Arc::new(Error::other("off"))))
        }
    }
}

#[async_trait]
impl KeyService for Switched {
    async fn generate_data_key(&self, context: &KeyContext) -> Result<DataKey, KeyError> {
        self.answers()?.generate_data_key(context).await
    }

    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Secret32, KeyError> {
        self.answers()?.unwrap(wrapped, context).await
    }

    async fn rewrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        self.answers()?.rewrap(wrapped, context).await
    }
}

#[tokio::test]
async fn whether_the_service_answers_is_known_by_the_last_call_that_told() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = LocalKeyring::open_or_create(&folder.path().join("k.json"), Arc::new(SystemEntropy)).unwrap();
    let switched = Arc::new(Switched(keyring, AtomicBool::new(true)));
    let registry = Registry::new();
    let keys = MeteredKeys::new(switched.clone(), &registry).unwrap();
    let available = || {
        let families = registry.gather();
        let gauge = families.iter().find(|family| family.name() == "rollcall_key_service_available").unwrap();
        gauge.get_metric()[0].get_gauge().get_value()
    };
    let made = keys.generate_data_key(&context()).await.unwrap();
    assert!(keys.trouble().is_none() && available() == 1.0);
    switched.1.store(false, Ordering::SeqCst);
    keys.check(context()).await;
    assert!(keys.trouble().unwrap().contains("cannot be reached") && available() == 0.0);
    switched.1.store(true, Ordering::SeqCst);
    keys.unwrap(&made.wrapped, &KeyContext { tenant: tenant(), ..context() }).await.unwrap_err();
    assert!(keys.trouble().is_some(), "a key that does not open says nothing of the service");
    keys.check(context()).await;
    assert!(keys.trouble().is_none() && available() == 1.0);
}
