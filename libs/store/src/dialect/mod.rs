//! What only one of the two databases has: connecting, error codes, the write door's transactions.

pub(crate) mod failure;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use sea_orm::DbBackend;

/// ` FOR UPDATE` where rows can be locked; SQLite's one writer needs no lock.
pub(crate) fn for_update(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => " FOR UPDATE",
        _ => "",
    }
}
