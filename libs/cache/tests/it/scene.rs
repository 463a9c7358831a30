//! Several processes on one Redis, or one on none.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use prometheus::Registry;
use rollcall_base::{Clock, Secret32, SystemClock, SystemEntropy};
use rollcall_cache::{Cache, CacheKey, CacheLimits, CacheMetrics, Redis, RedisSettings, Tiers};
use rollcall_testkit as testkit;
pub(crate) use rollcall_testkit::eventually;

/// A key of a directory's data.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key(pub(crate) &'static str, pub(crate) &'static str);

impl CacheKey for Key {
    const NAME: &'static str = "thing";

    fn slot(&self) -> String {
        self.0.to_owned()
    }

    fn rest(&self) -> String {
        self.1.to_owned()
    }
}

pub(crate) const A: Key = Key("directory-1", "a");
pub(crate) const B: Key = Key("directory-2", "b");

pub(crate) type Things = Cache<Key, usize>;

/// What processes share.
pub(crate) struct Scene {
    pub(crate) url: Option<String>,
    pub(crate) prefix: String,
}

/// What one process has.
pub(crate) struct Process {
    pub(crate) tiers: Tiers,
    registry: Registry,
}

pub(crate) const LONG: CacheLimits =
    CacheLimits { max_entries: 1_000, ttl: Duration::from_secs(30), negative_ttl: Duration::from_secs(1) };
pub(crate) const SHORT: CacheLimits = CacheLimits { ttl: Duration::from_secs(1), ..LONG };

impl Scene {
    pub(crate) fn without_redis() -> Self {
        Self { url: None, prefix: String::new() }
    }

    pub(crate) fn on(redis: &testkit::Redis) -> Self {
        Self::at(redis.url())
    }

    pub(crate) fn at(url: &str) -> Self {
        Self { url: Some(url.to_owned()), prefix: testkit::Redis::fresh_prefix() }
    }

    /// One more process, that hears what the others say.
    pub(crate) async fn process(&self) -> Process {
        let process = self.deaf_process().await;
        if self.url.is_some() {
            eventually("notices come in", async || process.counts("rollcall_redis_listening", "") == 1).await;
        }
        process
    }

    /// One that may not hear them yet.
    pub(crate) async fn deaf_process(&self) -> Process {
        self.process_with(Arc::new(SystemClock), 7).await
    }

    /// One that reads and writes no values, and loads from another process.
    pub(crate) async fn listener(&self) -> Process {
        let registry = Registry::new();
        let metrics = CacheMetrics::new(&registry).unwrap();
        let redis = Redis::connect(self.settings(), Arc::new(SystemEntropy), &metrics).await.unwrap();
        let process = Process { tiers: Tiers::listening(redis, metrics), registry };
        eventually("notices come in", async || process.counts("rollcall_redis_listening", "") == 1).await;
        process
    }

    /// One that only says what to forget.
    pub(crate) async fn teller(&self) -> Process {
        let registry = Registry::new();
        let metrics = CacheMetrics::new(&registry).unwrap();
        let redis = Redis::connect(self.settings(), Arc::new(SystemEntropy), &metrics).await.unwrap();
        let tiers = Tiers::telling(redis, Arc::new(SystemClock), metrics);
        Process { tiers, registry }
    }

    fn settings(&self) -> RedisSettings {
        RedisSettings {
            url: self.url.as_deref().unwrap().parse().unwrap(),
            ca: None,
            prefix: self.prefix.clone(),
            // On a busy machine a healthy server may need longer than in earnest.
            command_timeout: Duration::from_millis(500),
            connect_timeout: Duration::from_millis(1_000),
        }
    }

    pub(crate) async fn process_with(&self, clock: Arc<dyn Clock>, mac: u8) -> Process {
        let registry = Registry::new();
        let metrics = CacheMetrics::new(&registry).unwrap();
        if self.url.is_none() {
            return Process { tiers: Tiers::in_process(metrics), registry };
        }
        let entropy = Arc::new(SystemEntropy);
        let redis = Redis::connect(self.settings(), entropy.clone(), &metrics).await.unwrap();
        let tiers = Tiers::with_redis(redis, Secret32::from_bytes([mac; 32]), clock, metrics);
        Process { tiers, registry }
    }
}

impl Process {
    pub(crate) fn things(&self, limits: CacheLimits) -> Things {
        Cache::new(limits, &self.tiers)
    }

    /// The sum of a metric's samples that have this value among their labels.
    pub(crate) fn counts(&self, metric: &str, label: &str) -> u64 {
        let families = self.registry.gather();
        let samples = families.iter().filter(|family| family.name() == metric).flat_map(|family| family.get_metric());
        let fitting =
            samples.filter(|sample| label.is_empty() || sample.get_label().iter().any(|pair| pair.value() == label));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // small counts
        fitting.map(|sample| (sample.get_counter().get_value() + sample.get_gauge().get_value()) as u64).sum()
    }
}

/// A source of values: counts how often it was asked, and says its present value.
#[derive(Clone, Default)]
pub(crate) struct Source {
    pub(crate) value: Arc<AtomicUsize>,
    pub(crate) loads: Arc<AtomicUsize>,
}

impl Source {
    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    pub(crate) fn becomes(&self, value: usize) {
        self.value.store(value, Ordering::SeqCst);
    }

    pub(crate) async fn load(&self) -> Result<Option<usize>, io::Error> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        Ok(Some(self.value.load(Ordering::SeqCst)))
    }

    pub(crate) async fn through(&self, things: &Things, key: &Key) -> usize {
        things.get_or_try_load(key, || self.load()).await.unwrap().unwrap()
    }
}
