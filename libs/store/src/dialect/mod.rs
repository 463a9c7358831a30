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

/// As [`json_pairs`], of texts and numbers.
pub(crate) fn json_name_pairs(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => json_pairs(backend),
        _ => "json_group_array(json_array(pair.one, pair.other))",
    }
}

/// An event's `changes` without their values, which are erased: the paths alone.
pub(crate) fn erased_changes(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => {
            "(SELECT COALESCE(CAST(json_agg(json_build_object('path', c.change ->> 'path', 'erased', TRUE)) AS text), '[]') \
             FROM json_array_elements(CAST(changes AS json)) c (change))"
        }
        _ => {
            "(SELECT json_group_array(json_object('path', json_extract(c.value, '$.path'), 'erased', json('true'))) \
             FROM json_each(changes) c)"
        }
    }
}

/// ` FOR SHARE` where rows can be locked, against changes of them until the transaction ends.
pub(crate) fn for_share(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => " FOR SHARE",
        _ => "",
    }
}

/// Locks rows that nobody else has locked and passes the others over.
pub(crate) fn for_update_of_free(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => " FOR UPDATE SKIP LOCKED",
        _ => "",
    }
}

/// ` FOR NO KEY UPDATE` where rows can be locked: against changes of them, and not against rows that refer to them.
pub(crate) fn for_no_key_update(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => " FOR NO KEY UPDATE",
        _ => "",
    }
}

/// The partial indexes of groups in groups.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Nested {
    /// From a group to those that it is in.
    Upwards,
    /// From a group to those in it.
    Downwards,
}

/// Has SQLite take a partial index of groups in groups for the table `member` that was just named. By itself it takes the table's
/// key: without statistics it does not know that this leads through all memberships of a group or directory. PostgreSQL has
/// statistics.
pub(crate) fn by_nested(backend: DbBackend, way: Nested) -> &'static str {
    match (backend, way) {
        (DbBackend::Sqlite, Nested::Upwards) => " INDEXED BY member_nested",
        (DbBackend::Sqlite, Nested::Downwards) => " INDEXED BY member_nesting",
        _ => "",
    }
}

/// ` FOR UPDATE` where rows can be locked; SQLite's one writer needs no lock.
pub(crate) fn for_update(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => " FOR UPDATE",
        _ => "",
    }
}
