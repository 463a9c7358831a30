//! The key services' behaviour: what holds for each ([`suite`]), and what only AWS KMS can do ([`aws`]).

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod aws;
mod metered;
mod suite;

use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use rollcall_base::{Id, SystemEntropy, Timestamp, marker};
use rollcall_keys::{AwsKms, AwsKmsConfig, KeyContext};
use rollcall_testkit::Kms;

/// A context of a tenant of its own.
fn context() -> KeyContext {
    KeyContext { tenant: tenant(), purpose: "token-pepper" }
}

fn tenant() -> Id<marker::Tenant> {
    Id::new(Timestamp::from_micros(1), &SystemEntropy)
}

/// A client of the key at `endpoint`. Variables of a test process cannot be set safely, so the credentials are handed
/// in; the tests of the executable use the SDK's chain.
async fn client(endpoint: String, key: &str) -> AwsKms {
    let config = AwsKmsConfig {
        key_id: key.to_owned(),
        region: Some(Kms::shared().region().to_owned()),
        endpoint: Some(endpoint),
        timeout: Duration::from_secs(30),
    };
    let credentials = Credentials::new("test", "test", None, None, "test");
    AwsKms::connect_as(config, Some(SharedCredentialsProvider::new(credentials))).await
}

/// A client of a key that nobody else has.
async fn client_with_key() -> (AwsKms, String) {
    let key = Kms::shared().create_key();
    (client(Kms::shared().url(), &key).await, key)
}
