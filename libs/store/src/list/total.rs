//! How many there are in all.

use rollcall_access::Access;
use rollcall_scim::schema::ResourceType;

use crate::{DirectoryStore, StoreError, filter::Narrowing, statement::Sql};

/// Exact. Without a condition nothing is counted: what the sequencer has counted, plus what it has not seen yet, in
/// one statement and so in one snapshot.
pub(super) async fn of<A: Access>(
    store: &DirectoryStore<A>,
    resource_type: &ResourceType,
    narrowing: Option<&Narrowing>,
) -> Result<u64, StoreError> {
    let kind = resource_type.kind.0.to_string();
    let of_kind = |sql: Sql| sql.id(store.directory).text(" AND kind = ").text(&kind);
    let sql = match narrowing {
        None => {
            let tally = of_kind(Sql::new("SELECT CAST(COALESCE((SELECT live FROM tally WHERE directory_id = "));
            let tail = tally.text("), 0) + COALESCE((SELECT SUM(delta) FROM outbox WHERE directory_id = ");
            of_kind(tail).text("), 0) AS bigint) AS total")
        }
        Some(narrowing) => of_kind(Sql::new("SELECT COUNT(*) AS total FROM resource r WHERE r.directory_id = "))
            .text(" AND ")
            .part(&narrowing.sql),
    };
    let rows = store.inner.rows(sql.build(store.backend())).await?;
    let row = rows.first().ok_or_else(|| StoreError::internal("a count gave no row"))?;
    Ok(u64::try_from(row.try_get::<i64>("", "total")?).unwrap_or(0))
}
