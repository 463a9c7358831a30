//! Names that users had before, for consumers' lookups alone: no filter finds them and no uniqueness knows them.

use rollcall_base::{
    Id, Timestamp,
    marker::{Directory, Resource},
};
use sea_orm::{ConnectionTrait, DbBackend};

use super::Author;
use crate::{StoreError, dialect::json_name_pairs, statement::Sql, transaction::Transaction};

/// How many of a user's former names are kept: the last ones.
const KEPT: i64 = 10;

/// A (folded) name and until when it was the user's.
pub(super) type FormerName = (String, i64);

/// `user`, who was known as `from`, is known as `to` since `at`.
pub(super) async fn moved_on(
    transaction: &Transaction,
    by: &Author,
    user: Id<Resource>,
    (from, to): (&str, &str),
    at: Timestamp,
) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    let own = |sql: Sql| sql.text(" WHERE directory_id = ").id(by.directory).text(" AND resource_id = ").id(user);
    let again = own(Sql::new("DELETE FROM former_name")).text(" AND name_key = ").value(to);
    transaction.execute_raw(again.build(backend)).await?;
    keep(transaction, by, user, &[(from.to_owned(), at.as_micros())]).await?;
    let last = own(Sql::new("SELECT name_key FROM former_name"));
    let last = last.text(" ORDER BY until DESC, name_key LIMIT ").value(KEPT);
    let oldest = own(Sql::new("DELETE FROM former_name")).text(" AND name_key NOT IN (").part(&last).text(")");
    transaction.execute_raw(oldest.build(backend)).await?;
    Ok(())
}

/// Puts names there, or there again.
pub(super) async fn keep(
    transaction: &Transaction,
    by: &Author,
    user: Id<Resource>,
    names: &[FormerName],
) -> Result<(), StoreError> {
    if names.is_empty() {
        return Ok(());
    }
    let sql = Sql::new("INSERT INTO former_name (directory_id, name_key, resource_id, until) VALUES ");
    let sql = sql.rows(names, |sql, (name, until)| {
        let sql = sql.id(by.directory).text(", ").value(name.as_str());
        sql.text(", ").id(user).text(", ").value(*until)
    });
    let sql = sql.text(" ON CONFLICT (directory_id, name_key, resource_id) DO UPDATE SET until = excluded.until");
    transaction.execute_raw(sql.build(transaction.get_database_backend())).await?;
    Ok(())
}

/// The former names of the user whose id is `of`, as a JSON list of [`FormerName`].
pub(super) fn column(backend: DbBackend, directory: Id<Directory>, of: &Sql) -> Sql {
    Sql::new("(SELECT ")
        .text(json_name_pairs(backend))
        .text(" FROM (SELECT f.name_key AS one, f.until AS other FROM former_name f WHERE f.directory_id = ")
        .id(directory)
        .text(" AND f.resource_id = ")
        .part(of)
        .text(" ORDER BY f.until DESC) pair)")
}

/// What [`column`] gave.
pub(super) fn read(text: Option<&str>) -> Result<Vec<FormerName>, StoreError> {
    let read = text.map(serde_json::from_str).transpose();
    Ok(read.map_err(|error| StoreError::internal(format!("stored former names: {error}")))?.unwrap_or_default())
}
