//! What credentials were used for, by the hour and the place.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use sea_orm::{ConnectionTrait, QueryResult};
use uuid::Uuid;

use super::{CredentialUse, MOST_PLACES_AN_HOUR};
use crate::{
    StoreError,
    statement::{BATCH, Sql},
    transaction::Transaction,
};

/// A directory, a credential, an hour.
type Hour = (Uuid, Uuid, i64);

fn hour_of(used: &CredentialUse) -> Hour {
    (used.directory.as_uuid(), used.credential.as_uuid(), used.last_at.hour())
}

/// Adds uses to what is known of their hours. Those that come from more places than an hour may have are added up without
/// their place: whoever changes his User-Agent with each request fills no disk.
pub(crate) async fn add_by_hour(transaction: &Transaction, uses: &[CredentialUse]) -> Result<(), StoreError> {
    // One row a key, in the keys' order: a statement cannot change a row twice, and nobody waits in a circle.
    let mut by_place: BTreeMap<(Hour, &str, &str), CredentialUse> = BTreeMap::new();
    for used in uses {
        let key = (hour_of(used), used.address.as_str(), used.agent.as_str());
        by_place.entry(key).and_modify(|known| known.add(used)).or_insert_with(|| used.clone());
    }
    let mut rows: Vec<CredentialUse> = Vec::new();
    let mut hours: BTreeMap<Hour, BTreeSet<(String, String)>> = BTreeMap::new();
    // Where in `rows` the uses of an hour without a place are.
    let mut without: BTreeMap<Hour, usize> = BTreeMap::new();
    for ((hour, address, agent), used) in by_place {
        let known = match hours.entry(hour) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(places(transaction, hour).await?),
        };
        let place = (address.to_owned(), agent.to_owned());
        let has_one = known.contains(&place) || (known.len() as u64) < MOST_PLACES_AN_HOUR;
        let is_without = !has_one || (address.is_empty() && agent.is_empty());
        if !is_without {
            known.insert(place);
            rows.push(used);
            continue;
        }
        let used = CredentialUse { address: String::new(), agent: String::new(), ..used };
        match without.get(&hour) {
            Some(at) => rows[*at].add(&used),
            None => {
                without.insert(hour, rows.len());
                rows.push(used);
            }
        }
    }
    for some in rows.chunks(BATCH / 10) {
        transaction.execute_raw(used_by_hour(some).build(transaction.get_database_backend())).await?;
    }
    Ok(())
}

/// The places that an hour has rows for already.
async fn places(
    transaction: &Transaction,
    (directory, credential, hour): Hour,
) -> Result<BTreeSet<(String, String)>, StoreError> {
    let sql = Sql::new("SELECT address, agent FROM credential_activity WHERE directory_id = ").value(directory);
    let sql = sql.text(" AND credential_id = ").value(credential).text(" AND hour = ").value(hour);
    let rows = transaction.query_all_raw(sql.build(transaction.get_database_backend())).await?;
    rows.iter().map(|row| Ok((row.try_get("", "address")?, row.try_get("", "agent")?))).collect()
}

/// What is counted here fits as long as somebody counts it within an hour or a day.
pub(crate) fn count(row: &QueryResult, column: &str) -> Result<u32, StoreError> {
    Ok(u32::try_from(row.try_get::<i64>("", column)?).unwrap_or(u32::MAX))
}

fn used_by_hour(uses: &[CredentialUse]) -> Sql {
    let mut sql = Sql::new(
        "INSERT INTO credential_activity (directory_id, credential_id, hour, address, agent, outside, reads, writes, \
         last_at) VALUES ",
    );
    for (at, used) in uses.iter().enumerate() {
        sql = sql.text(if at == 0 { "(" } else { ", (" }).id(used.directory).text(", ").id(used.credential);
        sql = sql.text(", ").value(used.last_at.hour()).text(", ").value(used.address.clone());
        sql = sql.text(", ").value(used.agent.clone()).text(", ").value(used.outside);
        sql = sql.text(", ").value(i64::from(used.reads)).text(", ").value(i64::from(used.writes));
        sql = sql.text(", ").value(used.last_at.as_micros()).text(")");
    }
    sql.text(
        " ON CONFLICT (directory_id, credential_id, hour, address, agent) DO UPDATE SET \
         reads = credential_activity.reads + excluded.reads, writes = credential_activity.writes + excluded.writes, \
         outside = credential_activity.outside OR excluded.outside, \
         last_at = CASE WHEN excluded.last_at > credential_activity.last_at THEN excluded.last_at \
         ELSE credential_activity.last_at END",
    )
}
