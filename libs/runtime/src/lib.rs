//! What every role of the service starts with: configuration, telemetry, and an HTTP server with request ids, traces,
//! metrics, health, limits and an orderly stop.

pub mod config;
pub mod http;
pub mod peers;
pub mod telemetry;

pub use config::{
    CacheConfig, Config, ConfigError, DatabaseConfig, DatabaseUrl, HttpConfig, InternalConfig, KeysConfig,
    LimitsConfig, ListenerConfig, LogFormat, Overrides, PublicUrl, Surface, Surfaces, TelemetryConfig,
    UnknownTokenLimits,
};
pub use http::{
    BaseUrl, ClientAddress, Metrics, ReadinessCheck, RequestId, ServeError, Server, ServerSettings, stop_signal,
};
pub use peers::{Peer, PeerError, Peers};
pub use telemetry::{TelemetryError, TelemetryGuard};
