//! What every key service must do; run on each.

use std::sync::Arc;

use rollcall_base::SystemEntropy;
use rollcall_keys::{KeyContext, KeyError, KeyService, LocalKeyring};
use tempfile::TempDir;

use crate::{client_with_key, context, tenant};

/// A key service and what it needs to stay there.
struct Fixture {
    keys: Arc<dyn KeyService>,
    /// The same installation after a restart.
    again: Arc<dyn KeyService>,
    /// Of another installation: another keyring, another KMS key.
    stranger: Arc<dyn KeyService>,
    _folder: Option<TempDir>,
}

async fn local() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| -> Arc<dyn KeyService> {
        Arc::new(LocalKeyring::open_or_create(&folder.path().join(name), Arc::new(SystemEntropy)).unwrap())
    };
    Fixture { keys: open("a.json"), again: open("a.json"), stranger: open("b.json"), _folder: Some(folder) }
}

async fn aws_kms() -> Fixture {
    let (keys, key) = client_with_key().await;
    let again = crate::client(rollcall_testkit::Kms::shared().url(), &key).await;
    let (stranger, _) = client_with_key().await;
    Fixture { keys: Arc::new(keys), again: Arc::new(again), stranger: Arc::new(stranger), _folder: None }
}

/// Writes each test once and runs it on every key service.
macro_rules! on_every_key_service {
    ($(async fn $name:ident($fixture:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn run($fixture: Fixture) $body

            #[tokio::test]
            async fn local_keyring() {
                run(local().await).await
            }

            #[tokio::test]
            async fn aws_kms() {
                run(super::aws_kms().await).await
            }
        }
    )*};
}

on_every_key_service! {
    async fn a_data_key_opens_again_after_a_restart(fixture) {
        let context = context();
        let made = fixture.keys.generate_data_key(&context).await.unwrap();
        for keys in [&fixture.keys, &fixture.again] {
            assert_eq!(keys.unwrap(&made.wrapped, &context).await.unwrap().expose(), made.plaintext.expose());
        }
    }

    async fn no_two_data_keys_are_alike_and_none_is_in_its_wrapping(fixture) {
        let context = context();
        let first = fixture.keys.generate_data_key(&context).await.unwrap();
        let second = fixture.keys.generate_data_key(&context).await.unwrap();
        assert_ne!(first.plaintext.expose(), second.plaintext.expose());
        assert_ne!(first.wrapped, second.wrapped);
        assert!(!first.wrapped.windows(32).any(|window| window == first.plaintext.expose()));
        assert!(!format!("{first:?}").contains(&format!("{:?}", first.plaintext.expose())));
    }

    async fn another_tenant_or_purpose_does_not_open_it(fixture) {
        let context = context();
        let made = fixture.keys.generate_data_key(&context).await.unwrap();
        let others = [KeyContext { tenant: tenant(), ..context }, KeyContext { purpose: "token-peppers", ..context }];
        for other in others {
            for result in [
                fixture.keys.unwrap(&made.wrapped, &other).await.map(drop),
                fixture.keys.rewrap(&made.wrapped, &other).await.map(drop),
            ] {
                match result {
                    Err(KeyError::DoesNotOpen { tenant, purpose }) => {
                        assert_eq!((tenant, purpose), (other.tenant, other.purpose));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    async fn altered_bytes_do_not_open(fixture) {
        let context = context();
        let wrapped = fixture.keys.generate_data_key(&context).await.unwrap().wrapped;
        let at = wrapped.len() - 1;
        let mut altered = wrapped.clone();
        altered[at] ^= 1;
        assert!(matches!(fixture.keys.unwrap(&altered, &context).await, Err(KeyError::DoesNotOpen { .. })));
        assert!(fixture.keys.unwrap(&wrapped[..at], &context).await.is_err());
        assert!(matches!(fixture.keys.unwrap(b"", &context).await, Err(KeyError::UnknownFormat)));
        assert!(matches!(fixture.keys.unwrap(b"?", &context).await, Err(KeyError::UnknownFormat)));
    }

    async fn what_is_wrapped_anew_is_the_same_key_in_other_bytes(fixture) {
        let context = context();
        let made = fixture.keys.generate_data_key(&context).await.unwrap();
        let anew = fixture.keys.rewrap(&made.wrapped, &context).await.unwrap();
        assert_ne!(anew, made.wrapped);
        for wrapped in [&anew, &made.wrapped] {
            let opened = fixture.again.unwrap(wrapped, &context).await.unwrap();
            assert_eq!(opened.expose(), made.plaintext.expose());
        }
    }

    async fn another_installation_makes_keys_that_differ(fixture) {
        let context = context();
        let ours = fixture.keys.generate_data_key(&context).await.unwrap();
        let theirs = fixture.stranger.generate_data_key(&context).await.unwrap();
        assert_ne!(ours.plaintext.expose(), theirs.plaintext.expose());
    }
}
