//! Erasing what was deleted, in bites: what was deleted long ago, and what its directory wants erased at once. What is erased
//! is erased: of a resource's events the skeletons stay (what was changed, when, by whom) and no value.

use async_trait::async_trait;
use rollcall_base::Timestamp;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{
    StoreError,
    dialect::{erased_changes, for_update_of_free},
    door::Mutation,
    statement::Sql,
    transaction::Transaction,
};

pub(super) struct Purge {
    pub(super) before: Timestamp,
    pub(super) now: Timestamp,
    pub(super) limit: u32,
}

/// A resource that is being erased.
struct Doomed {
    directory: Uuid,
    id: Uuid,
    /// The version of its deletion: there is no event after it.
    last: i64,
    /// Its events up to this version hold no values any more.
    erased_to: i64,
}

#[async_trait]
impl Mutation for Purge {
    type Output = usize;

    async fn run(&self, transaction: &Transaction) -> Result<usize, StoreError> {
        let limit = u64::from(self.limit);
        let mut left = limit;
        for due in [
            Sql::new("d.deleted_at < ").value(self.before.as_micros()).text(" ORDER BY d.deleted_at"),
            Sql::new("d.erase_at <= ").value(self.now.as_micros()).text(" ORDER BY d.erase_at"),
        ] {
            if left == 0 {
                break;
            }
            for doomed in self.find(transaction, &due, left).await? {
                left = doomed.bite(transaction, left).await?;
                if left == 0 {
                    break;
                }
            }
        }
        Ok((limit - left) as usize)
    }
}

impl Purge {
    async fn find(&self, transaction: &Transaction, due: &Sql, left: u64) -> Result<Vec<Doomed>, StoreError> {
        let backend = transaction.get_database_backend();
        let sql = Sql::new("SELECT d.directory_id, d.id, d.version, d.erased_to FROM deleted_resource d WHERE")
            // What has no number yet still gets its event: with the values, if it were not waited for.
            .text(" NOT EXISTS (SELECT 1 FROM outbox o WHERE o.directory_id = d.directory_id")
            .text(" AND o.resource_id = d.id) AND ")
            .part(due)
            .text(" LIMIT ")
            .value(left as i64)
            // Somebody may be bringing it back.
            .text(for_update_of_free(backend));
        let rows = transaction.query_all_raw(sql.build(backend)).await?;
        let doomed = rows.iter().map(|row| {
            Ok(Doomed {
                directory: row.try_get("", "directory_id")?,
                id: row.try_get("", "id")?,
                last: row.try_get::<i64>("", "version")? + 1,
                erased_to: row.try_get::<Option<i64>>("", "erased_to")?.unwrap_or(0),
            })
        });
        doomed.collect()
    }
}

impl Doomed {
    /// Erases at most `left` rows of it, and returns how many may still be erased.
    async fn bite(&self, transaction: &Transaction, left: u64) -> Result<u64, StoreError> {
        let backend = transaction.get_database_backend();
        let left = left - self.members(transaction, left).await?;
        if left == 0 {
            // What is begun is not brought back, whatever the time is elsewhere.
            self.mark(transaction, self.erased_to).await?;
            return Ok(0);
        }
        let (erased, to) = self.events(transaction, left).await?;
        let left = left - erased;
        // Not while an event holds values: the next round goes on behind `to`.
        if left == 0 || to < self.last {
            return Ok(left);
        }
        transaction.execute_raw(self.of_group(Sql::new("DELETE FROM member_set")).build(backend)).await?;
        transaction.execute_raw(self.own(Sql::new("DELETE FROM deleted_resource")).build(backend)).await?;
        Ok(left - 1)
    }

    async fn members(&self, transaction: &Transaction, left: u64) -> Result<u64, StoreError> {
        let some = self.of_group(Sql::new("SELECT member_id FROM member")).text(" LIMIT ").value(left as i64);
        let sql = self.of_group(Sql::new("DELETE FROM member")).text(" AND member_id IN (").part(&some).text(")");
        let erased = transaction.execute_raw(sql.build(transaction.get_database_backend())).await?;
        Ok(erased.rows_affected().min(left))
    }

    /// A resource has an event for each version. Returns how many were erased, and up to which version all are.
    async fn events(&self, transaction: &Transaction, left: u64) -> Result<(u64, i64), StoreError> {
        let backend = transaction.get_database_backend();
        let to = self.last.min(self.erased_to.saturating_add(i64::try_from(left).unwrap_or(i64::MAX)));
        if to <= self.erased_to {
            return Ok((0, self.erased_to));
        }
        let sql = Sql::new("UPDATE event SET changes = ").text(erased_changes(backend)).text(" WHERE directory_id = ");
        let sql = sql.value(self.directory).text(" AND resource_id = ").value(self.id).text(" AND version > ");
        let sql = sql.value(self.erased_to).text(" AND version <= ").value(to);
        let erased = transaction.execute_raw(sql.build(backend)).await?;
        self.mark(transaction, to).await?;
        Ok((erased.rows_affected().min(left), to))
    }

    async fn mark(&self, transaction: &Transaction, to: i64) -> Result<(), StoreError> {
        let mark = self.own(Sql::new("UPDATE deleted_resource SET erased_to = ").value(to));
        transaction.execute_raw(mark.build(transaction.get_database_backend())).await?;
        Ok(())
    }

    fn own(&self, sql: Sql) -> Sql {
        sql.text(" WHERE directory_id = ").value(self.directory).text(" AND id = ").value(self.id)
    }

    fn of_group(&self, sql: Sql) -> Sql {
        sql.text(" WHERE directory_id = ").value(self.directory).text(" AND group_id = ").value(self.id)
    }
}
