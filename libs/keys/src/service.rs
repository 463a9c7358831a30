//! What the rest of the house asks of a keeper of keys.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use rollcall_base::{Id, Secret32, marker};

/// What a data key is for. Bound into the wrapped key as authenticated data (a KMS calls it encryption context), so
/// that one tenant's wrapped key, put in another's row, does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyContext {
    /// The tenant.
    pub tenant: Id<marker::Tenant>,
    /// What the key protects, such as `token-pepper`.
    pub purpose: &'static str,
}

/// A new data key, plain for use now and wrapped for storing.
#[derive(Debug)]
pub struct DataKey {
    /// The key itself.
    pub plaintext: Secret32,
    /// The same, openable only by the service that made it and under the same [`KeyContext`]. Not secret.
    pub wrapped: Vec<u8>,
}

/// Why a data key could not be made or opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// The wrapped key opens under no key that is held here: another keyring, tenant or purpose, or altered bytes.
    #[error(
        "the wrapped key for \"{purpose}\" of tenant {tenant} does not open: it was altered, belongs to another tenant \
         or purpose, or was made under another keyring; restore the keyring file that belongs to this database"
    )]
    DoesNotOpen {
        /// The tenant that was asked for.
        tenant: Id<marker::Tenant>,
        /// The purpose that was asked for.
        purpose: &'static str,
    },
    /// The blob is none that this version can read.
    #[error(
        "the wrapped key is in a format that this version does not read; use the version that wrote it, or a newer one"
    )]
    UnknownFormat,
    /// The key service did not answer. Worth another try later.
    #[error("the key service cannot be reached")]
    Unavailable(#[source] Arc<dyn Error + Send + Sync>),
}

/// Makes and opens data keys. Not for the path of a request: callers keep what they unwrapped.
#[async_trait]
pub trait KeyService: Send + Sync {
    /// A fresh data key for `context`.
    ///
    /// # Errors
    /// [`KeyError::Unavailable`] if the service cannot be reached.
    async fn generate_data_key(&self, context: &KeyContext) -> Result<DataKey, KeyError>;

    /// Opens what [`KeyService::generate_data_key`] wrapped for the same `context`.
    ///
    /// # Errors
    /// [`KeyError`]; all but [`KeyError::Unavailable`] will not go away by trying again.
    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Secret32, KeyError>;
}
