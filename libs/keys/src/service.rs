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
         or purpose, or was made under another keyring; restore the keyring file or the database that belongs to it"
    )]
    DoesNotOpen {
        /// The tenant that was asked for.
        tenant: Id<marker::Tenant>,
        /// The purpose that was asked for.
        purpose: &'static str,
    },
    /// The blob is none that this version can read.
    #[error(
        "the wrapped key is in a format that this version does not read, or another provider wrapped it; use the \
         `keys.provider` and the version that wrote it, or a newer one"
    )]
    UnknownFormat,
    /// The key that wraps is disabled, about to be deleted or gone: whoever did that wants what it wraps unreadable.
    #[error(
        "the wrapping key {key} is disabled, about to be deleted or gone ({state}); enable it, or restore the one that \
         belongs to this database"
    )]
    Unusable {
        /// Its name, as the service or the configuration has it.
        key: String,
        /// The service's name for the state.
        state: String,
    },
    /// The key service answered, and would not: credentials, permissions or settings are wrong.
    #[error("the key service refused the call ({code}); check the credentials, the key's policy and `[keys]`")]
    Refused {
        /// The service's name for the reason.
        code: String,
        /// What it said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The key service did not answer. Worth another try later.
    #[error("the key service cannot be reached at the moment; this works again when it can be, without a restart")]
    Unavailable(#[source] Arc<dyn Error + Send + Sync>),
}

impl KeyError {
    /// Whether an unwrapped copy may still be used: the service did not say no to this key, one could not ask it.
    pub const fn leaves_copies_valid(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Refused { .. })
    }
}

/// Makes and opens data keys. Not for the path of a request: callers keep what they unwrapped.
#[async_trait]
pub trait KeyService: Send + Sync {
    /// A fresh data key for `context`.
    ///
    /// # Errors
    /// [`KeyError::Unavailable`] if the service cannot be reached, [`KeyError::Refused`] or [`KeyError::Unusable`] if it
    /// will not.
    async fn generate_data_key(&self, context: &KeyContext) -> Result<DataKey, KeyError>;

    /// Opens what [`KeyService::generate_data_key`] wrapped for the same `context`.
    ///
    /// # Errors
    /// [`KeyError`]; all but [`KeyError::Unavailable`] will not go away by trying again.
    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Secret32, KeyError>;

    /// The same data key, wrapped anew under the service's present key. What was wrapped before still opens as long as
    /// the key that wrapped it is there.
    ///
    /// # Errors
    /// As [`KeyService::unwrap`].
    async fn rewrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Vec<u8>, KeyError>;
}
