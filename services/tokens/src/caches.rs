//! What both forms of the service remember: the one on the database, and the one behind a network.

use std::{
    error::Error,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rollcall_base::{DirectoryName, Id, marker};
use rollcall_cache::{Cache, CacheKey, CacheLimits, Tiers, Told};
use rollcall_scim::fold;
use rollcall_store::DirectoryRecord;
use serde::{Deserialize, Serialize};

use crate::{Caller, TokensConfig, VerifyError, wire::Directory};

/// No key can be longer: what is longer names nothing and is not remembered.
const LONGEST_KEY: usize = DirectoryName::LONGEST;

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

/// What is known of a credential. It is asked for before its directory is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CredentialKey(pub(crate) Id<marker::Credential>);

impl CacheKey for CredentialKey {
    const NAME: &'static str = "credential";

    fn slot(&self) -> String {
        self.0.to_string()
    }

    fn rest(&self) -> String {
        String::new()
    }
}

/// A directory's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DirectoryKey(pub(crate) Id<marker::Directory>);

impl CacheKey for DirectoryKey {
    const NAME: &'static str = "directory";

    fn slot(&self) -> String {
        self.0.to_string()
    }

    fn rest(&self) -> String {
        String::new()
    }
}

/// The directory that a URL names: a tenant's slug and a Directory ID or Name, both folded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct UrlKey {
    slug: String,
    key: String,
}

impl UrlKey {
    pub(crate) fn new(tenant_slug: &str, key: &str) -> Self {
        Self { slug: fold(tenant_slug), key: fold(key) }
    }

    /// The same for what strangers write in URLs; none: it cannot name anything, and is not to be asked for.
    pub(crate) fn of_url(tenant_slug: &str, key: &str) -> Option<Self> {
        let names_nothing = |text: &str| text.len() > LONGEST_KEY || text.contains(char::is_control);
        (!names_nothing(tenant_slug) && !names_nothing(key)).then(|| Self::new(tenant_slug, key))
    }

    /// Slug and key.
    pub(crate) fn into_parts(self) -> (String, String) {
        (self.slug, self.key)
    }
}

impl CacheKey for UrlKey {
    const NAME: &'static str = "directory-at";

    fn slot(&self) -> String {
        self.slug.clone()
    }

    fn rest(&self) -> String {
        self.key.clone()
    }
}

/// A record as it is remembered, and as it is written down.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Directory", into = "Directory")]
pub(crate) struct Known(Arc<DirectoryRecord>);

impl From<Directory> for Known {
    fn from(sent: Directory) -> Self {
        Self(Arc::new(sent.into()))
    }
}

impl From<Known> for Directory {
    fn from(known: Known) -> Self {
        Self::from(&*known.0)
    }
}

/// The directories that URLs and tokens name.
#[derive(Clone)]
pub(crate) struct DirectoryCache {
    by_id: Cache<DirectoryKey, Known>,
    by_key: Cache<UrlKey, Known>,
}

impl DirectoryCache {
    /// In all of `tiers`.
    pub(crate) fn new(limits: CacheLimits, tiers: &Tiers) -> Self {
        Self { by_id: Cache::new(limits, tiers), by_key: Cache::new(limits, tiers) }
    }

    /// Forgets a directory under all of its names.
    pub(crate) async fn invalidate(&self, record: &DirectoryRecord) -> Told {
        let at = |key: &str| UrlKey::new(&record.tenant_slug, key);
        let (by_id, by_name) = (at(&record.directory_id), at(&record.directory_name));
        let told = self.by_id.invalidate(&DirectoryKey(record.id)).await;
        told.and(self.by_key.invalidate(&by_id).await).and(self.by_key.invalidate(&by_name).await)
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
        let load = || async { Ok::<_, E>(load().await?.map(Arc::new).map(Known)) };
        Ok(self.by_id.get_or_try_load(&DirectoryKey(id), load).await.map_err(unavailable)?.map(|known| known.0))
    }

    /// The directory that a URL names, from memory or from `load`, which gets slug and key folded, and who asks.
    pub(crate) async fn by_key<F, E>(
        &self,
        tenant_slug: &str,
        key: &str,
        caller: Option<Caller>,
        load: impl Fn(String, String, Option<Caller>) -> F,
    ) -> Result<Option<Arc<DirectoryRecord>>, VerifyError>
    where
        F: Future<Output = Result<Option<DirectoryRecord>, E>>,
        E: LoadFailure<Answer = VerifyError>,
    {
        let Some(place) = UrlKey::of_url(tenant_slug, key) else { return Ok(None) };
        let load = |caller| {
            let found = load(place.slug.clone(), place.key.clone(), caller);
            async { Ok::<_, E>(found.await?.map(Arc::new).map(Known)) }
        };
        Ok(load_for(&self.by_key, &place, caller, load).await?.map(|known| known.0))
    }
}

/// Has all processes that `tiers` reach forget what they know of a directory, or that there is none: before it is
/// acknowledged that it was made or changed.
pub async fn announce_directory(record: &DirectoryRecord, tiers: &Tiers) -> Told {
    DirectoryNews::to(tiers).tell(record).await
}

/// Where it is told that a directory was made or changed.
#[derive(Clone)]
pub struct DirectoryNews(DirectoryCache);

impl DirectoryNews {
    /// To other processes, as far as `tiers` reach them. This one's token service remembers what it knew: it has its own
    /// ([`crate::LocalTokens::directory_news`]).
    pub fn to(tiers: &Tiers) -> Self {
        Self(DirectoryCache::new(TokensConfig::default().cache_limits(), tiers))
    }

    /// To a process with this cache, too.
    pub(crate) fn with(cache: DirectoryCache) -> Self {
        Self(cache)
    }

    /// Has what is known of a directory be forgotten.
    pub async fn tell(&self, record: &DirectoryRecord) -> Told {
        self.0.invalidate(record).await
    }
}

fn unavailable<E: Error + Send + Sync + 'static>(error: Arc<E>) -> VerifyError {
    VerifyError::Unavailable(error as Arc<dyn Error + Send + Sync>)
}

/// Why the load of a credential was not done. Shared by all who waited for it.
pub(crate) trait LoadFailure: Error + Send + Sync + Sized + 'static {
    /// What whoever asked is told.
    type Answer;

    /// The answer to whoever asked; `None` from a failure that concerns only the caller who asked first.
    fn answer(self: &Arc<Self>, asked_first: bool) -> Option<Self::Answer>;
}

/// The value for `key` of `cache`, loaded by one caller for all who want it at once. `load` is told who asks: a limit on
/// that address is no reason to refuse another that waited for the same load.
pub(crate) async fn load_for<K, V, E, F, A>(
    cache: &Cache<K, V>,
    key: &K,
    asker: A,
    load: impl Fn(A) -> F,
) -> Result<Option<V>, E::Answer>
where
    A: Copy,
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    E: LoadFailure,
    F: Future<Output = Result<Option<V>, E>>,
{
    loop {
        let asked = AtomicBool::new(false);
        let load = || {
            asked.store(true, Ordering::Relaxed);
            load(asker)
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
