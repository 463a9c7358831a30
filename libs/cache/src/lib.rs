//! A typed cache: bounded in entries (and, where values may be large, in bytes) and in age, one load at a time per key, and nothing that was loaded before an
//! invalidation is served after it. It is in this process, and behind it in Redis where there is one; the same for
//! whoever uses it.
//!
//! [`Leases`] are permits of rates that processes share through the same Redis.
//!
//! [`Tiers`] says where a process remembers things; a [`Cache`] is made on it. A value is served for
//! [`CacheLimits::ttl`] after its load began, 30 seconds at most, whatever is lost on the way.

mod cache;
mod envelope;
mod far;
mod key;
mod leases;
mod limits;
mod metrics;
mod redis;
mod stripes;
mod tiers;

pub use cache::Cache;
pub use key::CacheKey;
pub use leases::{Lease, Leases};
pub use limits::{CacheLimits, Told};
pub use metrics::CacheMetrics;
pub use redis::{Redis, RedisSettings, RedisSettingsError, RedisUrl, RedisUrlError};
pub use tiers::Tiers;
