//! Uses that were refused, by the day.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use rollcall_base::Id;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{MOST_REFUSALS_A_DAY, RefusedUse};
use crate::{StoreError, statement::Sql, transaction::Transaction};

/// A row of a day, without its directory: reason, credential, address.
type Row = (String, Uuid, String);

/// Adds to what is known of refused uses.
pub(super) async fn record(transaction: &Transaction, refusals: &[RefusedUse]) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    let mut refusals: Vec<&RefusedUse> = refusals.iter().collect();
    refusals.sort_by(|a, b| key(a).cmp(&key(b)));
    let mut days: BTreeMap<(Uuid, i64), BTreeSet<Row>> = BTreeMap::new();
    for refused in refusals {
        let (directory, day, reason, credential, address) = key(refused);
        let known = match days.entry((directory, day)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(rows(transaction, directory, day).await?),
        };
        let row = (reason.to_owned(), credential, address.to_owned());
        // A stranger with many addresses fills no disk; what has a row keeps it.
        let without_address = !known.contains(&row) && known.len() as u64 >= MOST_REFUSALS_A_DAY;
        transaction.execute_raw(add_refusal(refused, without_address).build(backend)).await?;
        if !without_address {
            known.insert(row);
        }
    }
    Ok(())
}

/// The rows that a day has already.
async fn rows(transaction: &Transaction, directory: Uuid, day: i64) -> Result<BTreeSet<Row>, StoreError> {
    let sql = Sql::new("SELECT reason, credential_id, address FROM refused_use WHERE directory_id = ").value(directory);
    let sql = sql.text(" AND day = ").value(day).build(transaction.get_database_backend());
    let rows = transaction.query_all_raw(sql).await?;
    let read = |row: &sea_orm::QueryResult| -> Result<Row, StoreError> {
        Ok((row.try_get("", "reason")?, row.try_get("", "credential_id")?, row.try_get("", "address")?))
    };
    rows.iter().map(read).collect()
}

fn key(refused: &RefusedUse) -> (Uuid, i64, &str, Uuid, &str) {
    let client = refused.client.map_or(Uuid::nil(), Id::as_uuid);
    let credential = refused.credential.map_or(client, Id::as_uuid);
    (refused.directory.as_uuid(), refused.last_at.day(), refused.reason.as_str(), credential, refused.address.as_str())
}

fn add_refusal(refused: &RefusedUse, without_address: bool) -> Sql {
    let (directory, day, reason, credential, address) = key(refused);
    let (address, agent) = if without_address { ("", "") } else { (address, refused.agent.as_str()) };
    Sql::new(
        "INSERT INTO refused_use (directory_id, day, reason, credential_id, address, agent, oauth_client_id, times, first_at, \
         last_at) VALUES (",
    )
    .value(directory)
    .text(", ")
    .value(day)
    .text(", ")
    .value(reason)
    .text(", ")
    .value(credential)
    .text(", ")
    .value(address)
    .text(", ")
    .value(agent)
    .text(", ")
    .value(refused.client.map(Id::as_uuid))
    .text(", ")
    .value(i64::from(refused.times))
    .text(", ")
    .value(refused.first_at.as_micros())
    .text(", ")
    .value(refused.last_at.as_micros())
    .text(
        ") ON CONFLICT (directory_id, day, reason, credential_id, address) DO UPDATE SET \
         times = refused_use.times + excluded.times, agent = excluded.agent, \
         oauth_client_id = excluded.oauth_client_id, \
         last_at = CASE WHEN excluded.last_at > refused_use.last_at THEN excluded.last_at ELSE refused_use.last_at END",
    )
}
