//! Whom a client put into a group who is nobody of the directory, where the policy is to leave them out: the last ones of
//! each group are kept, for the report.

use std::collections::{BTreeSet, HashSet};

use rollcall_base::{Id, Timestamp, marker::Resource};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::Author;
use crate::{
    StoreError,
    statement::{BATCH, Sql},
    transaction::Transaction,
};

/// How many are kept of each group.
const KEPT: usize = 100;
/// How much of an id is kept, in bytes.
const ID_BYTES: usize = 200;

/// A client's text for an id, as it can be kept.
pub(super) fn bounded(id: &str) -> String {
    id[..id.floor_char_boundary(ID_BYTES)].replace('\0', "\u{FFFD}")
}

/// Notes that `ids` were left out of `group` at `at`.
pub(super) async fn note(
    transaction: &Transaction,
    by: &Author,
    group: Id<Resource>,
    ids: &BTreeSet<String>,
    at: Timestamp,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let backend = transaction.get_database_backend();
    let sql = Sql::new("INSERT INTO skipped_member (directory_id, group_id, member_id, times, last_at) VALUES ");
    let sql = sql.rows(ids.iter().take(KEPT), |sql, id| {
        let sql = sql.id(by.directory).text(", ").id(group).text(", ").value(id.as_str());
        sql.text(", 1, ").value(at.as_micros())
    });
    let sql = sql.text(" ON CONFLICT (directory_id, group_id, member_id) DO UPDATE SET");
    let sql = sql.text(" times = skipped_member.times + 1, last_at = excluded.last_at");
    transaction.execute_raw(sql.build(backend)).await?;
    let last = of(Sql::new("SELECT member_id FROM skipped_member"), by, group);
    let last = last.text(" ORDER BY last_at DESC, member_id LIMIT ").value(KEPT as i64);
    let oldest = of(Sql::new("DELETE FROM skipped_member"), by, group);
    let oldest = oldest.text(" AND member_id NOT IN (").part(&last).text(")");
    transaction.execute_raw(oldest.build(backend)).await?;
    Ok(())
}

/// The client names none but `ids` as members now: of those alone it stays noted how often they were left out.
pub(super) async fn replaced(
    transaction: &Transaction,
    by: &Author,
    group: Id<Resource>,
    ids: &[String],
) -> Result<(), StoreError> {
    let named: HashSet<String> = ids.iter().map(|id| bounded(id)).collect();
    let noted = of(Sql::new("SELECT member_id FROM skipped_member"), by, group);
    let noted = transaction.query_all_raw(noted.build(transaction.get_database_backend())).await?;
    let noted: Vec<String> = noted.iter().map(|row| row.try_get("", "member_id")).collect::<Result<_, _>>()?;
    let gone: Vec<String> = noted.into_iter().filter(|id| !named.contains(id)).collect();
    taken_out(transaction, by, group, &gone).await
}

/// The client has taken `ids` out itself, as it named them.
pub(super) async fn taken_out(
    transaction: &Transaction,
    by: &Author,
    group: Id<Resource>,
    ids: &[String],
) -> Result<(), StoreError> {
    for some in ids.chunks(BATCH) {
        forget(transaction, by, group, some.iter().map(|id| bounded(id))).await?;
    }
    Ok(())
}

/// Those of `ids` who are members now were left out before, if at all.
pub(super) async fn came(
    transaction: &Transaction,
    by: &Author,
    group: Id<Resource>,
    ids: &[Uuid],
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    forget(transaction, by, group, ids.iter().map(Uuid::to_string)).await
}

/// `ids` are noted no longer; at least one.
async fn forget(
    transaction: &Transaction,
    by: &Author,
    group: Id<Resource>,
    ids: impl Iterator<Item = String>,
) -> Result<(), StoreError> {
    let mut sql = of(Sql::new("DELETE FROM skipped_member"), by, group).text(" AND member_id IN ");
    for (place, id) in ids.enumerate() {
        sql = sql.text(if place == 0 { "(" } else { ", " }).value(id);
    }
    transaction.execute_raw(sql.text(")").build(transaction.get_database_backend())).await?;
    Ok(())
}

fn of(sql: Sql, by: &Author, group: Id<Resource>) -> Sql {
    sql.text(" WHERE directory_id = ").id(by.directory).text(" AND group_id = ").id(group)
}
