//! Why a run ended early.

use std::{io, io::Write as _, path::PathBuf};

/// A run is worth nothing if anything in it went wrong, so every failure ends it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The database refused a statement of the tool or the floor.
    #[error("the database refused")]
    Database(#[from] sqlx::Error),
    /// A file or process.
    #[error("{what}")]
    System {
        /// What was tried.
        what: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// An answer that no request of a run may get.
    #[error("{method} {path} was answered {status}, not {expected}: {body}")]
    Answer {
        /// Of the request.
        method: &'static str,
        /// Of the request.
        path: String,
        /// What came.
        status: u16,
        /// What should have come.
        expected: u16,
        /// The beginning of the body.
        body: String,
    },
    /// A connection broke.
    #[error("a connection broke")]
    Connection(#[from] hyper::Error),
    /// JSON that is not what it should be.
    #[error("an answer or file is not the JSON that was expected")]
    Json(#[from] serde_json::Error),
    /// Something that has no source.
    #[error("{0}")]
    Told(String),
}

impl Failure {
    /// For `map_err` on what the system refuses.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }

    /// For `map_err` on a file.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path: PathBuf = path.to_owned();
        Self::system(format!("{} cannot be read or written", path.display()))
    }
}

/// Says a failure with its causes.
pub(crate) fn say(failure: &Failure) {
    let mut text = failure.to_string();
    let mut cause = std::error::Error::source(failure);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    // Nobody is left to be told if this cannot be written.
    let _ = writeln!(io::stderr(), "rollcall-bench: {text}");
}

/// Says what is being done.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
