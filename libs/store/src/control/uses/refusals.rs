//! Uses that were refused, by the day.

use std::collections::{BTreeMap, BTreeSet};

use rollcall_base::Id;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{MOST_REFUSALS_A_DAY, RefusedUse};
use crate::{
    StoreError,
    statement::{BATCH, Sql},
    transaction::Transaction,
};

/// A directory and a day.
type DayOf = (Uuid, i64);

/// A row of a day, without its directory: reason, credential, address.
type Row = (String, Uuid, String);

/// What a row says, or what is added to it.
struct Refused<'a> {
    agent: &'a str,
    client: Option<Uuid>,
    times: i64,
    first_at: i64,
    last_at: i64,
}

/// Adds to what is known of refused uses.
pub(super) async fn record(transaction: &Transaction, refusals: &[RefusedUse]) -> Result<(), StoreError> {
    let mut refusals: Vec<_> = refusals.iter().map(|refused| (key(refused), refused)).collect();
    refusals.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut of_days = rows(transaction, &refusals.iter().map(|((day, _), _)| *day).collect()).await?;
    // One row a key, in the keys' order: a statement cannot change a row twice, and two processes that say the same do not
    // wait for each other in a circle.
    let mut sums: BTreeMap<(DayOf, Row), Refused<'_>> = BTreeMap::new();
    for ((day, mut row), refused) in refusals {
        let known = of_days.entry(day).or_default();
        let mut refused = Refused::from(refused);
        // A stranger with many addresses fills no disk; what has a row keeps it.
        if !known.contains(&row) && known.len() as u64 >= MOST_REFUSALS_A_DAY {
            (row.2, refused.agent) = (String::new(), "");
        } else {
            known.insert(row.clone());
        }
        match sums.get_mut(&(day, row.clone())) {
            Some(sum) => sum.add(refused),
            None => _ = sums.insert((day, row), refused),
        }
    }
    let sums: Vec<_> = sums.into_iter().collect();
    for some in sums.chunks(BATCH / 10) {
        transaction.execute_raw(add(some).build(transaction.get_database_backend())).await?;
    }
    Ok(())
}

/// The rows that days have already.
async fn rows(transaction: &Transaction, days: &BTreeSet<DayOf>) -> Result<BTreeMap<DayOf, BTreeSet<Row>>, StoreError> {
    let mut rows: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    let days: Vec<_> = days.iter().collect();
    for some in days.chunks(BATCH / 2) {
        let sql = Sql::new("SELECT directory_id, day, reason, credential_id, address FROM refused_use ")
            .text("WHERE (directory_id, day) IN (VALUES ")
            .rows(some, |sql, (directory, day)| sql.value(*directory).text(", ").value(*day))
            .text(")");
        for row in transaction.query_all_raw(sql.build(transaction.get_database_backend())).await? {
            let day = (row.try_get("", "directory_id")?, row.try_get("", "day")?);
            let row = (row.try_get("", "reason")?, row.try_get("", "credential_id")?, row.try_get("", "address")?);
            rows.entry(day).or_default().insert(row);
        }
    }
    Ok(rows)
}

fn key(refused: &RefusedUse) -> (DayOf, Row) {
    let client = refused.client.map_or(Uuid::nil(), Id::as_uuid);
    let credential = refused.credential.map_or(client, Id::as_uuid);
    let day = (refused.directory.as_uuid(), refused.last_at.day());
    (day, (refused.reason.clone(), credential, refused.address.clone()))
}

impl<'a> From<&'a RefusedUse> for Refused<'a> {
    fn from(refused: &'a RefusedUse) -> Self {
        Self {
            agent: &refused.agent,
            client: refused.client.map(Id::as_uuid),
            times: refused.times.into(),
            first_at: refused.first_at.as_micros(),
            last_at: refused.last_at.as_micros(),
        }
    }
}

impl Refused<'_> {
    /// Adds what the same report says later: the agent is its last one's.
    fn add(&mut self, later: Self) {
        *self = Self {
            times: self.times.saturating_add(later.times),
            first_at: self.first_at.min(later.first_at),
            last_at: self.last_at.max(later.last_at),
            ..later
        };
    }
}

fn add(rows: &[((DayOf, Row), Refused<'_>)]) -> Sql {
    let sql = Sql::new(
        "INSERT INTO refused_use (directory_id, day, reason, credential_id, address, agent, oauth_client_id, times, first_at, \
         last_at) VALUES ",
    );
    let sql = sql.rows(rows, |sql, (((directory, day), (reason, credential, address)), refused)| {
        let sql = sql.value(*directory).text(", ").value(*day).text(", ").value(reason.as_str());
        let sql = sql.text(", ").value(*credential).text(", ").value(address.as_str());
        let sql = sql.text(", ").value(refused.agent).text(", ").value(refused.client);
        let sql = sql.text(", ").value(refused.times).text(", ").value(refused.first_at);
        sql.text(", ").value(refused.last_at)
    });
    sql.text(
        " ON CONFLICT (directory_id, day, reason, credential_id, address) DO UPDATE SET \
         times = refused_use.times + excluded.times, agent = excluded.agent, \
         oauth_client_id = excluded.oauth_client_id, \
         last_at = CASE WHEN excluded.last_at > refused_use.last_at THEN excluded.last_at ELSE refused_use.last_at END",
    )
}
