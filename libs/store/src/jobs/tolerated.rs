//! What was tolerated of directories' clients, by the day: adding to it.

use std::collections::{BTreeMap, BTreeSet};

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

/// A directory and a day.
type DayOf = (Uuid, i64);

/// How often, and the last time.
type Sum = (u64, i64);

#[async_trait]
impl Mutation for Record {
    type Output = ();

    async fn run(&self, transaction: &Transaction) -> Result<(), StoreError> {
        let backend = transaction.get_database_backend();
        // One row a key: a statement cannot change a row twice. In the keys' order, so that two processes that write
        // about the same directories do not wait for each other in a circle.
        let mut sums: BTreeMap<DayOf, BTreeMap<&str, Sum>> = BTreeMap::new();
        for used in &self.0 {
            let (last_at, directory) = (used.last_at.as_micros(), used.directory.as_uuid());
            let day = sums.entry((directory, used.last_at.day())).or_default();
            let sum = day.entry(&used.what).or_insert((0, last_at));
            *sum = (sum.0.saturating_add(used.times), sum.1.max(last_at));
        }
        let with_names: Vec<DayOf> =
            sums.iter().filter(|(_, sums)| sums.keys().any(|what| is_name(what))).map(|(day, _)| *day).collect();
        let mut known = names(transaction, &with_names).await?;
        let mut rows = Vec::new();
        for (day, sums) in sums {
            let few = with_few_names(known.remove(&day).unwrap_or_default(), sums);
            rows.extend(few.into_iter().map(|(what, sum)| (day, what, sum)));
        }
        for some in rows.chunks(BATCH / 5) {
            transaction.execute_raw(add(some).build(backend)).await?;
        }
        Ok(())
    }
}

fn is_name(what: &str) -> bool {
    what.len() > UNMAPPED.len() && what.starts_with(UNMAPPED)
}

/// The names that days have rows for already.
async fn names(transaction: &Transaction, days: &[DayOf]) -> Result<BTreeMap<DayOf, BTreeSet<String>>, StoreError> {
    let mut names: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for some in days.chunks(BATCH / 2) {
        let sql = Sql::new("SELECT directory_id, day, what FROM tolerated_use WHERE (directory_id, day) IN (VALUES ")
            .rows(some, |sql, (directory, day)| sql.value(*directory).text(", ").value(*day))
            .text(")");
        for row in transaction.query_all_raw(sql.build(transaction.get_database_backend())).await? {
            let what: String = row.try_get("", "what")?;
            if is_name(&what) {
                names.entry((row.try_get("", "directory_id")?, row.try_get("", "day")?)).or_default().insert(what);
            }
        }
    }
    Ok(names)
}

/// The same without the names for which there is no more room.
fn with_few_names(mut known: BTreeSet<String>, sums: BTreeMap<&str, Sum>) -> BTreeMap<String, Sum> {
    let mut few: BTreeMap<String, Sum> = BTreeMap::new();
    for (what, (times, last_at)) in sums {
        let mut key = what.to_owned();
        if is_name(what) && !known.contains(&key) {
            if known.len() < MOST_NAMES_A_DAY {
                known.insert(key.clone());
            } else {
                UNMAPPED.clone_into(&mut key);
            }
        }
        let sum = few.entry(key).or_insert((0, last_at));
        *sum = (sum.0.saturating_add(times), sum.1.max(last_at));
    }
    few
}

fn add(rows: &[(DayOf, String, Sum)]) -> Sql {
    let sql = Sql::new("INSERT INTO tolerated_use (directory_id, day, what, times, last_at) VALUES ");
    let sql = sql.rows(rows, |sql, ((directory, day), what, (times, last_at))| {
        let sql = sql.value(*directory).text(", ").value(*day).text(", ").value(what.clone());
        sql.text(", ").value(i64::try_from(*times).unwrap_or(i64::MAX)).text(", ").value(*last_at)
    });
    sql.text(
        " ON CONFLICT (directory_id, day, what) DO UPDATE SET times = tolerated_use.times + excluded.times, \
         last_at = CASE WHEN excluded.last_at > tolerated_use.last_at THEN excluded.last_at \
         ELSE tolerated_use.last_at END",
    )
}
