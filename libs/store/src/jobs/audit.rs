//! The numbers of the audit's lines. No change waits for a number: they are given afterwards, by one job at a time.

use async_trait::async_trait;
use rollcall_base::Timestamp;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{StoreError, door::Mutation, statement::Sql, store::Inner, transaction::Transaction};

/// A tenant whose audit has lines without a number.
const WAITING: &str = "SELECT tenant_id FROM audit WHERE seq IS NULL ORDER BY tenant_id LIMIT 1";

pub(super) async fn number(inner: &Inner, limit: u32) -> Result<usize, StoreError> {
    // Idle, it only reads, as the sequencer of events does.
    if inner.rows(Sql::new(WAITING).build(inner.backend())).await?.is_empty() {
        return Ok(0);
    }
    inner.write(Number { limit, now: inner.clock.now() }).await
}

struct Number {
    limit: u32,
    now: Timestamp,
}

#[async_trait]
impl Mutation for Number {
    type Output = usize;

    async fn run(&self, transaction: &Transaction) -> Result<usize, StoreError> {
        let backend = transaction.get_database_backend();
        // Holds this row until the commit, so that a second one begins when this one's work can be seen.
        let lock = Sql::new("INSERT INTO job_lock (name, taken_at) VALUES ('audit', ").value(self.now.as_micros());
        let lock = lock.text(") ON CONFLICT (name) DO UPDATE SET taken_at = excluded.taken_at");
        transaction.execute_raw(lock.build(backend)).await?;
        let Some(row) = transaction.query_one_raw(Sql::new(WAITING).build(backend)).await? else { return Ok(0) };
        let tenant: Uuid = row.try_get("", "tenant_id")?;
        let last = Sql::new("SELECT seq FROM audit WHERE tenant_id = ").value(tenant);
        let last = last.text(" AND seq IS NOT NULL ORDER BY seq DESC LIMIT 1").build(backend);
        let last = transaction.query_one_raw(last).await?;
        let last: i64 = last.map(|row| row.try_get("", "seq")).transpose()?.unwrap_or(0);
        // What can be seen by now in the order of its writing; what is committed later comes later.
        let number = Sql::new("UPDATE audit SET seq = ")
            .value(last)
            .text(" + n.place FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS place FROM audit WHERE tenant_id = ")
            .value(tenant)
            .text(" AND seq IS NULL ORDER BY id LIMIT ")
            .value(i64::from(self.limit))
            .text(") n WHERE audit.id = n.id");
        Ok(transaction.execute_raw(number.build(backend)).await?.rows_affected() as usize)
    }
}
