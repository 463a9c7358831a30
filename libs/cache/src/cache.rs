//! The cache itself.

use std::{
    error::Error,
    hash::{BuildHasher, Hash, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use moka::Expiry;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    CacheKey, CacheLimits, Tiers, Told,
    far::{Effort, Far, Found},
    key,
    metrics::Counters,
    stripes::Stripes,
};

/// A cache from `K` to `V` that also remembers, for a shorter while, that there is no `V`. Cheap to clone.
///
/// One load at a time per key and process; nothing that was loaded before an invalidation is served after it.
pub struct Cache<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    entries: moka::future::Cache<K, Entry<V>>,
    stripes: Arc<Stripes>,
    hashing: Hashing<K>,
    counters: Counters,
    ttl: Duration,
    negative_ttl: Duration,
    far: Option<(Far, Coding<V>)>,
    /// Notices come in for as long as somebody wants them.
    _tiers: Tiers,
}

/// How a key finds its stripe.
enum Hashing<K> {
    /// By itself: nobody outside will speak of it.
    Own(RandomState),
    /// By the text of what it hangs on, as notices name it.
    Text(Box<dyn Fn(&K) -> String + Send + Sync>),
}

/// How values are written and read. Kept as functions so that caches without Redis ask nothing of their values.
struct Coding<V> {
    write: fn(&V) -> Option<Vec<u8>>,
    read: fn(&[u8]) -> Option<V>,
}

#[derive(Clone)]
struct Entry<V> {
    value: Option<V>,
    /// The key's stripe when the load began.
    generation: u64,
    /// How long it may be served from now on.
    lifetime: Duration,
}

/// As how many a value of so many bytes counts among the entries: one for each started KiB.
fn counts_as(bytes: u32) -> u32 {
    bytes.div_ceil(1024).max(1)
}

struct Lifetimes;

impl<K, V> Expiry<K, Entry<V>> for Lifetimes {
    fn expire_after_create(&self, _: &K, entry: &Entry<V>, _: Instant) -> Option<Duration> {
        Some(entry.lifetime)
    }

    fn expire_after_update(&self, key: &K, entry: &Entry<V>, now: Instant, _: Option<Duration>) -> Option<Duration> {
        self.expire_after_create(key, entry, now)
    }
}

impl<K, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Cache<K, V>
where
    K: CacheKey,
    V: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// An empty cache on `tiers`, of values that are all small.
    pub fn new(limits: CacheLimits, tiers: &Tiers) -> Self {
        Self::weighed(limits, tiers, |_| 1)
    }

    /// An empty cache on `tiers`, of values of which each takes about as many bytes of memory as `weigh` says. See
    /// [`CacheLimits::max_entries`] for what it comes to.
    pub fn weighed(limits: CacheLimits, tiers: &Tiers, weigh: impl Fn(&V) -> u32 + Send + Sync + 'static) -> Self {
        let limits = limits.bounded();
        let coding =
            Coding { write: |value| serde_json::to_vec(value).ok(), read: |bytes| serde_json::from_slice(bytes).ok() };
        let far = tiers.values().filter(|_| !limits.ttl.is_zero());
        let far = far.map(|(redis, values)| (Far::new(redis, values, &limits, &tiers.metrics), coding));
        let cache = Self::build(limits, tiers, K::NAME, Hashing::Text(Box::new(key::text)), weigh, far);
        if let Some(shared) = &tiers.redis {
            shared.redis.tell(K::NAME, shared.values.is_none(), &cache.0.stripes);
        }
        cache
    }
}

impl<K, V> Cache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// An empty cache in this process alone, which shows in metrics as `name`.
    pub fn in_process(name: &'static str, limits: CacheLimits, tiers: &Tiers) -> Self {
        Self::build(limits.bounded(), tiers, name, Hashing::Own(RandomState::new()), |_| 1, None)
    }

    /// The same, whose entries each hang on a key `C` of another cache, perhaps in another process: when that key is
    /// invalidated, they are forgotten.
    pub fn following<C: CacheKey>(
        name: &'static str,
        limits: CacheLimits,
        tiers: &Tiers,
        on: impl Fn(&K) -> C + Send + Sync + 'static,
    ) -> Self {
        let text = move |key: &K| key::text(&on(key));
        let cache = Self::build(limits.bounded(), tiers, name, Hashing::Text(Box::new(text)), |_| 1, None);
        if let Some(shared) = &tiers.redis {
            shared.redis.tell(C::NAME, shared.values.is_none(), &cache.0.stripes);
        }
        cache
    }

    fn build(
        limits: CacheLimits,
        tiers: &Tiers,
        name: &'static str,
        hashing: Hashing<K>,
        weigh: impl Fn(&V) -> u32 + Send + Sync + 'static,
        far: Option<(Far, Coding<V>)>,
    ) -> Self {
        let entries = moka::future::Cache::builder()
            .max_capacity(limits.max_entries)
            .weigher(move |_, entry: &Entry<V>| entry.value.as_ref().map_or(1, |value| counts_as(weigh(value))))
            .expire_after(Lifetimes)
            .build();
        Self(Arc::new(Inner {
            entries,
            stripes: Arc::default(),
            hashing,
            counters: tiers.metrics.of(name),
            ttl: limits.ttl,
            negative_ttl: limits.negative_ttl,
            far,
            _tiers: tiers.clone(),
        }))
    }

    /// What this process remembers for `key`: `Some(None)` is a remembered "there is no such thing", `None` is "not known
    /// here".
    pub async fn get(&self, key: &K) -> Option<Option<V>> {
        let known = self.0.known(key, self.0.stripes.of(self.0.hash(key))).await;
        if known.is_some() {
            self.0.counters.hit.inc();
        }
        known
    }

    /// The value for `key`, from this process, from Redis or from `load`. Of several callers at once one asks and the
    /// others wait for it; an error is handed to all of them and is not remembered. With a [`CacheLimits::ttl`] of zero
    /// each asks for itself.
    ///
    /// # Errors
    /// What `load` failed with.
    pub async fn get_or_try_load<F, Fut, E>(&self, key: &K, load: F) -> Result<Option<V>, Arc<E>>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<Option<V>, E>>,
        E: Error + Send + Sync + 'static,
    {
        self.get_fitting_or_try_load(key, |_| true, load).await
    }

    /// The same, but a value that does not fit is not served, wherever it is; `load` must bring one that does.
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
        let inner = &*self.0;
        if inner.ttl.is_zero() {
            // What one of several callers brings would be too old for the next: each would wait for its turn.
            inner.counters.miss.inc();
            return load().await.map_err(Arc::new);
        }
        let fits = |value: &Option<V>| value.as_ref().is_none_or(&fits);
        let text = inner.text(key);
        let hash = inner.hash_of(key, text.as_deref());
        loop {
            // Whatever began to load from here on is fresh enough for this caller.
            let asked_at = inner.stripes.of(hash);
            match inner.known(key, asked_at).await {
                Some(known) if fits(&known) => {
                    inner.counters.hit.inc();
                    return Ok(known);
                }
                Some(_) => inner.entries.invalidate(key).await,
                None => {}
            }
            let found = inner.find(hash, text.as_deref(), &fits, &load);
            let entry = inner.entries.try_get_with_by_ref(key, found).await?;
            if entry.generation >= asked_at && fits(&entry.value) {
                return Ok(entry.value);
            }
            inner.entries.invalidate(key).await;
        }
    }

    /// Forgets `key`, here and everywhere, before it returns. A load that is under way is not stopped, but what it brings
    /// is not served to later callers.
    pub async fn invalidate(&self, key: &K) -> Told {
        self.drop_everywhere(key, Effort::Insist).await
    }

    /// The same for what changes with every request: nobody waits for a Redis that does not answer, and then the other
    /// processes follow within [`CacheLimits::ttl`].
    pub async fn forget(&self, key: &K) -> Told {
        self.drop_everywhere(key, Effort::Once).await
    }

    async fn drop_everywhere(&self, key: &K, effort: Effort) -> Told {
        let inner = &*self.0;
        let text = inner.text(key);
        let hash = inner.hash_of(key, text.as_deref());
        inner.stripes.advance(hash);
        let told = match (&inner.far, &text) {
            (Some((far, _)), Some(text)) => far.bury(text, effort).await.is_ok(),
            _ => false,
        };
        inner.entries.invalidate(key).await;
        if !told {
            // Not believed until what it has is too old anyway.
            inner.stripes.distrust(hash, CacheLimits::LONGEST);
        }
        // What was read from Redis meanwhile goes, too.
        inner.stripes.advance(hash);
        if told { Told::Everywhere } else { Told::HereOnly }
    }

    /// Forgets everything here, and does not believe what Redis has until that was replaced or is too old: for when the
    /// source changed in a way that nobody told of.
    pub fn clear(&self) {
        self.0.stripes.distrust_all(CacheLimits::LONGEST);
        self.0.stripes.advance_all();
        self.0.entries.invalidate_all();
    }
}

impl<K, V> Inner<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn text(&self, key: &K) -> Option<String> {
        match &self.hashing {
            Hashing::Own(_) => None,
            Hashing::Text(text) => Some(text(key)),
        }
    }

    fn hash_of(&self, key: &K, text: Option<&str>) -> u64 {
        match (&self.hashing, text) {
            (_, Some(text)) => key::hash(text),
            (Hashing::Own(state), None) => state.hash_one(key),
            (Hashing::Text(text), None) => key::hash(&text(key)),
        }
    }

    fn hash(&self, key: &K) -> u64 {
        self.hash_of(key, None)
    }

    async fn known(&self, key: &K, generation: u64) -> Option<Option<V>> {
        let entry = self.entries.get(key).await?;
        (entry.generation == generation).then_some(entry.value)
    }

    /// An entry, from Redis or from `load`.
    async fn find<F, Fut, E>(
        &self,
        hash: u64,
        text: Option<&str>,
        fits: &impl Fn(&Option<V>) -> bool,
        load: &F,
    ) -> Result<Entry<V>, E>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<Option<V>, E>>,
    {
        self.counters.miss.inc();
        let generation = self.stripes.of(hash);
        let mut place = None;
        if let (Some((far, coding)), Some(text)) = (&self.far, text)
            && self.stripes.trusts(hash)
        {
            match far.read(text, &self.counters).await {
                Found::Value(bytes, lifetime) => {
                    // What does not fit, or another version wrote and this one cannot read, is loaded anew, and left
                    // where it is.
                    let value = (coding.read)(&bytes);
                    if value.is_some() && fits(&value) {
                        return Ok(Entry { value, generation, lifetime });
                    }
                }
                Found::Nothing(free) => place = Some((far, coding, text, free)),
                Found::NoAnswer => {}
            }
        }
        let began = Instant::now();
        let value = load().await?;
        if let (Some((far, coding, text, place)), Some(value)) = (place, &value)
            && self.stripes.of(hash) == generation
            && let Some(bytes) = (coding.write)(value)
        {
            far.put(text, place, &bytes).await;
        }
        let lifetime = if value.is_some() { self.ttl } else { self.negative_ttl }.saturating_sub(began.elapsed());
        Ok(Entry { value, generation, lifetime })
    }
}

#[cfg(test)]
mod tests;
