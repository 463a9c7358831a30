//! What only one of the two databases has: connecting, error codes, the write door's transactions.

pub(crate) mod failure;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use sea_orm::DbBackend;

/// All rows of `pair (one, other)`, an id and a text, as the text of a JSON list of lists of two; `[]` for no row.
pub(crate) fn json_pairs(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "COALESCE(CAST(json_agg(json_build_array(pair.one, pair.other)) AS text), '[]')",
        // Ids are bytes there, which JSON does not have.
        _ => "json_group_array(json_array(lower(hex(pair.one)), pair.other))",
    }
}

/// ` FOR UPDATE` where rows can be locked; SQLite's one writer needs no lock.
pub(crate) fn for_update(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => " FOR UPDATE",
        _ => "",
    }
}
