//! What every role of the service starts with: configuration, telemetry, and an HTTP server with request ids, traces,
//! metrics, health, limits and an orderly stop.

pub mod config;
pub mod http;
pub mod telemetry;

pub use config::{Config, ConfigError, Overrides, PublicUrl, Surface, Surfaces};
pub use http::{ClientAddress, Metrics, ReadinessCheck, RequestId, ServeError, Server, ServerSettings, stop_signal};
pub use telemetry::{TelemetryError, TelemetryGuard};
