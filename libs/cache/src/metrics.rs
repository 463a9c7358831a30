//! What caches count.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Counts for all caches of a process. Cheap to clone.
#[derive(Clone)]
pub struct CacheMetrics(Arc<Inner>);

struct Inner {
    requests: IntCounterVec,
    errors: IntCounterVec,
    breaker: IntGauge,
    listening: IntGauge,
    notices: IntCounter,
    /// Milliseconds after `begin` from when on something may be warned about again.
    quiet_until: AtomicU64,
    begin: Instant,
}

/// Not more often than this.
const WARN_EVERY_MILLIS: u64 = 60_000;

impl CacheMetrics {
    /// Counts that show in `registry`.
    ///
    /// # Errors
    /// If they are there already.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new("rollcall_cache_requests_total", "Questions to a cache, by tier (process, redis) and outcome."),
            &["cache", "tier", "outcome"],
        )?;
        let errors = IntCounterVec::new(
            Opts::new("rollcall_redis_errors_total", "Commands that Redis did not do, by kind."),
            &["kind"],
        )?;
        let breaker = IntGauge::new("rollcall_redis_breaker", "Whether Redis is used: 0 yes, 1 being tried, 2 no.")?;
        let listening =
            IntGauge::new("rollcall_redis_listening", "Whether notices of other processes come in: 1 yes, 0 no.")?;
        let notices = IntCounter::new("rollcall_redis_notices_total", "Notices of other processes that came in.")?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(errors.clone()))?;
        registry.register(Box::new(breaker.clone()))?;
        registry.register(Box::new(listening.clone()))?;
        registry.register(Box::new(notices.clone()))?;
        let (quiet_until, begin) = (AtomicU64::new(0), Instant::now());
        Ok(Self(Arc::new(Inner { requests, errors, breaker, listening, notices, quiet_until, begin })))
    }

    pub(crate) fn breaker(&self) -> IntGauge {
        self.0.breaker.clone()
    }

    pub(crate) fn failed(&self, kind: Option<&str>) {
        if let Some(kind) = kind {
            self.0.errors.with_label_values(&[kind]).inc();
        }
    }

    pub(crate) fn listens(&self, listens: bool) {
        self.0.listening.set(i64::from(listens));
    }

    pub(crate) fn noticed(&self) {
        self.0.notices.inc();
    }

    /// Whether a warning about what Redis holds or refuses is due: one a minute, however many there would be.
    pub(crate) fn may_warn(&self) -> bool {
        let now = u64::try_from(self.0.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let quiet_until = &self.0.quiet_until;
        let next = now.saturating_add(WARN_EVERY_MILLIS);
        quiet_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |until| (until <= now).then_some(next)).is_ok()
    }

    /// The counters of the cache `name`.
    pub(crate) fn of(&self, name: &str) -> Counters {
        let of = |tier: &str, outcome: &str| self.0.requests.with_label_values(&[name, tier, outcome]);
        Counters {
            hit: of("process", "hit"),
            miss: of("process", "miss"),
            redis_hit: of("redis", "hit"),
            redis_miss: of("redis", "miss"),
            redis_refused: of("redis", "refused"),
            redis_unavailable: of("redis", "unavailable"),
        }
    }
}

/// The counters of one cache.
pub(crate) struct Counters {
    pub(crate) hit: IntCounter,
    pub(crate) miss: IntCounter,
    pub(crate) redis_hit: IntCounter,
    pub(crate) redis_miss: IntCounter,
    /// There was something that is not ours, was altered, or is too old.
    pub(crate) redis_refused: IntCounter,
    pub(crate) redis_unavailable: IntCounter,
}
