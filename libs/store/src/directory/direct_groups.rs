//! The groups of a user in the user's own row: one statement instead of two wherever groups are shown.
//!
//! It holds where no group of the directory is in a group, which one look at an index tells, and for users in a bounded
//! number of groups. Elsewhere the column is NULL, and [`super::DirectoryStore::groups_of`] walks.

use rollcall_base::{Id, marker::Directory};
use sea_orm::{DbBackend, QueryResult};
use uuid::Uuid;

use crate::{
    GroupRef, StoreError,
    dialect::{Nested, by_nested, json_pairs},
    statement::Sql,
};

/// The most groups of one user that a row brings along.
const MOST: usize = 100;

/// The column `groups` of `resource r`; NULL unless `asked`.
pub(super) fn column(backend: DbBackend, directory: Id<Directory>, asked: bool) -> Sql {
    if !asked {
        return Sql::new("CAST(NULL AS text) AS groups");
    }
    // The kinds stand in the text: a partial index is taken only for what the text says.
    Sql::new("CASE WHEN EXISTS (SELECT 1 FROM member n")
        .text(by_nested(backend, Nested::Upwards))
        .text(" WHERE n.directory_id = ")
        .id(directory)
        .text(" AND n.member_kind = 2) THEN NULL ELSE (SELECT ")
        .text(json_pairs(backend))
        .text(" FROM (SELECT g.id AS one, g.display AS other FROM member m JOIN resource g")
        .text(" ON g.directory_id = m.directory_id AND g.id = m.group_id WHERE m.directory_id = ")
        .id(directory)
        .text(" AND m.member_id = r.id ORDER BY m.group_id LIMIT ")
        .value(MOST as i64 + 1)
        .text(") pair) END AS groups")
}

/// The groups that the column brought, by id; none if it was not asked for or does not know all of them.
pub(super) fn read(row: &QueryResult) -> Result<Option<Vec<GroupRef>>, StoreError> {
    let Some(text) = row.try_get::<Option<String>>("", "groups")? else { return Ok(None) };
    let broken = |error: &dyn std::fmt::Display| StoreError::internal(format!("a list of groups is not one: {error}"));
    let pairs: Vec<(String, Option<String>)> = serde_json::from_str(&text).map_err(|error| broken(&error))?;
    if pairs.len() > MOST {
        return Ok(None);
    }
    let group = |(id, display): (String, _)| {
        let id = Id::from_uuid(Uuid::try_parse(&id).map_err(|error| broken(&error))?);
        Ok(GroupRef { id, display, external_id: None, direct: true })
    };
    pairs.into_iter().map(group).collect::<Result<_, _>>().map(Some)
}
