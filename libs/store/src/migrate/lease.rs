//! The right to migrate: a row with its holder and its end, by the database's own clock. No advisory lock, which
//! CockroachDB has none of, and no table lock.

use std::time::Duration;

use rollcall_base::{Entropy, SystemEntropy};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, QueryResult};
use tokio::time::{Instant, sleep, timeout};

use super::Progress;
use crate::{StoreError, dialect::failure, statement::Sql};

/// How often the lease of another run is looked at again, at most.
const LOOK: Duration = Duration::from_millis(500);
/// Microseconds since 1970 by the database's clock; unlike now() it goes on within a transaction.
const NOW: &str = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)";
/// It is there before the first migration, so none of them makes it.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS migration_lease \
                     (name text NOT NULL PRIMARY KEY, holder text NOT NULL, until bigint NOT NULL)";

/// A lease that was taken.
pub(super) struct Lease<'a> {
    connection: &'a DatabaseConnection,
    holder: String,
    length: Duration,
}

impl<'a> Lease<'a> {
    /// Waits until nobody has the lease, or whoever has it was not heard of for its length, and takes it.
    pub(super) async fn take(
        connection: &'a DatabaseConnection,
        length_ms: u64,
        tell: &(dyn Fn(Progress) + Sync),
    ) -> Result<Self, StoreError> {
        let lease = Self { connection, holder: holder(), length: Duration::from_millis(length_ms) };
        lease.make_table().await?;
        let mut told = String::new();
        loop {
            if lease.try_take().await? {
                return Ok(lease);
            }
            let Some((holder, rest)) = lease.other().await? else { continue };
            if told != holder {
                tell(Progress::Waiting { holder: holder.clone(), rest_ms: rest.as_millis() as u64 });
                told = holder;
            }
            sleep(rest.clamp(Duration::from_millis(20), LOOK)).await;
        }
    }

    /// Two may make the table at the same time: the one that comes second fails, and then it is there.
    async fn make_table(&self) -> Result<(), StoreError> {
        let there = Sql::new("SELECT 1 FROM migration_lease LIMIT 1");
        match self.rows(there.clone()).await {
            Err(error) if failure::is_missing_table(&error) => {}
            answer => return Ok(answer.map(drop)?),
        }
        match self.connection.execute_unprepared(TABLE).await {
            Ok(_) => Ok(()),
            Err(error) => self.rows(there).await.map(drop).map_err(|_| error.into()),
        }
    }

    async fn try_take(&self) -> Result<bool, StoreError> {
        let sql = Sql::new("INSERT INTO migration_lease (name, holder, until) VALUES ('schema', ")
            .value(self.holder.as_str())
            .text(", ")
            .text(NOW)
            .text(" + ")
            .value(self.micros())
            .text(") ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until")
            .text(" WHERE migration_lease.until < ")
            .text(NOW)
            .text(" RETURNING until");
        match self.rows(sql).await {
            Ok(rows) => Ok(!rows.is_empty()),
            // Under SERIALIZABLE two that take it at the same time stop each other; and whoever gives it back holds it
            // until its commit.
            Err(error) if failure::is_contention(&error) || failure::is_lock_timeout(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Who has it, and for how long.
    async fn other(&self) -> Result<Option<(String, Duration)>, StoreError> {
        let sql = Sql::new("SELECT holder, until - ").text(NOW).text(" AS rest FROM migration_lease");
        let rows = self.rows(sql.text(" WHERE name = 'schema'")).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let rest = u64::try_from(row.try_get::<i64>("", "rest")?).unwrap_or(0);
        Ok(Some((row.try_get("", "holder")?, Duration::from_micros(rest))))
    }

    /// Renews the lease for as long as it is polled; ends only with the reason why that cannot go on: another run has
    /// it, or may have it because no renewal came through for its length.
    pub(super) async fn keep(&self) -> StoreError {
        let part = self.length / 3;
        let mut renewed = Instant::now();
        loop {
            sleep(part).await;
            let begun = Instant::now();
            let sql = Sql::new("UPDATE migration_lease SET until = ").text(NOW).text(" + ").value(self.micros());
            let sql = self.mine(sql).text(" RETURNING until");
            match timeout(part, self.rows(sql)).await {
                Ok(Ok(rows)) if rows.is_empty() => return StoreError::LeaseLost,
                Ok(Ok(_)) => renewed = begun,
                // Whether it is still ours when that matters, the database says then.
                Ok(Err(error)) => tracing::warn!(error = ?error, "the migration lease was not renewed"),
                Err(_) => tracing::warn!("the migration lease was not renewed: the database does not answer"),
            }
            if renewed.elapsed() >= self.length {
                return StoreError::LeaseLost;
            }
        }
    }

    /// Gives the lease back within the migration's transaction, which can only commit if it was still held: nobody can
    /// take it between this and the commit.
    pub(super) async fn give_back(&self, transaction: &DatabaseTransaction) -> Result<(), StoreError> {
        let sql = self.mine(Sql::new("UPDATE migration_lease SET until = 0")).text(" AND until >= ").text(NOW);
        let given = transaction.execute_raw(sql.build(transaction.get_database_backend())).await?;
        if given.rows_affected() == 1 { Ok(()) } else { Err(StoreError::LeaseLost) }
    }

    /// After a failure. If that fails too, the lease ends by itself.
    pub(super) async fn release(&self) {
        let sql = self.mine(Sql::new("UPDATE migration_lease SET until = 0")).text(" RETURNING until");
        if let Err(error) = self.rows(sql).await {
            tracing::warn!(error = ?error, "the migration lease was not given back; it ends by itself");
        }
    }

    fn mine(&self, sql: Sql) -> Sql {
        sql.text(" WHERE name = 'schema' AND holder = ").value(self.holder.as_str())
    }

    fn micros(&self) -> i64 {
        i64::try_from(self.length.as_micros()).unwrap_or(i64::MAX)
    }

    async fn rows(&self, sql: Sql) -> Result<Vec<QueryResult>, sea_orm::DbErr> {
        let answer = self.connection.query_all_raw(sql.build(self.connection.get_database_backend()));
        let late = |_| Err(failure::too_late("the database did not answer for as long as a migration lease lasts"));
        timeout(self.length, answer).await.unwrap_or_else(late)
    }
}

/// Who runs this, for the others to tell: machine, process, and a random number, as both of those come again.
fn holder() -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut random = [0; 4];
    SystemEntropy.fill(&mut random);
    let machine = if machine.trim().is_empty() { "unknown machine" } else { machine.trim() };
    format!("{machine}, process {}, {:08x}", std::process::id(), u32::from_be_bytes(random))
}
