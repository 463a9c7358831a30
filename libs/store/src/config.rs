//! What the store is told when it is opened.

/// Where the data is and how hard to try.
#[derive(Clone)]
pub struct StoreConfig {
    /// `sqlite:///path/file.db` or `postgres://user:password@host/database`. May hold a password: never log it.
    pub url: String,
    /// Connections of the pool; for SQLite those that read (one more writes).
    pub max_connections: u32,
    /// How long a request waits for a connection or for room in the write queue, in milliseconds.
    pub acquire_timeout_ms: u64,
    /// How long a statement may run (PostgreSQL) or wait for another process's lock (SQLite), in milliseconds.
    pub statement_timeout_ms: u64,
    /// SQLite: at most so many writes share one commit.
    pub group_operations: usize,
    /// SQLite: writes of at most so many bytes together share one commit.
    pub group_bytes: usize,
    /// SQLite: a group takes no further write after so many milliseconds.
    pub group_millis: u64,
    /// A filter that no index serves looks at no more rows than this; above, the answer is 400 `tooMany`.
    pub scan_rows: u32,
    /// A list whose resources have more bytes of JSON together is 400 `tooMany`.
    pub list_bytes: usize,
}

impl StoreConfig {
    /// The defaults for the database at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 8,
            acquire_timeout_ms: 5_000,
            statement_timeout_ms: 10_000,
            group_operations: 64,
            group_bytes: 4 * 1024 * 1024,
            group_millis: 20,
            scan_rows: 10_000,
            list_bytes: 16 * 1024 * 1024,
        }
    }
}

impl std::fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = self.url.split(':').next().unwrap_or_default();
        f.debug_struct("StoreConfig").field("url", &format_args!("{scheme}:…")).finish_non_exhaustive()
    }
}
