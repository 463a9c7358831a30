//! What the store is told when it is opened.

use std::time::Duration;

/// Where the data is and how hard to try.
#[derive(Clone)]
pub struct StoreConfig {
    /// `sqlite:///path/file.db` or `postgres://user:password@host/database`; of several hosts, between commas, the one
    /// that accepts writes is used. May hold a password: never log it.
    pub url: String,
    /// Connections of the pool; for SQLite those that read (one more writes).
    pub max_connections: u32,
    /// PostgreSQL: connections that are kept even when nobody needs them.
    pub min_connections: u32,
    /// PostgreSQL: a connection that nobody needed for so many seconds is closed; 0: never.
    pub idle_seconds: u64,
    /// PostgreSQL: a connection is closed after so many seconds; 0: never.
    pub lifetime_seconds: u64,
    /// PostgreSQL: prepared statements kept by each connection; 0 keeps none, for poolers in transaction mode.
    pub statement_cache: usize,
    /// PostgreSQL: what the server calls the connections, unless the URL says it.
    pub application_name: String,
    /// How long a request waits for a connection or for room in the write queue, in milliseconds.
    pub acquire_timeout_ms: u64,
    /// How long a statement may run (PostgreSQL) or wait for another process's lock (SQLite), in milliseconds.
    pub statement_timeout_ms: u64,
    /// PostgreSQL: how long a statement may wait for a lock, in milliseconds.
    pub lock_timeout_ms: u64,
    /// PostgreSQL: how long a change may take in all its statements, in milliseconds.
    pub transaction_timeout_ms: u64,
    /// PostgreSQL: after so many milliseconds the server ends a transaction whose process says nothing.
    pub idle_in_transaction_timeout_ms: u64,
    /// PostgreSQL: how long a migration that has died holds up the next one, in milliseconds.
    pub migration_lease_ms: u64,
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
            min_connections: 0,
            idle_seconds: 600,
            lifetime_seconds: 1_800,
            statement_cache: 256,
            application_name: "rollcall".to_owned(),
            acquire_timeout_ms: 5_000,
            statement_timeout_ms: 10_000,
            lock_timeout_ms: 5_000,
            transaction_timeout_ms: 30_000,
            idle_in_transaction_timeout_ms: 30_000,
            migration_lease_ms: 30_000,
            group_operations: 64,
            group_bytes: 4 * 1024 * 1024,
            group_millis: 20,
            scan_rows: 10_000,
            list_bytes: 16 * 1024 * 1024,
        }
    }
}

impl StoreConfig {
    /// How long to wait for one answer: a server that works has ended the statement by then.
    pub(crate) fn answer_within(&self) -> Duration {
        Duration::from_millis(self.acquire_timeout_ms.saturating_add(self.statement_timeout_ms).saturating_add(1_000))
    }
}

impl std::fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = self.url.split(':').next().unwrap_or_default();
        f.debug_struct("StoreConfig").field("url", &format_args!("{scheme}:…")).finish_non_exhaustive()
    }
}
