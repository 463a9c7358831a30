//! The parts that processes are composed of.

use std::{sync::Arc, thread, time::Duration};

use rollcall_access::InternalKeys;
use rollcall_base::{Clock, Entropy, Rate, SystemClock, SystemEntropy};
use rollcall_cache::Tiers;
use rollcall_directory::{CursorKey, DirectoryLimits, DirectoryService, Lookups};
use rollcall_gateway::Limiter;
use rollcall_keys::LocalKeyring;
use rollcall_runtime::{
    Config, Metrics,
    config::{LimitsConfig, RateLimit},
};
use rollcall_scim::{Limits, schema::Registry};
use rollcall_store::Store;
use rollcall_tokens::TokensConfig;

use crate::{failure::Failure, installation, tiers};

/// What every process has.
pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) metrics: Metrics,
}

impl Shared {
    pub(super) fn new() -> Result<Self, Failure> {
        Ok(Self { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy), metrics: Metrics::new()? })
    }

    /// The database, which must be there and up to date.
    pub(super) async fn store(&self, config: &Config) -> Result<Store, Failure> {
        let settings = installation::store_config(config);
        Ok(Store::open(&settings, Arc::clone(&self.clock), Arc::clone(&self.entropy)).await?)
    }

    /// Where this process remembers things: in its memory, and in Redis if it is configured. Without a keyring the internal
    /// secret is needed.
    pub(super) async fn tiers(&self, config: &Config, keyring: Option<&LocalKeyring>) -> Result<Tiers, Failure> {
        tiers::shared(config, keyring, &self.clock, &self.entropy, self.metrics.registry()).await
    }

    /// What the edge takes, together with the other gateways if `tiers` reach a Redis.
    pub(super) fn limiter(&self, config: &Config, tiers: &Tiers) -> Result<Limiter, Failure> {
        Ok(Limiter::new(edge_limits(config), tiers.leases(), Arc::clone(&self.clock), self.metrics.registry())?)
    }

    /// The directory service on `store`.
    pub(super) fn directory(
        &self,
        config: &Config,
        store: Store,
        cursor_key: CursorKey,
        tiers: &Tiers,
    ) -> Result<DirectoryService, Failure> {
        let (registry, clock) = (Registry::standard(), Arc::clone(&self.clock));
        let (metrics, entropy) = (self.metrics.registry(), Arc::clone(&self.entropy));
        let lookups = Lookups::new(installation::tokens_config(config).cache_limits(), tiers, entropy);
        Ok(DirectoryService::new(store, registry, limits(config), clock, cursor_key, lookups, metrics)?)
    }
}

/// Cursors are signed with a key of the internal secret where there is one, so that `all` and the services apart read
/// each other's; else with one of the keyring.
pub(super) fn cursor_key(config: &Config, keyring: &LocalKeyring) -> Result<CursorKey, Failure> {
    let internal = config.internal_secret()?.map(|secret| InternalKeys::derive(&secret).cursor_key());
    Ok(CursorKey::new(internal.unwrap_or_else(|| keyring.derive("cursor"))))
}

/// The settings of two caches in a row, as gateway and token service have them: each keeps what it knows for half the
/// time, so that both together hold the bound.
pub(super) fn half_the_time(config: &Config) -> TokensConfig {
    let whole = installation::tokens_config(config);
    TokensConfig {
        cache_ttl: whole.cache_ttl.min(TokensConfig::LONGEST_TTL) / 2,
        negative_ttl: whole.negative_ttl / 2,
        ..whole
    }
}

fn edge_limits(config: &Config) -> rollcall_gateway::Limits {
    let (requests, rate) = (&config.limits.requests, |limit: RateLimit| Rate::new(limit.per_second, limit.burst));
    rollcall_gateway::Limits {
        directory: rate(requests.directory),
        tenant: rate(requests.tenant),
        guaranteed_in_flight: requests.guaranteed_in_flight,
        in_flight: requests.in_flight,
        working: match requests.working {
            0 => thread::available_parallelism().map_or(1, usize::from),
            working => working,
        },
        patience: Duration::from_millis(requests.patience_ms),
        turn_within: Duration::from_secs(requests.turn_seconds),
        waiting: requests.waiting,
        answer_within: Duration::from_secs(requests.seconds),
        unsent_bytes: requests.unsent_bytes,
        write_within: Duration::from_secs(config.http.write_seconds),
        header_bytes: config.http.header_bytes,
    }
}

fn limits(config: &Config) -> DirectoryLimits {
    let limits: &LimitsConfig = &config.limits;
    DirectoryLimits {
        scim: Limits {
            filter_bytes: limits.filter_bytes,
            filter_terms: limits.filter_terms,
            filter_depth: limits.filter_depth,
            patch_operations: limits.patch_operations,
            members: limits.members_per_request,
            values: limits.values_per_attribute,
            bulk_operations: limits.bulk_operations,
            bulk_bytes: limits.bulk_bytes,
        },
        page: limits.page,
        lookup_groups: limits.lookup_groups,
        draft_resources: limits.draft_resources,
        body_bytes: config.http.body_bytes,
        resource_bytes: limits.resource_bytes,
        list_members: limits.list_members,
        cursor_lifetime: Duration::from_secs(limits.cursor_seconds),
    }
}

#[cfg(test)]
mod tests {
    use rollcall_runtime::config::Overrides;

    use super::*;

    #[test]
    fn what_gateway_and_token_service_remember_in_turn_is_within_the_bound() {
        for seconds in ["0", "1", "30"] {
            let environment = [("ROLLCALL_CACHE__SECONDS".into(), seconds.into())];
            let config = Config::load_with(None, environment, &Overrides::default()).unwrap();
            let (half, whole) = (half_the_time(&config), installation::tokens_config(&config));
            assert!(2 * half.cache_ttl <= whole.cache_ttl.min(TokensConfig::LONGEST_TTL), "{seconds}");
            assert!(2 * half.negative_ttl <= whole.negative_ttl);
        }
    }
}
