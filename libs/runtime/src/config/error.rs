//! What can be wrong with a configuration, each as one sentence for the operator.

use std::{io, path::PathBuf};

/// Why there is no configuration to start with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named cannot be read.
    #[error("the configuration file {} cannot be read: {source}; check the path given with --config", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("the configuration file {} is not TOML: line {line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the parser expected.
        reason: String,
    },
    /// An environment variable is not UTF-8.
    #[error("the environment variable {0} is not UTF-8 text; set it anew or unset it")]
    NotText(String),
    /// There is no such setting.
    #[error("unknown setting \"{name}\" in {origin}; {hint}")]
    Unknown {
        /// The whole name.
        name: String,
        /// Where it was set.
        origin: String,
        /// The nearest known name, or those that there are.
        hint: String,
    },
    /// A setting has a value that it cannot have.
    #[error("the setting \"{name}\" in {origin} is wrong: {reason}")]
    Invalid {
        /// The whole name.
        name: String,
        /// Where it was set.
        origin: String,
        /// What it must be.
        reason: String,
    },
    /// The configuration cannot be shown.
    #[error("the configuration cannot be printed as TOML")]
    Unprintable(#[from] toml::ser::Error),
}
