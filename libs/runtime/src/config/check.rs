//! Values that have the right shape but cannot hold.

use rollcall_base::{DAY, DirectoryName};

use super::{Config, ConfigError, KeyProvider, KeysConfig, RedisConfig, RequestLimits};

/// Refuses what could not work.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    listeners(config)?;
    positive(config)?;
    let limits = &config.limits;
    within("limits.directory_name_length", limits.directory_name_length as u64, 1, DirectoryName::LONGEST as u64)?;
    within("limits.page.default", u64::from(limits.page.default), 1, u64::from(limits.page.max))?;
    within("http.header_bytes", config.http.header_bytes as u64, 4_096, 98_304)?;
    requests(&limits.requests, config.http.body_seconds)?;
    within("cache.seconds", config.cache.seconds, 0, 30)?;
    within("cache.negative_ms", config.cache.negative_ms, 0, 1000)?;
    within("oauth.access_token_seconds", config.oauth.access_token_seconds, 300, 86_400)?;
    within("oauth.secret_checks", config.oauth.secret_checks as u64, 1, 64)?;
    for (name, value) in [
        ("oauth.token_requests.per_second", config.oauth.token_requests.per_second),
        ("oauth.token_requests.burst", config.oauth.token_requests.burst),
    ] {
        // Who asks before each of its guaranteed requests is not refused.
        within(name, value.into(), RequestLimits::GUARANTEED.into(), 1_000_000)?;
    }
    within("oauth.secret_check_wait_ms", config.oauth.secret_check_wait_ms, 0, 30_000)?;
    internal(config)?;
    redis(&config.redis)?;
    keys(&config.keys)?;
    let database = &config.database;
    within("database.min_connections", database.min_connections.into(), 0, database.max_connections.into())?;
    within("database.statement_cache", database.statement_cache as u64, 0, 10_000)?;
    within("database.migration_lease_seconds", database.migration_lease_seconds, 5, 3_600)?;
    if let Some(url) = &config.database.url {
        let known = ["sqlite:", "postgres://", "postgresql://"];
        require(
            "database.url",
            known.iter().any(|scheme| url.expose().starts_with(scheme)),
            "it must begin with postgres:// or sqlite://",
        )?;
    }
    if let Some(endpoint) = &config.telemetry.otlp_endpoint {
        require(
            "telemetry.otlp_endpoint",
            endpoint.parse::<super::PublicUrl>().is_ok(),
            "it must be like \"http://127.0.0.1:4318\": http or https, a host, and neither user, query nor fragment",
        )?;
    }
    require(
        "telemetry.log",
        crate::telemetry::reads_as_filter(&config.telemetry.log),
        "it must be a level such as \"info\", or several for parts such as \"info,rollcall_store=debug\"",
    )
}

/// A directory has its guarantee; and a request that is waited for is not given up before its body could come.
fn requests(requests: &RequestLimits, body_seconds: u64) -> Result<(), ConfigError> {
    const MOST: u64 = 1_000_000;
    let least = u64::from(RequestLimits::GUARANTEED);
    for (name, value) in [
        ("limits.requests.directory.per_second", requests.directory.per_second),
        ("limits.requests.directory.burst", requests.directory.burst),
        ("limits.requests.tenant.per_second", requests.tenant.per_second),
        ("limits.requests.tenant.burst", requests.tenant.burst),
    ] {
        within(name, value.into(), least, MOST)?;
    }
    within("limits.requests.in_flight", requests.in_flight as u64, 1, MOST)?;
    within("limits.requests.guaranteed_in_flight", requests.guaranteed_in_flight as u64, least, MOST)?;
    within("limits.requests.working", requests.working as u64, 0, MOST)?;
    within("limits.requests.patience_ms", requests.patience_ms, 0, 10_000)?;
    within("limits.requests.waiting", requests.waiting as u64, 0, MOST)?;
    within("limits.requests.unsent_bytes", requests.unsent_bytes, 1 << 20, 1 << 40)?;
    within("limits.requests.turn_seconds", requests.turn_seconds, 0, requests.seconds.saturating_sub(1))?;
    require(
        "limits.requests.seconds",
        requests.seconds > body_seconds && requests.seconds <= 86_400,
        &format!(
            "it must be more than http.body_seconds, which is {body_seconds}, and at most 86400, not {}",
            requests.seconds
        ),
    )
}

fn redis(redis: &RedisConfig) -> Result<(), ConfigError> {
    within("redis.timeout_ms", redis.timeout_ms, 1, 1_000)?;
    within("redis.connect_ms", redis.connect_ms, 1, 10_000)?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    require(
        "redis.prefix",
        !redis.prefix.is_empty() && redis.prefix.len() <= 64 && redis.prefix.chars().all(plain),
        "it must be 1 to 64 letters, digits, dots, hyphens and underscores",
    )
}

fn keys(keys: &KeysConfig) -> Result<(), ConfigError> {
    let day = DAY.as_secs();
    within("keys.timeout_ms", keys.timeout_ms, 100, 60_000)?;
    within("keys.refresh_seconds", keys.refresh_seconds, 60, keys.limit_seconds.min(day))?;
    within("keys.limit_seconds", keys.limit_seconds, 60, day)?;
    within("keys.rotate_days", keys.rotate_days, 0, 3_650)?;
    if let Some(endpoint) = &keys.endpoint {
        require(
            "keys.endpoint",
            endpoint.parse::<super::PublicUrl>().is_ok(),
            "it must be like \"https://kms.eu-central-1.amazonaws.com\": http or https, a host, and neither user, query \
             nor fragment",
        )?;
    }
    let named = keys.key_id.as_ref().is_some_and(|id| !id.trim().is_empty());
    require(
        "keys.key_id",
        keys.provider == KeyProvider::Local || named,
        "with the provider \"aws-kms\" it must name the key that wraps, for example \"alias/rollcall\"",
    )
}

fn listeners(config: &Config) -> Result<(), ConfigError> {
    require("listeners", !config.listeners.is_empty(), "there must be at least one")?;
    for (index, listener) in config.listeners.iter().enumerate() {
        let name = format!("listeners.{index}");
        require(
            &name,
            !listener.surfaces.is_empty(),
            "its surfaces must name at least one of scim, oauth, lookup, internal, health, metrics",
        )?;
        let twice = listener.address.port() != 0
            && config.listeners[..index].iter().any(|earlier| earlier.address == listener.address);
        require(&name, !twice, "another listener has the same address; give one of them another port")?;
    }
    Ok(())
}

/// The shared secret, and addresses that can be spoken to.
fn internal(config: &Config) -> Result<(), ConfigError> {
    let internal = &config.internal;
    if let Some(secret) = &internal.secret {
        require(
            "internal.secret",
            secret.secret().expose().len() >= 32,
            "it must have at least 32 bytes; make one with `openssl rand -hex 32`",
        )?;
    }
    for (name, urls) in
        [("internal.tokens_url", &internal.tokens_url), ("internal.directory_url", &internal.directory_url)]
    {
        let secure = urls.addresses().iter().any(|url| url.as_str().starts_with("https:"));
        require(
            name,
            !secure || internal.ca.is_some(),
            "it is an https address, so internal.ca must name the file with the certificate of its issuer",
        )?;
    }
    Ok(())
}

/// A limit of nothing would refuse everything, and no way to turn a limit off is offered.
fn positive(config: &Config) -> Result<(), ConfigError> {
    let (http, database, limits) = (&config.http, &config.database, &config.limits);
    for (name, value) in [
        ("http.body_bytes", http.body_bytes as u64),
        ("http.header_seconds", http.header_seconds),
        ("http.body_seconds", http.body_seconds),
        ("http.write_seconds", http.write_seconds),
        ("http.certificate_seconds", http.certificate_seconds),
        ("internal.connect_ms", config.internal.connect_ms),
        ("internal.answer_seconds", config.internal.answer_seconds),
        ("database.max_connections", u64::from(database.max_connections)),
        ("database.acquire_timeout_ms", database.acquire_timeout_ms),
        ("database.statement_timeout_ms", database.statement_timeout_ms),
        ("database.lock_timeout_ms", database.lock_timeout_ms),
        ("database.transaction_timeout_ms", database.transaction_timeout_ms),
        ("database.idle_in_transaction_timeout_ms", database.idle_in_transaction_timeout_ms),
        ("database.group_operations", database.group_operations as u64),
        ("database.group_bytes", database.group_bytes as u64),
        ("database.scan_rows", u64::from(database.scan_rows)),
        ("limits.filter_bytes", limits.filter_bytes as u64),
        ("limits.filter_terms", limits.filter_terms as u64),
        ("limits.filter_depth", limits.filter_depth as u64),
        ("limits.bulk_operations", limits.bulk_operations as u64),
        ("limits.bulk_bytes", limits.bulk_bytes as u64),
        ("limits.patch_operations", limits.patch_operations as u64),
        ("limits.members_per_request", limits.members_per_request as u64),
        ("limits.values_per_attribute", limits.values_per_attribute as u64),
        ("limits.resource_bytes", limits.resource_bytes as u64),
        ("limits.list_bytes", limits.list_bytes as u64),
        ("limits.list_members", u64::from(limits.list_members)),
        ("limits.lookup_groups", u64::from(limits.lookup_groups)),
        ("limits.draft_resources", u64::from(limits.draft_resources)),
        ("limits.cursor_seconds", limits.cursor_seconds),
        ("limits.unknown_tokens.per_second", u64::from(limits.unknown_tokens.per_second)),
        ("limits.unknown_tokens.burst", u64::from(limits.unknown_tokens.burst)),
        ("limits.unknown_tokens.total_per_second", u64::from(limits.unknown_tokens.total_per_second)),
        ("limits.unknown_tokens.total_burst", u64::from(limits.unknown_tokens.total_burst)),
        ("cache.entries", config.cache.entries),
    ] {
        require(name, value > 0, "it must be 1 or more")?;
    }
    Ok(())
}

fn within(name: &str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    require(name, (least..=most).contains(&value), &format!("it must be from {least} to {most}, not {value}"))
}

fn require(name: &str, holds: bool, reason: &str) -> Result<(), ConfigError> {
    if holds {
        return Ok(());
    }
    Err(ConfigError::Invalid {
        name: name.to_owned(),
        origin: "the configuration".to_owned(),
        reason: reason.to_owned(),
    })
}
