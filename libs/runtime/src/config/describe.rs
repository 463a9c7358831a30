//! The configuration that holds, for `rollcall config check`.

use super::{Config, ConfigError};

impl Config {
    /// The effective configuration as TOML: derived values filled in, secrets hidden.
    ///
    /// # Errors
    /// [`ConfigError::Unprintable`] if a path is not UTF-8.
    pub fn describe(&self) -> Result<String, ConfigError> {
        let mut shown = self.clone();
        shown.public_url = Some(self.public_url(&[]));
        shown.database.url = Some(self.database_url());
        Ok(toml::to_string_pretty(&shown)?)
    }
}
