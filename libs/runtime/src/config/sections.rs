//! The sections of the configuration. Units stand in the names; meanings in `config.default.toml`.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf};

use rollcall_base::PageLimits;
use rollcall_cache::RedisUrl;
use serde::{Deserialize, Serialize};

use super::{DatabaseUrl, InternalSecret, Network, PeerUrls};

/// One place to listen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerConfig {
    /// Address and port; port 0 lets the system choose.
    pub address: SocketAddr,
    /// What is served here.
    pub surfaces: Surfaces,
    /// With these files the listener speaks HTTPS.
    pub tls: Option<TlsFiles>,
}

/// Certificate chain and private key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The certificate, followed by its intermediates.
    pub cert: PathBuf,
    /// The private key (PKCS#8, PKCS#1 or SEC1).
    pub key: PathBuf,
}

/// A part of what the service offers over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Surface {
    /// SCIM, for identity providers.
    Scim,
    /// OAuth's token endpoint and its metadata, for clients that get access tokens.
    Oauth,
    /// Who a user is and which groups they are in, for what enforces access.
    Lookup,
    /// What services of one installation ask each other.
    Internal,
    /// `/health/live` and `/health/ready`.
    Health,
    /// `/metrics`.
    Metrics,
}

impl Surface {
    /// As it stands in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scim => "scim",
            Self::Oauth => "oauth",
            Self::Lookup => "lookup",
            Self::Internal => "internal",
            Self::Health => "health",
            Self::Metrics => "metrics",
        }
    }
}

/// The surfaces of a listener.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Surfaces(BTreeSet<Surface>);

impl Surfaces {
    /// Whether `surface` is among them.
    pub fn serves(&self, surface: Surface) -> bool {
        self.0.contains(&surface)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Surface> for Surfaces {
    fn from_iter<I: IntoIterator<Item = Surface>>(surfaces: I) -> Self {
        Self(surfaces.into_iter().collect())
    }
}

/// How HTTP is spoken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each stands in config.default.toml
pub struct HttpConfig {
    pub trusted_proxies: Vec<Network>,
    pub body_bytes: usize,
    pub header_bytes: usize,
    pub header_seconds: u64,
    pub body_seconds: u64,
    pub write_seconds: u64,
    pub keep_alive_seconds: u64,
    pub certificate_seconds: u64,
    pub workers: usize,
    pub shutdown_seconds: u64,
}

/// The database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each stands in config.default.toml
pub struct DatabaseConfig {
    pub url: Option<DatabaseUrl>,
    pub max_connections: u32,
    pub min_connections: u32,
    pub idle_seconds: u64,
    pub lifetime_seconds: u64,
    pub acquire_timeout_ms: u64,
    pub statement_timeout_ms: u64,
    pub lock_timeout_ms: u64,
    pub transaction_timeout_ms: u64,
    pub idle_in_transaction_timeout_ms: u64,
    pub statement_cache: usize,
    pub application_name: Option<String>,
    pub migration_lease_seconds: u64,
    pub group_operations: usize,
    pub group_bytes: usize,
    pub group_ms: u64,
    pub scan_rows: u32,
}

/// How the services of one installation find and trust each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each stands in config.default.toml
pub struct InternalConfig {
    pub secret: Option<InternalSecret>,
    pub secret_file: Option<PathBuf>,
    pub tokens_url: PeerUrls,
    pub directory_url: PeerUrls,
    pub ca: Option<PathBuf>,
    pub connect_ms: u64,
    pub answer_seconds: u64,
    pub drain_seconds: u64,
}

/// What one request may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each stands in config.default.toml
pub struct LimitsConfig {
    pub filter_bytes: usize,
    pub filter_terms: usize,
    pub filter_depth: usize,
    pub bulk_operations: usize,
    pub bulk_bytes: usize,
    pub patch_operations: usize,
    pub members_per_request: usize,
    pub values_per_attribute: usize,
    pub resource_bytes: usize,
    pub list_bytes: usize,
    pub list_members: u32,
    /// Groups in one lookup.
    pub lookup_groups: u32,
    /// Users and groups in a directory that is a draft.
    pub draft_resources: u32,
    pub cursor_seconds: u64,
    pub directory_name_length: usize,
    pub page: PageLimits,
    pub requests: RequestLimits,
    pub unknown_tokens: UnknownTokenLimits,
}

/// How many requests are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each stands in config.default.toml
pub struct RequestLimits {
    pub directory: RateLimit,
    pub tenant: RateLimit,
    pub guaranteed_in_flight: usize,
    pub in_flight: usize,
    pub working: usize,
    pub patience_ms: u64,
    pub turn_seconds: u64,
    pub waiting: usize,
    pub unsent_bytes: u64,
    pub seconds: u64,
}

impl RequestLimits {
    /// Requests a second of one directory, and so many at once, that are always taken. Not a setting: clients that keep to it
    /// rely on it.
    pub const GUARANTEED: u32 = 25;
}

/// A steady rate and how many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each stands in config.default.toml
pub struct RateLimit {
    pub per_second: u32,
    pub burst: u32,
}

/// How often unknown tokens may reach the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each stands in config.default.toml
pub struct UnknownTokenLimits {
    pub per_second: u32,
    pub burst: u32,
    pub total_per_second: u32,
    pub total_burst: u32,
}

/// Access tokens for OAuth clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each stands in config.default.toml
pub struct OAuthConfig {
    pub access_token_seconds: u64,
    pub secret_checks: usize,
    pub secret_check_wait_ms: u64,
    pub token_requests: RateLimit,
}

/// What is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each stands in config.default.toml
pub struct CacheConfig {
    pub seconds: u64,
    pub negative_ms: u64,
    pub entries: u64,
}

/// Redis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each stands in config.default.toml
pub struct RedisConfig {
    pub url: Option<RedisUrl>,
    pub ca: Option<PathBuf>,
    pub prefix: String,
    pub timeout_ms: u64,
    pub connect_ms: u64,
}

/// Logs and traces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each stands in config.default.toml
pub struct TelemetryConfig {
    pub log: String,
    pub format: LogFormat,
    pub service_name: String,
    pub otlp_endpoint: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Who wraps data keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyProvider {
    /// The keyring file on this machine.
    Local,
    /// A key in AWS KMS.
    AwsKms,
}

/// Keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // each stands in config.default.toml
pub struct KeysConfig {
    pub provider: KeyProvider,
    pub keyring: PathBuf,
    pub key_id: Option<String>,
    pub region: Option<String>,
    pub endpoint: Option<String>,
    pub timeout_ms: u64,
    pub refresh_seconds: u64,
    pub limit_seconds: u64,
    pub rotate_days: u64,
}
