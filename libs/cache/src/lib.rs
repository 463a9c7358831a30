//! A typed in-process cache: bounded in entries and in age, one load at a time per key, and nothing that was loaded
//! before an invalidation is served after it.

mod stripes;

use std::{
    error::Error,
    hash::Hash,
    sync::Arc,
    time::{Duration, Instant},
};

use moka::Expiry;
use stripes::Stripes;

/// How much a [`Cache`] keeps and for how long.
#[derive(Debug, Clone, Copy)]
pub struct CacheLimits {
    /// The most entries; the least used go first.
    pub max_entries: u64,
    /// How long a found value may be served.
    pub ttl: Duration,
    /// How long "there is no such thing" may be served; at most [`CacheLimits::LONGEST_NEGATIVE`].
    pub negative_ttl: Duration,
}

impl CacheLimits {
    /// The bound for negative answers: what was just created is to be found soon.
    pub const LONGEST_NEGATIVE: Duration = Duration::from_secs(1);
}

/// A cache from `K` to `V` that also remembers, for a shorter while, that there is no `V`.
#[derive(Clone)]
pub struct Cache<K, V> {
    entries: moka::future::Cache<K, Entry<V>>,
    stripes: Arc<Stripes>,
}

#[derive(Clone)]
struct Entry<V> {
    value: Option<V>,
    /// The key's stripe when the load began.
    generation: u64,
}

struct Lifetimes(CacheLimits);

impl<K, V> Expiry<K, Entry<V>> for Lifetimes {
    fn expire_after_create(&self, _: &K, entry: &Entry<V>, _: Instant) -> Option<Duration> {
        Some(match entry.value {
            Some(_) => self.0.ttl,
            None => self.0.negative_ttl.min(CacheLimits::LONGEST_NEGATIVE).min(self.0.ttl),
        })
    }

    fn expire_after_update(&self, key: &K, entry: &Entry<V>, now: Instant, _: Option<Duration>) -> Option<Duration> {
        self.expire_after_create(key, entry, now)
    }
}

impl<K, V> Cache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// An empty cache.
    pub fn new(limits: CacheLimits) -> Self {
        let entries =
            moka::future::Cache::builder().max_capacity(limits.max_entries).expire_after(Lifetimes(limits)).build();
        Self { entries, stripes: Arc::default() }
    }

    /// What is cached for `key`: `Some(None)` is a remembered "there is no such thing", `None` is "not known here".
    pub async fn get(&self, key: &K) -> Option<Option<V>> {
        let entry = self.entries.get(key).await?;
        (entry.generation == self.stripes.of(key)).then_some(entry.value)
    }

    /// The value for `key`, from the cache or from `load`. Of several callers at once one loads and the others wait for
    /// it; an error is handed to all of them and is not remembered.
    ///
    /// # Errors
    /// What `load` failed with.
    pub async fn get_or_try_load<F, Fut, E>(&self, key: &K, load: F) -> Result<Option<V>, Arc<E>>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<Option<V>, E>>,
        E: Error + Send + Sync + 'static,
    {
        loop {
            // Whatever began to load from here on is fresh enough for this caller.
            let asked_at = self.stripes.of(key);
            let entry = self
                .entries
                .try_get_with_by_ref(key, async {
                    let generation = self.stripes.of(key);
                    load().await.map(|value| Entry { value, generation })
                })
                .await?;
            if entry.generation >= asked_at {
                return Ok(entry.value);
            }
            self.entries.invalidate(key).await;
        }
    }

    /// As [`Cache::get_or_try_load`], but what is cached and does not fit is loaded anew.
    ///
    /// # Errors
    /// What `load` failed with.
    pub async fn get_fitting_or_try_load<F, Fut, E>(
        &self,
        key: &K,
        fits: impl Fn(&V) -> bool,
        load: F,
    ) -> Result<Option<V>, Arc<E>>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<Option<V>, E>>,
        E: Error + Send + Sync + 'static,
    {
        if let Some(Some(value)) = self.get(key).await
            && !fits(&value)
        {
            self.entries.invalidate(key).await;
        }
        self.get_or_try_load(key, load).await
    }

    /// Forgets `key`. A load that is under way is not stopped, but what it brings is not served to later callers.
    pub async fn invalidate(&self, key: &K) {
        self.stripes.advance(key);
        self.entries.invalidate(key).await;
    }

    /// Forgets everything, with the same promise.
    pub fn clear(&self) {
        self.stripes.advance_all();
        self.entries.invalidate_all();
    }
}

#[cfg(test)]
mod tests;
