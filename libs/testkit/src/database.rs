//! A fresh database for one test.

use std::sync::Arc;

use rollcall_base::{ManualClock, SeededEntropy, SystemEntropy, Timestamp};
use rollcall_store::{Store, StoreConfig};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tempfile::TempDir;

use crate::{TestDirectory, postgres};

/// A fresh, migrated database; gone when dropped.
pub struct Database {
    /// How a store opens it. A test may change limits before it opens one.
    pub config: StoreConfig,
    place: Place,
}

enum Place {
    File(#[allow(dead_code)] TempDir), // held for its drop
    Server(#[allow(dead_code)] postgres::Fresh),
}

impl Database {
    /// SQLite, in a file of its own.
    ///
    /// # Panics
    /// If it cannot be made.
    #[allow(clippy::expect_used)]
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = StoreConfig::new(format!("sqlite://{}", folder.path().join("rollcall.db").display()));
        Store::migrate(&config).await.expect("a new database is migrated");
        Self { config, place: Place::File(folder) }
    }

    /// PostgreSQL, a database of its own on a server of the test process's own. Its default collation is a linguistic
    /// one.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start; the message says what to do.
    pub async fn postgres() -> Self {
        let fresh = postgres::fresh().await;
        Self { config: StoreConfig::new(&fresh.url), place: Place::Server(fresh) }
    }

    /// Whether it is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self.place, Place::Server(_))
    }

    /// A store on it, with a clock that stands still at 2026-01-01T00:00:00Z until moved.
    ///
    /// # Panics
    /// If it does not open.
    #[allow(clippy::expect_used)]
    pub async fn open(&self) -> (Store, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_767_225_600_000_000)));
        // Two stores on one database must not make the same ids.
        let entropy = Arc::new(SeededEntropy::new(seed()));
        let store = Store::open(&self.config, clock.clone(), entropy).await.expect("the database opens");
        (store, clock)
    }

    /// A store with a tenant and a directory in it.
    ///
    /// # Panics
    /// If it does not open.
    pub async fn directory(&self) -> TestDirectory {
        let (store, clock) = self.open().await;
        TestDirectory::create(store, clock, "acme", "D-1").await
    }

    /// Runs a statement behind the store's back.
    ///
    /// # Panics
    /// If the database refuses it.
    #[allow(clippy::expect_used)]
    pub async fn execute(&self, statement: &str) {
        self.raw().await.execute_unprepared(statement).await.expect("the statement is right");
    }

    /// A connection past the store, for looking at plans and breaking things.
    ///
    /// # Panics
    /// If it does not open.
    #[allow(clippy::expect_used)]
    pub async fn raw(&self) -> DatabaseConnection {
        sea_orm::Database::connect(&self.config.url).await.expect("the database opens")
    }
}

fn seed() -> u64 {
    use rollcall_base::Entropy;
    let mut bytes = [0; 8];
    SystemEntropy.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
