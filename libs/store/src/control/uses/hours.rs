//! What credentials were used for, by the hour and the place.

use std::collections::{BTreeMap, BTreeSet};

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

/// An address and a User-Agent; both empty: no place is known.
type Place = (String, String);

fn hour_of(used: &CredentialUse) -> Hour {
    (used.directory.as_uuid(), used.credential.as_uuid(), used.last_at.hour())
}

/// Adds uses to what is known of their hours. Those that come from more places than an hour may have are added up without
/// their place: whoever changes his User-Agent with each request fills no disk.
pub(crate) async fn add_by_hour(transaction: &Transaction, uses: &[CredentialUse]) -> Result<(), StoreError> {
    let mut by_place: BTreeMap<(Hour, &str, &str), CredentialUse> = BTreeMap::new();
    for used in uses {
        let key = (hour_of(used), used.address.as_str(), used.agent.as_str());
        by_place.entry(key).and_modify(|known| known.add(used)).or_insert_with(|| used.clone());
    }
    let mut of_hours = places(transaction, &by_place.keys().map(|(hour, ..)| *hour).collect()).await?;
    // One row a key, in the keys' order: a statement cannot change a row twice, and nobody waits in a circle.
    let mut rows: BTreeMap<(Hour, Place), CredentialUse> = BTreeMap::new();
    for ((hour, address, agent), mut used) in by_place {
        let known = of_hours.entry(hour).or_default();
        let mut place = (address.to_owned(), agent.to_owned());
        let has_one = known.contains(&place) || (known.len() as u64) < MOST_PLACES_AN_HOUR;
        if !has_one || place == Place::default() {
            place = Place::default();
            (used.address, used.agent) = place.clone();
        } else {
            known.insert(place.clone());
        }
        rows.entry((hour, place)).and_modify(|row| row.add(&used)).or_insert(used);
    }
    let rows: Vec<_> = rows.into_values().collect();
    for some in rows.chunks(BATCH / 10) {
        transaction.execute_raw(used_by_hour(some).build(transaction.get_database_backend())).await?;
    }
    Ok(())
}

/// The places that hours have rows for already.
async fn places(
    transaction: &Transaction,
    hours: &BTreeSet<Hour>,
) -> Result<BTreeMap<Hour, BTreeSet<Place>>, StoreError> {
    let mut places: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    let hours: Vec<_> = hours.iter().collect();
    for some in hours.chunks(BATCH / 3) {
        let sql = Sql::new("SELECT directory_id, credential_id, hour, address, agent FROM credential_activity ")
            .text("WHERE (directory_id, credential_id, hour) IN (VALUES ")
            .rows(some, |sql, (directory, credential, hour)| {
                sql.value(*directory).text(", ").value(*credential).text(", ").value(*hour)
            })
            .text(")");
        for row in transaction.query_all_raw(sql.build(transaction.get_database_backend())).await? {
            let hour = (row.try_get("", "directory_id")?, row.try_get("", "credential_id")?, row.try_get("", "hour")?);
            places.entry(hour).or_default().insert((row.try_get("", "address")?, row.try_get("", "agent")?));
        }
    }
    Ok(places)
}

/// What is counted here fits as long as somebody counts it within an hour or a day.
pub(crate) fn count(row: &QueryResult, column: &str) -> Result<u32, StoreError> {
    Ok(u32::try_from(row.try_get::<i64>("", column)?).unwrap_or(u32::MAX))
}

fn used_by_hour(uses: &[CredentialUse]) -> Sql {
    let sql = Sql::new(
        "INSERT INTO credential_activity (directory_id, credential_id, hour, address, agent, outside, reads, writes, \
         last_at) VALUES ",
    );
    let sql = sql.rows(uses, |sql, used| {
        let sql = sql.id(used.directory).text(", ").id(used.credential);
        let sql = sql.text(", ").value(used.last_at.hour()).text(", ").value(used.address.clone());
        let sql = sql.text(", ").value(used.agent.clone()).text(", ").value(used.outside);
        let sql = sql.text(", ").value(i64::from(used.reads)).text(", ").value(i64::from(used.writes));
        sql.text(", ").value(used.last_at.as_micros())
    });
    sql.text(
        " ON CONFLICT (directory_id, credential_id, hour, address, agent) DO UPDATE SET \
         reads = credential_activity.reads + excluded.reads, writes = credential_activity.writes + excluded.writes, \
         outside = credential_activity.outside OR excluded.outside, \
         last_at = CASE WHEN excluded.last_at > credential_activity.last_at THEN excluded.last_at \
         ELSE credential_activity.last_at END",
    )
}
