//! What was tolerated of directories' clients, by the day: adding to it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rollcall_base::{Id, Timestamp, marker::Directory};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{
    StoreError,
    door::Mutation,
    statement::{BATCH, Sql},
    transaction::Transaction,
};

/// What a client did within a day that was tolerated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToleratedUse {
    /// Whose client it was.
    pub directory: Id<Directory>,
    /// What was tolerated: a quirk's name, or [`UNMAPPED`] and the name of an attribute.
    pub what: String,
    /// How often.
    pub times: u64,
    /// The last time.
    pub last_at: Timestamp,
}

/// What the names of attributes and extensions that no schema has are written down behind. Alone it stands for those that
/// were more than [`MOST_NAMES_A_DAY`].
pub const UNMAPPED: &str = "unmapped:";

/// The most names of attributes and extensions that are written down for a directory and a day; further ones are added up
/// without their names.
pub const MOST_NAMES_A_DAY: usize = 64;

/// Adds to what is known.
pub(super) struct Record(pub(super) Vec<ToleratedUse>);

type DayOf = (Uuid, i64);

#[async_trait]
impl Mutation for Record {
    type Output = ();

    async fn run(&self, transaction: &Transaction) -> Result<(), StoreError> {
        let backend = transaction.get_database_backend();
        // One row a key: a statement cannot change a row twice. In the keys' order, so that two processes that write
        // about the same directories do not wait for each other in a circle.
        let mut sums: BTreeMap<DayOf, BTreeMap<&str, (u64, i64)>> = BTreeMap::new();
        for used in &self.0 {
            let (last_at, directory) = (used.last_at.as_micros(), used.directory.as_uuid());
            let day = sums.entry((directory, used.last_at.day())).or_default();
            let sum = day.entry(&used.what).or_insert((0, last_at));
            *sum = (sum.0.saturating_add(used.times), sum.1.max(last_at));
        }
        for (day, sums) in sums {
            let rows: Vec<_> = with_few_names(transaction, day, sums).await?.into_iter().collect();
            for some in rows.chunks(BATCH / 5) {
                transaction.execute_raw(add(day, some).build(backend)).await?;
            }
        }
        Ok(())
    }
}

/// The same without the names for which there is no more room.
async fn with_few_names(
    transaction: &Transaction,
    (directory, day): DayOf,
    sums: BTreeMap<&str, (u64, i64)>,
) -> Result<BTreeMap<String, (u64, i64)>, StoreError> {
    let is_name = |what: &str| what.len() > UNMAPPED.len() && what.starts_with(UNMAPPED);
    let mut known = Vec::new();
    if sums.keys().any(|what| is_name(what)) {
        let sql = Sql::new("SELECT what FROM tolerated_use WHERE directory_id = ").value(directory);
        let sql = sql.text(" AND day = ").value(day).build(transaction.get_database_backend());
        for row in transaction.query_all_raw(sql).await? {
            known.push(row.try_get::<String>("", "what")?);
        }
        known.retain(|what| is_name(what));
    }
    let mut few: BTreeMap<String, (u64, i64)> = BTreeMap::new();
    for (what, (times, last_at)) in sums {
        let mut key = what.to_owned();
        if is_name(what) && !known.contains(&key) {
            if known.len() < MOST_NAMES_A_DAY {
                known.push(key.clone());
            } else {
                UNMAPPED.clone_into(&mut key);
            }
        }
        let sum = few.entry(key).or_insert((0, last_at));
        *sum = (sum.0.saturating_add(times), sum.1.max(last_at));
    }
    Ok(few)
}

fn add((directory, day): DayOf, rows: &[(String, (u64, i64))]) -> Sql {
    let mut sql = Sql::new("INSERT INTO tolerated_use (directory_id, day, what, times, last_at) VALUES ");
    for (at, (what, (times, last_at))) in rows.iter().enumerate() {
        sql = sql.text(if at == 0 { "(" } else { ", (" }).value(directory).text(", ").value(day);
        sql = sql.text(", ").value(what.clone()).text(", ").value(i64::try_from(*times).unwrap_or(i64::MAX));
        sql = sql.text(", ").value(*last_at).text(")");
    }
    sql.text(
        " ON CONFLICT (directory_id, day, what) DO UPDATE SET times = tolerated_use.times + excluded.times, \
         last_at = CASE WHEN excluded.last_at > tolerated_use.last_at THEN excluded.last_at \
         ELSE tolerated_use.last_at END",
    )
}
