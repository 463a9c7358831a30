//! The tier in Redis.
//!
//! A value is put with `SET … NX`, and an invalidation does not delete but leaves a tombstone, which stays for as long as
//! any load may take: what was loaded before an invalidation, in whatever process, finds the place taken and stays out.
//! Values that are invalidated by the group carry the group's epoch instead: a random text beside them that every
//! invalidation replaces. What was loaded under another epoch, or while there was none, is not served.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use redis::Value;
use rollcall_base::Timestamp;

use crate::{
    CacheLimits, Redis,
    envelope::{self, Epoch, LARGEST, TOMBSTONE},
    metrics::{CacheMetrics, Counters},
    redis::Outage,
    tiers::Values,
};

/// How long an epoch stays when nobody replaces it. Long beside any value's life; without it values only load anew.
const EPOCH_LIFE: Duration = Duration::from_secs(60 * 60);

/// A cache's values in Redis.
pub(crate) struct Far {
    redis: Redis,
    values: Arc<Values>,
    ttl: Duration,
    by_group: bool,
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
    epoch: Epoch,
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
    pub(crate) fn new(
        redis: &Redis,
        values: &Arc<Values>,
        limits: &CacheLimits,
        by_group: bool,
        metrics: &CacheMetrics,
    ) -> Self {
        let (redis, values, metrics) = (redis.clone(), Arc::clone(values), metrics.clone());
        Self { redis, values, ttl: limits.ttl, by_group, metrics }
    }

    /// What there is at `text`, whose group is `group`.
    pub(crate) async fn read(&self, text: &str, group: &str, counters: &Counters) -> Found {
        let Some(mac) = &self.values.mac else { return Found::NoAnswer };
        let asked = Instant::now();
        let patience = self.redis.command_timeout();
        let key = self.redis.key(text);
        let (found, kept, epoch) = match self.ask(&key, group, patience).await {
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
                    if remaining > Duration::ZERO && epoch.is_none_or(|epoch| epoch == opened.epoch) {
                        counters.redis_hit.inc();
                        return Found::Value(opened.value.to_vec(), remaining);
                    }
                }
                Err(envelope::Forged) => self.refuse(text, counters),
            }
        }
        counters.redis_miss.inc();
        let epoch = match epoch {
            None => Epoch::default(),
            Some(epoch) if epoch != Epoch::default() => epoch,
            Some(_) => match self.begin_epoch(group, patience.saturating_sub(asked.elapsed())).await {
                Some(epoch) => epoch,
                None => return Found::NoAnswer,
            },
        };
        let patience = patience.saturating_sub(asked.elapsed());
        Found::Nothing(Place { epoch, loaded_at: now, began: Instant::now(), patience })
    }

    /// What lies at `key`, how long it is kept, and of a value in a group the group's epoch: zeros if there is none.
    async fn ask(
        &self,
        key: &str,
        group: &str,
        patience: Duration,
    ) -> Result<(Option<Vec<u8>>, Duration, Option<Epoch>), Outage> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("GET").arg(key).cmd("PTTL").arg(key);
        let kept = |millis: i64| Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        if !self.by_group {
            let (found, millis): (Value, i64) = self.redis.query(&pipeline, patience).await?;
            return Ok((bytes(found), kept(millis), None));
        }
        pipeline.cmd("GET").arg(self.redis.key(group));
        let (found, millis, epoch): (Value, i64, Value) = self.redis.query(&pipeline, patience).await?;
        let epoch = bytes(epoch).and_then(|epoch| Epoch::try_from(epoch).ok()).unwrap_or_default();
        Ok((bytes(found), kept(millis), Some(epoch)))
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

    /// The group's epoch, which is begun if there is none.
    async fn begin_epoch(&self, group: &str, patience: Duration) -> Option<Epoch> {
        let key = self.redis.key(group);
        let mut pipeline = redis::pipe();
        pipeline.cmd("SET").arg(&key).arg(&self.fresh_epoch()).arg("NX").arg("PX").arg(millis(EPOCH_LIFE)).ignore();
        pipeline.cmd("GET").arg(&key);
        let (epoch,): (Value,) = self.redis.query(&pipeline, patience).await.ok()?;
        bytes(epoch).and_then(|epoch| Epoch::try_from(epoch).ok())
    }

    fn fresh_epoch(&self) -> Epoch {
        let mut epoch = Epoch::default();
        self.values.entropy.fill(&mut epoch);
        // Zeros mean that there is none.
        epoch[0] |= 1;
        epoch
    }

    /// Puts what was loaded, unless something was invalidated meanwhile or the load took too long.
    pub(crate) async fn put(&self, text: &str, place: Place, value: &[u8]) {
        let Some(mac) = &self.values.mac else { return };
        let left = self.ttl.saturating_sub(place.began.elapsed());
        if millis(left) == 0 || value.len() > LARGEST {
            return;
        }
        let key = self.redis.key(text);
        let sealed = envelope::seal(mac, &key, place.loaded_at, place.epoch, value);
        let mut pipeline = redis::pipe();
        pipeline.cmd("SET").arg(&key).arg(sealed).arg("PX").arg(millis(left));
        if !self.by_group {
            pipeline.arg("NX");
        }
        // If it does not come about, the next one loads again.
        let _ = self.redis.query::<()>(pipeline.ignore(), place.patience).await;
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

    /// Makes everything of `group` stale, and tells everybody.
    pub(crate) async fn renew(&self, group: &str) -> Result<(), Outage> {
        let mut pipeline = redis::pipe();
        let key = self.redis.key(group);
        pipeline.cmd("SET").arg(key).arg(&self.fresh_epoch()).arg("PX").arg(millis(EPOCH_LIFE)).ignore();
        self.redis.insist(&pipeline, group).await
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
