//! What an operator sets. `config.default.toml` is the reference of every setting.

mod check;
mod describe;
mod error;
mod internal;
mod load;
mod sections;
mod values;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

pub use error::ConfigError;
pub use internal::{InternalSecret, PeerUrls};
use rollcall_base::SecretText;
pub use sections::{
    CacheConfig, DatabaseConfig, HttpConfig, InternalConfig, KeyProvider, KeysConfig, LimitsConfig, ListenerConfig,
    LogFormat, OAuthConfig, RateLimit, RedisConfig, RequestLimits, Surface, Surfaces, TelemetryConfig, TlsFiles,
    UnknownTokenLimits,
};
use serde::{Deserialize, Serialize};
pub use values::{DatabaseUrl, Network, PublicUrl, PublicUrlError};

/// The embedded reference file: every setting, its default and its meaning.
pub const DEFAULT_CONFIG: &str = include_str!("../../config.default.toml");

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where clients reach the service, if it was set.
    pub public_url: Option<PublicUrl>,
    /// The folder for what is kept on this machine.
    pub data_dir: PathBuf,
    /// Where to listen; at least one.
    pub listeners: Vec<ListenerConfig>,
    /// How HTTP is spoken.
    pub http: HttpConfig,
    /// How services find and trust each other.
    pub internal: InternalConfig,
    /// The database.
    pub database: DatabaseConfig,
    /// What one request may ask for.
    pub limits: LimitsConfig,
    /// Access tokens for OAuth clients.
    pub oauth: OAuthConfig,
    /// What is remembered.
    pub cache: CacheConfig,
    /// What is shared between processes.
    pub redis: RedisConfig,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
    /// Keys.
    pub keys: KeysConfig,
}

/// What the command line sets over file and environment.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--listen`: the first listener's address.
    pub listen: Option<SocketAddr>,
}

impl Config {
    /// The configuration that holds: defaults, then `file`, then the process's environment, then `overrides`.
    ///
    /// # Errors
    /// [`ConfigError`], one sentence that names the setting, where it was set and what to do.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Self, ConfigError> {
        Self::load_with(file, std::env::vars_os(), overrides)
    }

    /// As [`Config::load`], with `environment` in place of the process's.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let mut config = load::layers(file, environment)?;
        if let Some(data_dir) = &overrides.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        if let (Some(listen), Some(first)) = (overrides.listen, config.listeners.first_mut()) {
            first.address = listen;
        }
        check::check(&config)?;
        Ok(config)
    }

    /// The public address: as set, else that of the first listener that serves `scim`, taken from `bound`, the addresses
    /// that the listeners got (a listener on port 0 gets one from the system).
    pub fn public_url(&self, bound: &[SocketAddr]) -> PublicUrl {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let index = self.listeners.iter().position(|listener| listener.surfaces.serves(Surface::Scim)).unwrap_or(0);
        let listener = self.listeners.get(index);
        let address = bound.get(index).copied().or(listener.map(|listener| listener.address));
        let secure = listener.is_some_and(|listener| listener.tls.is_some());
        PublicUrl::of_listener(address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 80))), secure)
    }

    /// The database's address: as set, else SQLite in [`Config::data_dir`].
    pub fn database_url(&self) -> DatabaseUrl {
        self.database.url.clone().unwrap_or_else(|| DatabaseUrl::sqlite(&self.embedded_file()))
    }

    /// The file of the embedded database; none if another database is configured.
    pub fn embedded_database(&self) -> Option<PathBuf> {
        self.database.url.is_none().then(|| self.embedded_file())
    }

    fn embedded_file(&self) -> PathBuf {
        self.data_dir.join("rollcall.db")
    }

    /// The secret that the services of this installation share: as set, else as the file holds it; `None` if neither is
    /// configured.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] if the file cannot be read or holds too little.
    pub fn internal_secret(&self) -> Result<Option<SecretText>, ConfigError> {
        internal::secret(&self.internal)
    }

    /// The keyring's file.
    pub fn keyring_path(&self) -> PathBuf {
        self.data_dir.join(&self.keys.keyring)
    }
}

#[cfg(test)]
mod tests;
