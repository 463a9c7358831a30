//! Why a command did not do what it was told: one clear sentence for the person at the terminal.

use std::error::Error;

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The person can mend it; the text says how.
    #[error("{0}")]
    Told(String),
    /// Something below failed and says itself what to do.
    #[error(transparent)]
    Below(Box<dyn Error + Send + Sync>),
}

impl Failure {
    pub(crate) fn told(text: impl Into<String>) -> Self {
        Self::Told(text.into())
    }
}

macro_rules! from_below {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Below(Box::new(error))
            }
        }
    )+};
}

from_below!(
    rollcall_base::NameError,
    rollcall_cache::RedisSettingsError,
    rollcall_keys::KeyringError,
    prometheus::Error,
    rollcall_runtime::ConfigError,
    rollcall_runtime::PeerError,
    rollcall_runtime::ServeError,
    rollcall_runtime::TelemetryError,
    rollcall_simulator::SimulatorError,
    rollcall_store::ControlError,
    rollcall_store::StoreError,
    rollcall_tokens::TokensError,
    std::io::Error,
);
