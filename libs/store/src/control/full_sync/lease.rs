//! Only one full sync of a directory at a time.

use async_trait::async_trait;
use rollcall_base::{Id, Timestamp, marker::Directory};
use sea_orm::ConnectionTrait;

use super::Run;
use crate::{ControlError, StoreError, door::Mutation, statement::Sql, transaction::Transaction};

/// How long a full sync that is not heard of keeps others from beginning, in microseconds.
const LEASE: i64 = 60_000_000;
/// How old the sign of life may become before it is given anew.
const RENEW: i64 = 10_000_000;

impl Run<'_> {
    /// Gives a sign of life, if the last one is a while ago.
    pub(super) async fn renew(&mut self) -> Result<(), ControlError> {
        let now = self.store.inner.clock.now();
        if now.as_micros() - self.lease.as_micros() < RENEW {
            return Ok(());
        }
        let renewed = Lease { directory: self.directory, from: Some(self.lease), to: now };
        if !self.store.inner.write(renewed).await? {
            return Err(ControlError::UnderWay);
        }
        self.lease = now;
        Ok(())
    }
}

fn lease_name(directory: Id<Directory>) -> String {
    format!("full-sync:{directory}")
}

/// Takes the lease of a directory's full sync, or gives a sign of life: with it, that it is still held is known.
pub(super) struct Lease {
    pub(super) directory: Id<Directory>,
    pub(super) from: Option<Timestamp>,
    pub(super) to: Timestamp,
}

#[async_trait]
impl Mutation for Lease {
    type Output = bool;

    async fn run(&self, transaction: &Transaction) -> Result<bool, StoreError> {
        let sql = match self.from {
            None => Sql::new("INSERT INTO job_lock (name, taken_at) VALUES (")
                .value(lease_name(self.directory))
                .text(", ")
                .value(self.to.as_micros())
                .text(") ON CONFLICT (name) DO UPDATE SET taken_at = excluded.taken_at WHERE job_lock.taken_at < ")
                .value(self.to.as_micros() - LEASE),
            Some(from) => Sql::new("UPDATE job_lock SET taken_at = ")
                .value(self.to.as_micros())
                .text(" WHERE name = ")
                .value(lease_name(self.directory))
                .text(" AND taken_at = ")
                .value(from.as_micros()),
        };
        Ok(transaction.execute_raw(sql.build(transaction.get_database_backend())).await?.rows_affected() == 1)
    }
}

/// Gives the lease back.
pub(super) struct Release {
    pub(super) directory: Id<Directory>,
    pub(super) lease: Timestamp,
}

#[async_trait]
impl Mutation for Release {
    /// Whether it was still held.
    type Output = bool;

    async fn run(&self, transaction: &Transaction) -> Result<bool, StoreError> {
        let sql = Sql::new("DELETE FROM job_lock WHERE name = ").value(lease_name(self.directory));
        let sql = sql.text(" AND taken_at = ").value(self.lease.as_micros());
        Ok(transaction.execute_raw(sql.build(transaction.get_database_backend())).await?.rows_affected() == 1)
    }
}
