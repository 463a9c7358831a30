//! The key service that the configuration names.

use std::{sync::Arc, time::Duration};

use prometheus::Registry;
use rollcall_keys::{AwsKms, AwsKmsConfig, KeyService, LocalKeyring, MeteredKeys};
use rollcall_runtime::config::KeyProvider;

use crate::{failure::Failure, installation::Installation};

/// What wraps data keys, counted in `registry`. Of the two only the local keyring is opened here; KMS is asked when a
/// key is needed, so that a start does not depend on it.
pub(crate) async fn service(
    installation: &Installation,
    keyring: Option<&LocalKeyring>,
    registry: &Registry,
) -> Result<MeteredKeys, Failure> {
    let keys = &installation.config.keys;
    let inner: Arc<dyn KeyService> = match keys.provider {
        KeyProvider::Local => Arc::new(match keyring {
            Some(keyring) => keyring.clone(),
            None => installation.keyring().await?,
        }),
        KeyProvider::AwsKms => Arc::new(
            AwsKms::connect(AwsKmsConfig {
                key_id: keys.key_id.clone().unwrap_or_default(),
                region: keys.region.clone(),
                endpoint: keys.endpoint.clone(),
                timeout: Duration::from_millis(keys.timeout_ms),
            })
            .await,
        ),
    };
    Ok(MeteredKeys::new(inner, registry)?)
}
