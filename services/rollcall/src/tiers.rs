//! Where a process remembers things: as the configuration says, in its memory alone or in Redis, too.

use std::{fs, sync::Arc, time::Duration};

use prometheus::Registry;
use rollcall_access::InternalKeys;
use rollcall_base::{Clock, Entropy, Secret32};
use rollcall_cache::{CacheMetrics, Redis, RedisSettings, Tiers};
use rollcall_keys::LocalKeyring;
use rollcall_runtime::Config;

use crate::failure::Failure;

/// Memory, and Redis if it is configured. Without a keyring the internal secret is needed for that.
pub(crate) async fn shared(
    config: &Config,
    keyring: Option<&LocalKeyring>,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    registry: &Registry,
) -> Result<Tiers, Failure> {
    let metrics = CacheMetrics::new(registry)?;
    let Some(settings) = settings(config)? else { return Ok(Tiers::in_process(metrics)) };
    let redis = Redis::connect(settings, Arc::clone(entropy), &metrics).await?;
    Ok(Tiers::with_redis(redis, key(config, keyring)?, Arc::clone(clock), metrics))
}

/// For commands: what they change is forgotten in Redis, if it is configured, and by all who listen to it.
pub(crate) async fn telling(
    config: &Config,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Tiers, Failure> {
    let metrics = CacheMetrics::new(&Registry::new())?;
    let Some(settings) = settings(config)? else { return Ok(Tiers::in_process(metrics)) };
    let redis = Redis::connect(settings, Arc::clone(entropy), &metrics).await?;
    Ok(Tiers::telling(redis, Arc::clone(clock), metrics))
}

/// Memory; and if Redis is configured, what other processes invalidate is forgotten there, and rates are shared with them.
pub(crate) async fn listening(
    config: &Config,
    entropy: &Arc<dyn Entropy>,
    registry: &Registry,
) -> Result<Tiers, Failure> {
    let metrics = CacheMetrics::new(registry)?;
    let Some(settings) = settings(config)? else { return Ok(Tiers::in_process(metrics)) };
    let redis = Redis::connect(settings, Arc::clone(entropy), &metrics).await?;
    Ok(Tiers::listening(redis, metrics))
}

/// Values are sealed with a key of the internal secret where there is one, so that `all` and the services apart read each
/// other's; else with one of the keyring.
fn key(config: &Config, keyring: Option<&LocalKeyring>) -> Result<Secret32, Failure> {
    if let Some(secret) = config.internal_secret()? {
        return Ok(InternalKeys::derive(&secret).cache_key());
    }
    keyring.map(|keyring| keyring.derive("cache")).ok_or_else(|| {
        Failure::told(
            "with redis.url this needs internal.secret or internal.secret_file, the same as the other services have",
        )
    })
}

fn settings(config: &Config) -> Result<Option<RedisSettings>, Failure> {
    let redis = &config.redis;
    let Some(url) = redis.url.clone() else { return Ok(None) };
    let ca = redis.ca.as_ref().map(|path| {
        fs::read(path).map_err(|error| Failure::told(format!("redis.ca: {} cannot be read: {error}", path.display())))
    });
    Ok(Some(RedisSettings {
        url,
        ca: ca.transpose()?,
        prefix: redis.prefix.clone(),
        command_timeout: Duration::from_millis(redis.timeout_ms),
        connect_timeout: Duration::from_millis(redis.connect_ms),
    }))
}
