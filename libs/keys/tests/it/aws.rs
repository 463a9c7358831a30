//! What only AWS KMS can do: keys that are changed, disabled, deleted, out of reach.
//!
//! moto lets disabled and deleted keys go on working, so on it the tests that call [`Kms::has_key_states`] hold nothing
//! there and say so.

use std::time::Duration;

use rollcall_keys::{AwsKms, AwsKmsConfig, KeyError, KeyService};
use rollcall_testkit::{Gate, Kms};

use crate::{client, client_with_key, context};

#[tokio::test]
async fn a_disabled_key_is_unusable_until_it_is_enabled_again() {
    if !Kms::shared().has_key_states("a_disabled_key_is_unusable_until_it_is_enabled_again") {
        return;
    }
    let (keys, key) = client_with_key().await;
    let context = context();
    let made = keys.generate_data_key(&context).await.unwrap();
    Kms::shared().disable(&key);
    for result in [
        keys.unwrap(&made.wrapped, &context).await.map(drop),
        keys.generate_data_key(&context).await.map(drop),
        keys.rewrap(&made.wrapped, &context).await.map(drop),
    ] {
        match result {
            Err(error @ KeyError::Unusable { .. }) => {
                assert!(!error.leaves_copies_valid());
                assert!(error.to_string().contains(&key) && error.to_string().contains("enable it"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    Kms::shared().enable(&key);
    assert_eq!(keys.unwrap(&made.wrapped, &context).await.unwrap().expose(), made.plaintext.expose());
}

#[tokio::test]
async fn a_key_that_is_about_to_be_deleted_is_unusable() {
    if !Kms::shared().has_key_states("a_key_that_is_about_to_be_deleted_is_unusable") {
        return;
    }
    let (keys, key) = client_with_key().await;
    let context = context();
    let made = keys.generate_data_key(&context).await.unwrap();
    Kms::shared().schedule_deletion(&key);
    assert!(matches!(keys.unwrap(&made.wrapped, &context).await, Err(KeyError::Unusable { .. })));
}

#[tokio::test]
async fn a_key_that_is_not_there_is_unusable() {
    let keys = client(Kms::shared().url(), "alias/nobody-made-this").await;
    match keys.generate_data_key(&context()).await {
        Err(KeyError::Unusable { key, .. }) => assert_eq!(key, "alias/nobody-made-this"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn after_an_alias_was_pointed_elsewhere_old_blobs_open_and_new_ones_are_under_the_new_key() {
    let kms = Kms::shared();
    let (old, new) = (kms.create_key(), kms.create_key());
    kms.point_alias("changing", &old);
    let keys = client(kms.url(), "alias/changing").await;
    let context = context();
    let before = keys.generate_data_key(&context).await.unwrap();
    kms.point_alias("changing", &new);
    let after = keys.generate_data_key(&context).await.unwrap();
    assert_eq!(keys.unwrap(&before.wrapped, &context).await.unwrap().expose(), before.plaintext.expose());
    // The key's ARN stands in the stored form, so that a person can see which one is still needed.
    assert!(String::from_utf8_lossy(&before.wrapped).contains(&old));
    assert!(String::from_utf8_lossy(&after.wrapped).contains(&new));
}

#[tokio::test]
async fn after_a_change_of_the_key_what_is_wrapped_anew_needs_the_old_one_no_more() {
    let kms = Kms::shared();
    let (before, old) = client_with_key().await;
    let new = kms.create_key();
    kms.point_alias("after-the-change", &new);
    let after = client(kms.url(), "alias/after-the-change").await;
    let context = context();
    let made = before.generate_data_key(&context).await.unwrap();
    let anew = after.rewrap(&made.wrapped, &context).await.unwrap();
    assert!(String::from_utf8_lossy(&anew).contains(&new));
    kms.disable(&old);
    assert_eq!(after.unwrap(&anew, &context).await.unwrap().expose(), made.plaintext.expose());
    if Kms::shared().has_key_states("after_a_change_of_the_key_what_is_wrapped_anew_needs_the_old_one_no_more") {
        assert!(matches!(after.unwrap(&made.wrapped, &context).await, Err(KeyError::Unusable { .. })));
    }
}

#[tokio::test]
async fn out_of_reach_is_told_apart_and_mends_itself() {
    let gate = Gate::before(Kms::shared().address()).await;
    let key = Kms::shared().create_key();
    let keys = client(gate.url(), &key).await;
    let context = context();
    let made = keys.generate_data_key(&context).await.unwrap();
    gate.shut();
    for result in
        [keys.unwrap(&made.wrapped, &context).await.map(drop), keys.generate_data_key(&context).await.map(drop)]
    {
        match result {
            Err(error @ KeyError::Unavailable(_)) => assert!(error.leaves_copies_valid()),
            other => panic!("{other:?}"),
        }
    }
    gate.open();
    assert_eq!(keys.unwrap(&made.wrapped, &context).await.unwrap().expose(), made.plaintext.expose());
}

#[tokio::test]
async fn a_service_that_never_answers_costs_no_more_than_the_timeout() {
    // The system takes the connection for a socket that nobody accepts from.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = AwsKmsConfig {
        key_id: "k".to_owned(),
        region: Some("eu-central-1".to_owned()),
        endpoint: Some(format!("http://{}", silent.local_addr().unwrap())),
        timeout: Duration::from_millis(300),
    };
    let credentials = aws_credential_types::Credentials::new("a", "b", None, None, "test");
    let provider = aws_credential_types::provider::SharedCredentialsProvider::new(credentials);
    let keys = AwsKms::connect_as(config, Some(provider)).await;
    assert!(matches!(keys.generate_data_key(&context()).await, Err(KeyError::Unavailable(_))));
}
