//! Erasing what was deleted long ago, in bites.

use async_trait::async_trait;
use rollcall_base::Timestamp;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{StoreError, door::Mutation, statement::Sql, transaction::Transaction};

pub(super) struct Purge {
    pub(super) before: Timestamp,
    pub(super) limit: u32,
}

#[async_trait]
impl Mutation for Purge {
    type Output = usize;

    async fn run(&self, transaction: &Transaction) -> Result<usize, StoreError> {
        let backend = transaction.get_database_backend();
        let old = Sql::new("SELECT directory_id, id FROM deleted_resource WHERE deleted_at < ");
        let old = old.value(self.before.as_micros()).text(" ORDER BY deleted_at LIMIT ").value(i64::from(self.limit));
        let mut left = u64::from(self.limit);
        for row in transaction.query_all_raw(old.build(backend)).await? {
            let (directory, id): (Uuid, Uuid) = (row.try_get("", "directory_id")?, row.try_get("", "id")?);
            let of_group =
                |sql: Sql| sql.text(" WHERE directory_id = ").value(directory).text(" AND group_id = ").value(id);
            let some = of_group(Sql::new("SELECT member_id FROM member")).text(" LIMIT ").value(left as i64);
            let members = of_group(Sql::new("DELETE FROM member")).text(" AND member_id IN (").part(&some).text(")");
            left -= transaction.execute_raw(members.build(backend)).await?.rows_affected().min(left);
            if left == 0 {
                break;
            }
            transaction.execute_raw(of_group(Sql::new("DELETE FROM member_set")).build(backend)).await?;
            let erase = Sql::new("DELETE FROM deleted_resource WHERE directory_id = ").value(directory);
            transaction.execute_raw(erase.text(" AND id = ").value(id).build(backend)).await?;
            left -= 1;
            if left == 0 {
                break;
            }
        }
        Ok((u64::from(self.limit) - left) as usize)
    }
}
