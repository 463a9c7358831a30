//! What both forms of the service remember: the one on the database, and the one behind a network.

use std::{
    error::Error,
    hash::Hash,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rollcall_base::{Id, marker};
use rollcall_cache::{Cache, CacheLimits};
use rollcall_scim::fold;
use rollcall_store::DirectoryRecord;

use crate::{TokensConfig, VerifyError};

/// No key can be longer (a Directory Name is at most 253 characters): what is longer names nothing and is not
/// remembered.
const LONGEST_KEY: usize = 253;

impl TokensConfig {
    /// For whatever else is remembered: the same bounds.
    pub fn cache_limits(&self) -> CacheLimits {
        CacheLimits {
            max_entries: self.cache_entries,
            ttl: self.cache_ttl.min(Self::LONGEST_TTL),
            negative_ttl: self.negative_ttl.min(Duration::from_secs(1)),
        }
    }
}

/// The directories that URLs and tokens name.
#[derive(Clone)]
pub(crate) struct DirectoryCache {
    by_id: Cache<Id<marker::Directory>, Arc<DirectoryRecord>>,
    /// By tenant slug and directory key, both folded.
    by_key: Cache<(String, String), Arc<DirectoryRecord>>,
}

impl DirectoryCache {
    pub(crate) fn new(limits: CacheLimits) -> Self {
        Self { by_id: Cache::new(limits), by_key: Cache::new(limits) }
    }

    pub(crate) fn clear(&self) {
        self.by_id.clear();
        self.by_key.clear();
    }

    /// The directory `id`, from memory or from `load`.
    pub(crate) async fn by_id<F, E>(
        &self,
        id: Id<marker::Directory>,
        load: impl Fn() -> F,
    ) -> Result<Option<Arc<DirectoryRecord>>, VerifyError>
    where
        F: Future<Output = Result<Option<DirectoryRecord>, E>>,
        E: Error + Send + Sync + 'static,
    {
        let load = || async { Ok::<_, E>(load().await?.map(Arc::new)) };
        self.by_id.get_or_try_load(&id, load).await.map_err(unavailable)
    }

    /// The directory that a URL names, from memory or from `load`, which gets slug and key folded.
    pub(crate) async fn by_key<F, E>(
        &self,
        tenant_slug: &str,
        key: &str,
        load: impl Fn(String, String) -> F,
    ) -> Result<Option<Arc<DirectoryRecord>>, VerifyError>
    where
        F: Future<Output = Result<Option<DirectoryRecord>, E>>,
        E: Error + Send + Sync + 'static,
    {
        if tenant_slug.len().max(key.len()) > LONGEST_KEY {
            return Ok(None);
        }
        let place = (fold(tenant_slug), fold(key));
        let load = || async { Ok::<_, E>(load(place.0.clone(), place.1.clone()).await?.map(Arc::new)) };
        self.by_key.get_or_try_load(&place, load).await.map_err(unavailable)
    }
}

fn unavailable<E: Error + Send + Sync + 'static>(error: Arc<E>) -> VerifyError {
    VerifyError::Unavailable(error as Arc<dyn Error + Send + Sync>)
}

/// Why the load of a credential was not done. Shared by all who waited for it.
pub(crate) trait LoadFailure: Error + Send + Sync + Sized + 'static {
    /// The answer to whoever asked; `None` from a failure that concerns only the caller who asked first.
    fn answer(self: &Arc<Self>, asked_first: bool) -> Option<VerifyError>;
}

/// The value for `key` of `cache`, loaded by one caller for all who want it at once. `load` is told who asks: a limit on
/// that address is no reason to refuse another that waited for the same load.
pub(crate) async fn load_for<K, V, E, F>(
    cache: &Cache<K, V>,
    key: &K,
    from: IpAddr,
    load: impl Fn(IpAddr) -> F,
) -> Result<Option<V>, VerifyError>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: LoadFailure,
    F: Future<Output = Result<Option<V>, E>>,
{
    loop {
        let asked = AtomicBool::new(false);
        let load = || {
            asked.store(true, Ordering::Relaxed);
            load(from)
        };
        let error: Arc<E> = match cache.get_or_try_load(key, load).await {
            Ok(known) => return Ok(known),
            Err(error) => error,
        };
        if let Some(answer) = error.answer(asked.into_inner()) {
            return Err(answer);
        }
    }
}
