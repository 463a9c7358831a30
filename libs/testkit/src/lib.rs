//! For tests only: databases, Redis servers, a KMS endpoint, directories to play with, clocks, patience.

mod database;
mod directory;
mod eventually;
mod gate;
mod guard;
mod kms;
mod postgres;
mod redis;

pub use database::Database;
pub use directory::TestDirectory;
pub use eventually::{Answer, PATIENCE, eventually, eventually_blocking, within};
pub use gate::Gate;
pub use kms::Kms;
pub use postgres::PostgresServer;
pub use redis::Redis;

/// Writes each test once and runs it on SQLite and on PostgreSQL, as `name::sqlite` and `name::postgres`. The body
/// gets a fresh, migrated [`Database`].
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident) $body:block)*) => {$(
        $(#[$attribute])*
        pub(crate) mod $name {
            #[allow(unused_imports)]
            use super::*;

            /// The test, on any database.
            pub(crate) async fn run($database: $crate::Database) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run($crate::Database::sqlite().await).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run($crate::Database::postgres().await).await
            }
        }
    )*};
}
