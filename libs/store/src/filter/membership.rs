//! Conditions on who is in which group.

use super::{Context, Narrowing, comparison::nothing};
use crate::{
    dialect::{Nested, by_nested},
    directory::member_id,
    statement::Sql,
};

/// Groups that have the member.
pub(super) fn has_member(context: Context<'_>, member: &str) -> Narrowing {
    let Some(member) = member_id(member) else { return Narrowing { sql: nothing(), exact: true } };
    let sql = Sql::new("r.id IN (SELECT m.group_id FROM member m WHERE m.directory_id = ")
        .id(context.directory)
        .text(" AND m.member_id = ")
        .value(member)
        .text(")");
    Narrowing { sql, exact: true }
}

/// Those that are in the group or in a group in it. The walk downwards asks the partial index of group-in-group rows;
/// CROSS JOIN keeps SQLite to the order of the tables.
pub(super) fn is_in_group(context: Context<'_>, group: &str) -> Narrowing {
    let Some(group) = member_id(group) else { return Narrowing { sql: nothing(), exact: true } };
    let sql =
        Sql::new("r.id IN (WITH RECURSIVE inside (group_id) AS (SELECT g.id FROM resource g WHERE g.directory_id = ")
            .id(context.directory)
            .text(" AND g.kind = 2 AND g.id = ")
            .value(group)
            .text(" UNION SELECT m.member_id FROM inside i CROSS JOIN member m")
            .text(by_nested(context.backend, Nested::Downwards))
            .text(" WHERE m.group_id = i.group_id")
            .text(" AND m.member_kind = 2 AND m.directory_id = ")
            .id(context.directory)
            .text(") SELECT m.member_id FROM inside i CROSS JOIN member m WHERE m.group_id = i.group_id")
            .text(" AND m.directory_id = ")
            .id(context.directory)
            .text(")");
    Narrowing { sql, exact: true }
}
