//! Where a process remembers things.

use std::sync::Arc;

use rollcall_base::{Clock, Secret32};

use crate::{CacheMetrics, Leases, Redis};

/// What the caches of a process are made on: its memory, and Redis if there is one. Cheap to clone.
#[derive(Clone)]
pub struct Tiers {
    pub(crate) metrics: CacheMetrics,
    pub(crate) redis: Option<Shared>,
}

/// Redis, and what this process does with it.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) redis: Redis,
    /// `None`: only notices.
    pub(crate) values: Option<Arc<Values>>,
}

/// What it takes to keep values in Redis.
pub(crate) struct Values {
    /// `None`: nothing is read or put, only forgotten.
    pub(crate) mac: Option<Secret32>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Tiers {
    /// This process's memory alone.
    pub const fn in_process(metrics: CacheMetrics) -> Self {
        Self { metrics, redis: None }
    }

    /// Memory, and behind it Redis, where values are sealed under `mac`: a key that only this installation's services
    /// have, and the same for all of them.
    pub fn with_redis(redis: Redis, mac: Secret32, clock: Arc<dyn Clock>, metrics: CacheMetrics) -> Self {
        let values = Some(Arc::new(Values { mac: Some(mac), clock }));
        Self { metrics, redis: Some(Shared { redis, values }) }
    }

    /// Memory, and what is invalidated is forgotten everywhere. No value is read from Redis or put there, so no key is
    /// needed: for commands, which change something and end.
    pub fn telling(redis: Redis, clock: Arc<dyn Clock>, metrics: CacheMetrics) -> Self {
        let values = Some(Arc::new(Values { mac: None, clock }));
        Self { metrics, redis: Some(Shared { redis, values }) }
    }

    /// Memory, where what other processes invalidate is forgotten. No value is read from Redis or written there. For a
    /// process that loads from another one: as that may hear of the same a moment later, and answer from its own memory in
    /// between, everything is forgotten a second time a second later.
    pub const fn listening(redis: Redis, metrics: CacheMetrics) -> Self {
        Self { metrics, redis: Some(Shared { redis, values: None }) }
    }

    /// Rates that are shared with other processes, if there is a Redis.
    pub fn leases(&self) -> Option<Leases> {
        self.redis.as_ref().map(|shared| Leases::new(shared.redis.clone()))
    }

    /// Whether values are kept in Redis, too.
    pub(crate) fn values(&self) -> Option<(&Redis, &Arc<Values>)> {
        let shared = self.redis.as_ref()?;
        Some((&shared.redis, shared.values.as_ref()?))
    }
}
