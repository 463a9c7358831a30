//! Tenants' peppers: data keys, unwrapped once and kept.

use std::{sync::Arc, time::Duration};

use rollcall_base::{Id, Secret32, marker};
use rollcall_cache::{Cache, CacheLimits};
use rollcall_keys::{DataKey, KeyContext, KeyError, KeyService};
use rollcall_store::WrappedKey;

/// What the data key is for; bound into its wrapping and stored beside it.
pub(super) const PURPOSE: &str = "token-pepper";

/// A data key never changes, so this bounds only how long a secret lies in memory unused.
const TTL: Duration = Duration::from_secs(60 * 60);

pub(super) struct Peppers {
    keys: Arc<dyn KeyService>,
    unwrapped: Cache<Id<marker::DataKey>, Secret32>,
}

impl Peppers {
    pub(super) fn new(keys: Arc<dyn KeyService>, max_entries: u64) -> Self {
        let limits = CacheLimits { max_entries, ttl: TTL, negative_ttl: Duration::ZERO };
        Self { keys, unwrapped: Cache::new(limits) }
    }

    /// The pepper with this id, if it is in memory.
    pub(super) async fn cached(&self, id: Id<marker::DataKey>) -> Option<Secret32> {
        self.unwrapped.get(&id).await.flatten()
    }

    /// Opens `key`; callers at the same time share one call to the key service.
    pub(super) async fn open(&self, key: &WrappedKey) -> Result<Secret32, KeyError> {
        let context = KeyContext { tenant: key.tenant, purpose: PURPOSE };
        let open = || async { self.keys.unwrap(&key.wrapped, &context).await.map(Some) };
        let opened = self.unwrapped.get_or_try_load(&key.id, open).await;
        match opened.map_err(|error| (*error).clone())? {
            Some(pepper) => Ok(pepper),
            None => Err(KeyError::UnknownFormat),
        }
    }

    /// A new pepper for `tenant`, not stored yet.
    pub(super) async fn generate(&self, tenant: Id<marker::Tenant>) -> Result<DataKey, KeyError> {
        self.keys.generate_data_key(&KeyContext { tenant, purpose: PURPOSE }).await
    }
}
