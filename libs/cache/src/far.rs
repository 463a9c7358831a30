//! The tier in Redis.
//!
//! A value is put with `SET … NX`, and an invalidation does not delete but leaves a tombstone, which stays for as long as
//! any load may take: what was loaded before an invalidation, in whatever process, finds the place taken and stays out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use redis::Value;
use rollcall_base::Timestamp;

use crate::{
    CacheLimits, Redis,
    envelope::{self, LARGEST, TOMBSTONE},
    metrics::{CacheMetrics, Counters},
    redis::Outage,
    tiers::Values,
};

/// A cache's values in Redis.
pub(crate) struct Far {
    redis: Redis,
    values: Arc<Values>,
    ttl: Duration,
    metrics: CacheMetrics,
}

/// How hard to try to have Redis forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Again, and even if Redis does not seem to answer.
    Insist,
    /// Once, if Redis answers.
    Once,
}

/// What Redis has.
pub(crate) enum Found {
    /// A value, and how long it may still be served.
    Value(Vec<u8>, Duration),
    /// Nothing. The load that follows may be put with this.
    Nothing(Place),
    /// Nobody answered.
    NoAnswer,
}

/// The right to put what is loaded now.
pub(crate) struct Place {
    loaded_at: Timestamp,
    began: Instant,
    /// What is left of the patience that one request has with Redis.
    patience: Duration,
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}

impl Far {
    pub(crate) fn new(redis: &Redis, values: &Arc<Values>, limits: &CacheLimits, metrics: &CacheMetrics) -> Self {
        let (redis, values, metrics) = (redis.clone(), Arc::clone(values), metrics.clone());
        Self { redis, values, ttl: limits.ttl, metrics }
    }

    /// What there is at `text`.
    pub(crate) async fn read(&self, text: &str, counters: &Counters) -> Found {
        let Some(mac) = &self.values.mac else { return Found::NoAnswer };
        let asked = Instant::now();
        let patience = self.redis.command_timeout();
        let key = self.redis.key(text);
        let (found, kept) = match self.ask(&key, patience).await {
            Ok(answer) => answer,
            Err(_) => {
                counters.redis_unavailable.inc();
                return Found::NoAnswer;
            }
        };
        let now = self.values.clock.now();
        if let Some(sealed) = found.filter(|sealed| sealed != TOMBSTONE) {
            let kept = kept.saturating_sub(asked.elapsed());
            match envelope::open(mac, &key, &sealed) {
                Ok(opened) => {
                    let remaining = envelope::remaining(self.ttl, opened.loaded_at, now, kept);
                    if remaining > Duration::ZERO {
                        counters.redis_hit.inc();
                        return Found::Value(opened.value.to_vec(), remaining);
                    }
                }
                Err(envelope::Forged) => self.refuse(text, counters),
            }
        }
        counters.redis_miss.inc();
        let patience = patience.saturating_sub(asked.elapsed());
        Found::Nothing(Place { loaded_at: now, began: Instant::now(), patience })
    }

    /// What lies at `key`, and how long it is kept.
    async fn ask(&self, key: &str, patience: Duration) -> Result<(Option<Vec<u8>>, Duration), Outage> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("GET").arg(key).cmd("PTTL").arg(key);
        let (found, millis): (Value, i64) = self.redis.query(&pipeline, patience).await?;
        Ok((bytes(found), Duration::from_millis(u64::try_from(millis).unwrap_or(0))))
    }

    fn refuse(&self, text: &str, counters: &Counters) {
        counters.redis_refused.inc();
        if self.metrics.may_warn() {
            let cache = crate::key::name_of(text).unwrap_or_default();
            tracing::warn!(
                cache,
                "Redis holds a value that this installation did not make for its key, and which is ignored: does \
                 somebody else write there, or does a service have another internal secret?"
            );
        }
    }

    /// Puts what was loaded, unless something was invalidated meanwhile or the load took too long.
    pub(crate) async fn put(&self, text: &str, place: Place, value: &[u8]) {
        let Some(mac) = &self.values.mac else { return };
        let left = self.ttl.saturating_sub(place.began.elapsed());
        if millis(left) == 0 || value.len() > LARGEST {
            return;
        }
        let key = self.redis.key(text);
        let sealed = envelope::seal(mac, &key, place.loaded_at, value);
        let mut pipeline = redis::pipe();
        pipeline.cmd("SET").arg(&key).arg(sealed).arg("PX").arg(millis(left)).arg("NX").ignore();
        // If it does not come about, the next one loads again.
        let _ = self.redis.query::<()>(&pipeline, place.patience).await;
    }

    /// Makes what lies at `text`, or what is being loaded for it anywhere, stale; and tells everybody.
    pub(crate) async fn bury(&self, text: &str, effort: Effort) -> Result<(), Outage> {
        let mut pipeline = redis::pipe();
        pipeline
            .cmd("SET")
            .arg(self.redis.key(text))
            .arg(TOMBSTONE)
            .arg("PX")
            .arg(millis(CacheLimits::LONGEST))
            .ignore();
        match effort {
            Effort::Insist => self.redis.insist(&pipeline, text).await,
            Effort::Once => self.redis.announce(&pipeline, text).await,
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
