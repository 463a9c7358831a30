//! AWS KMS: its key never leaves it, so each wrapping and unwrapping is a call.

mod blob;
mod failure;

use std::{collections::HashMap, fmt, time::Duration};

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_kms::{
    Client,
    primitives::Blob,
    types::{DataKeySpec, EncryptionAlgorithmSpec},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use rollcall_base::Secret32;
use zeroize::Zeroizing;

use self::{blob::WrappedBlob, failure::Call};
use crate::{DataKey, KeyContext, KeyError, KeyService};

/// Where the key is and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsKmsConfig {
    /// The key that wraps: an id, an ARN, `alias/name` or an alias's ARN. Symmetric, for encryption.
    pub key_id: String,
    /// The key's region; `None` leaves it to the SDK's chain (`AWS_REGION`, profile, instance).
    pub region: Option<String>,
    /// Another endpoint than AWS's own, such as a VPC endpoint.
    pub endpoint: Option<String>,
    /// The most that one call may take, tries included.
    pub timeout: Duration,
}

/// A key in AWS KMS. Credentials come from the SDK's chain: environment, profile, web identity, container, instance.
///
/// The SDK's own buffers, through which a plain data key arrives, are freed without being wiped: this code cannot reach
/// them. Everything from there on is wiped.
#[derive(Clone)]
pub struct AwsKms {
    client: Client,
    key_id: String,
}

impl AwsKms {
    /// A client for the key; asks nothing of KMS yet.
    pub async fn connect(config: AwsKmsConfig) -> Self {
        Self::connect_as(config, None).await
    }

    /// As [`AwsKms::connect`], with these credentials in place of the chain's.
    pub async fn connect_as(config: AwsKmsConfig, credentials: Option<SharedCredentialsProvider>) -> Self {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        // Three tries in the time of one call: each may take a third of it.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(config.timeout / 3)
            .operation_attempt_timeout(config.timeout / 3)
            .operation_timeout(config.timeout)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(config.timeout / 50));
        if let Some(region) = config.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(endpoint) = config.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(credentials) = credentials {
            loader = loader.credentials_provider(credentials);
        }
        Self { client: Client::new(&loader.load().await), key_id: config.key_id }
    }
}

#[async_trait]
impl KeyService for AwsKms {
    async fn generate_data_key(&self, context: &KeyContext) -> Result<DataKey, KeyError> {
        let call = Call { context, key: &self.key_id };
        let answer = self
            .client
            .generate_data_key()
            .key_id(&self.key_id)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(encryption_context(context)))
            .send()
            .await
            .map_err(|error| call.failed(error))?;
        let plaintext = secret(answer.plaintext).ok_or_else(|| call.incomplete())?;
        let blob = answer.ciphertext_blob.ok_or_else(|| call.incomplete())?.into_inner();
        let key = answer.key_id.ok_or_else(|| call.incomplete())?;
        Ok(DataKey { plaintext, wrapped: WrappedBlob { key: &key, blob: &blob }.to_bytes() })
    }

    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Secret32, KeyError> {
        let wrapped = WrappedBlob::read(wrapped)?;
        let call = Call { context, key: wrapped.key };
        let answer = self
            .client
            .decrypt()
            // Without it KMS would open blobs of any key that it may use.
            .key_id(wrapped.key)
            .ciphertext_blob(Blob::new(wrapped.blob))
            .encryption_algorithm(EncryptionAlgorithmSpec::SymmetricDefault)
            .set_encryption_context(Some(encryption_context(context)))
            .send()
            .await
            .map_err(|error| call.failed(error))?;
        secret(answer.plaintext).ok_or_else(|| call.incomplete())
    }

    /// ReEncrypt: the plain key does not leave KMS.
    async fn rewrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        let wrapped = WrappedBlob::read(wrapped)?;
        // KMS does not say which of the two it means.
        let either = format!("{} or {}", wrapped.key, self.key_id);
        let call = Call { context, key: &either };
        let answer = self
            .client
            .re_encrypt()
            .source_key_id(wrapped.key)
            .destination_key_id(&self.key_id)
            .ciphertext_blob(Blob::new(wrapped.blob))
            .set_source_encryption_context(Some(encryption_context(context)))
            .set_destination_encryption_context(Some(encryption_context(context)))
            .send()
            .await
            .map_err(|error| call.failed(error))?;
        let blob = answer.ciphertext_blob.ok_or_else(|| call.incomplete())?.into_inner();
        let key = answer.key_id.ok_or_else(|| call.incomplete())?;
        Ok(WrappedBlob { key: &key, blob: &blob }.to_bytes())
    }
}

impl fmt::Debug for AwsKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AwsKms({})", self.key_id)
    }
}

/// KMS binds it to the blob and writes it to CloudTrail: ids, nothing about people.
fn encryption_context(context: &KeyContext) -> HashMap<String, String> {
    HashMap::from([
        ("tenant".to_owned(), context.tenant.to_string()),
        ("purpose".to_owned(), context.purpose.to_owned()),
    ])
}

fn secret(plaintext: Option<Blob>) -> Option<Secret32> {
    let bytes = Zeroizing::new(plaintext?.into_inner());
    let bytes = Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?);
    Some(Secret32::from_bytes(*bytes))
}
