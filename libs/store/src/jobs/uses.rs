//! Erasing what is known of credentials' use after a while, in bites.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rollcall_base::Timestamp;
use sea_orm::{ConnectionTrait, QueryResult, Value};
use uuid::Uuid;

use crate::{
    StoreError,
    door::Mutation,
    statement::{BATCH, Sql},
    store::Inner,
    transaction::Transaction,
};

pub(super) async fn purge(
    inner: &Inner,
    activity_before: Timestamp,
    refusals_before: Timestamp,
    limit: u32,
) -> Result<usize, StoreError> {
    let mut erased = 0;
    for (table, before) in [
        (&ACTIVITY, activity_before.hour()),
        (&PAST_TOKENS, activity_before.as_micros()),
        (&REFUSALS, refusals_before.day()),
    ] {
        // Idle, it only reads.
        if !inner.rows(table.old(before, 1).build(inner.backend())).await?.is_empty() {
            erased += inner.write(Purge { table, before, limit }).await?;
        }
    }
    Ok(erased)
}

pub(super) async fn purge_reporters(inner: &Inner, before: Timestamp) -> Result<usize, StoreError> {
    let old = Sql::new("SELECT 1 FROM use_reporter WHERE at < ").value(before.as_micros()).text(" LIMIT 1");
    if inner.rows(old.build(inner.backend())).await?.is_empty() {
        return Ok(0);
    }
    inner.write(PurgeReporters(before)).await
}

/// There is one for each start of a gateway: few enough to go at once.
struct PurgeReporters(Timestamp);

#[async_trait]
impl Mutation for PurgeReporters {
    type Output = usize;

    async fn run(&self, transaction: &Transaction) -> Result<usize, StoreError> {
        let sql = Sql::new("DELETE FROM use_reporter WHERE at < ").value(self.0.as_micros());
        let erased = transaction.execute_raw(sql.build(transaction.get_database_backend())).await?;
        Ok(erased.rows_affected() as usize)
    }
}

struct Table {
    name: &'static str,
    /// What its rows' age is told by.
    age: &'static str,
    /// Its key without the directory and the age; whether it is an id.
    key: &'static [(&'static str, bool)],
}

const ACTIVITY: Table = Table {
    name: "credential_activity",
    age: "hour",
    key: &[("credential_id", true), ("address", false), ("agent", false)],
};
const PAST_TOKENS: Table = Table { name: "past_access_token", age: "expires_at", key: &[("credential_id", true)] };
const REFUSALS: Table =
    Table { name: "refused_use", age: "day", key: &[("reason", false), ("credential_id", true), ("address", false)] };

impl Table {
    fn columns(&self) -> String {
        let key: Vec<&str> = self.key.iter().map(|(column, _)| *column).collect();
        format!("{}, {}", self.age, key.join(", "))
    }

    /// The oldest rows of all directories.
    fn old(&self, before: i64, limit: u32) -> Sql {
        let Self { name, age, .. } = self;
        Sql::new(&format!("SELECT directory_id, {} FROM {name} WHERE {age} < ", self.columns()))
            .value(before)
            .text(&format!(" ORDER BY {age} LIMIT "))
            .value(i64::from(limit))
    }

    fn key(&self, row: &QueryResult) -> Result<Vec<Value>, StoreError> {
        let mut key = vec![Value::from(row.try_get::<i64>("", self.age)?)];
        for (column, is_id) in self.key {
            key.push(match is_id {
                true => row.try_get::<Uuid>("", column)?.into(),
                false => row.try_get::<String>("", column)?.into(),
            });
        }
        Ok(key)
    }
}

struct Purge {
    table: &'static Table,
    before: i64,
    limit: u32,
}

#[async_trait]
impl Mutation for Purge {
    type Output = usize;

    async fn run(&self, transaction: &Transaction) -> Result<usize, StoreError> {
        let backend = transaction.get_database_backend();
        let mut directories: BTreeMap<Uuid, Vec<Vec<Value>>> = BTreeMap::new();
        for row in transaction.query_all_raw(self.table.old(self.before, self.limit).build(backend)).await? {
            directories.entry(row.try_get("", "directory_id")?).or_default().push(self.table.key(&row)?);
        }
        let mut erased = 0;
        for (directory, keys) in directories {
            for some in keys.chunks(BATCH / 4) {
                let sql = Sql::new(&format!("DELETE FROM {} WHERE directory_id = ", self.table.name)).value(directory);
                let sql = sql.text(&format!(" AND ({}) IN (VALUES ", self.table.columns()));
                let sql = sql.rows(some, |sql, key| {
                    let comma = |at| if at == 0 { "" } else { ", " };
                    key.iter().enumerate().fold(sql, |sql, (at, value)| sql.text(comma(at)).value(value.clone()))
                });
                erased += transaction.execute_raw(sql.text(")").build(backend)).await?.rows_affected();
            }
        }
        Ok(erased as usize)
    }
}

const TOLERATED: Table = Table { name: "tolerated_use", age: "day", key: &[("what", false)] };

/// The same for what was tolerated of directories' clients.
pub(super) async fn purge_tolerated(inner: &Inner, before: Timestamp, limit: u32) -> Result<usize, StoreError> {
    let before = before.day();
    if inner.rows(TOLERATED.old(before, 1).build(inner.backend())).await?.is_empty() {
        return Ok(0);
    }
    inner.write(Purge { table: &TOLERATED, before, limit }).await
}
