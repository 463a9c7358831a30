//! What a run tells when the server puts it off: else it would stand still without a word.

use std::{fmt, sync::Arc};

/// A request that was answered with 429 or 503 and is sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The request's method.
    pub method: &'static str,
    /// Its path below the Base URL, without the query, which holds names.
    pub path: String,
    /// 429 or 503.
    pub status: u16,
    /// How long is waited before it is sent again.
    pub seconds: u64,
    /// The server's words; may be empty.
    pub detail: String,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, path, status, seconds, detail } = self;
        write!(f, "{method} {path} was answered with {status}")?;
        if !detail.is_empty() {
            write!(f, ": {detail}")?;
        }
        write!(f, "{} Sent again in {seconds} s.", if detail.ends_with('.') { "" } else { "." })
    }
}

/// Who is told of a run's first wait; of later ones nobody is, the report counts them.
#[derive(Clone)]
pub struct OnWait(Arc<dyn Fn(&Waiting) + Send + Sync>);

impl OnWait {
    /// Has `tell` called, at most once a run.
    pub fn new(tell: impl Fn(&Waiting) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, waiting: &Waiting) {
        (self.0)(waiting);
    }
}

impl fmt::Debug for OnWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnWait")
    }
}
