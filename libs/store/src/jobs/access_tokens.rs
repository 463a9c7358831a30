//! Erasing access tokens that expired long ago, in bites.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rollcall_base::Timestamp;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{
    StoreError,
    door::Mutation,
    statement::{BATCH, Sql},
    transaction::Transaction,
};

pub(super) struct PurgeAccessTokens {
    pub(super) before: Timestamp,
    pub(super) limit: u32,
}

/// What can be erased: of OAuth clients alone, whose tokens come by themselves.
pub(super) fn expired(columns: &str, before: Timestamp, limit: u32) -> Sql {
    Sql::new("SELECT ")
        .text(columns)
        .text(" FROM credential WHERE oauth_client_id IS NOT NULL AND expires_at < ")
        .value(before.as_micros())
        .text(" ORDER BY expires_at LIMIT ")
        .value(i64::from(limit))
}

#[async_trait]
impl Mutation for PurgeAccessTokens {
    type Output = usize;

    async fn run(&self, transaction: &Transaction) -> Result<usize, StoreError> {
        let backend = transaction.get_database_backend();
        let rows = expired("directory_id, id", self.before, self.limit).build(backend);
        let mut by_directory: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
        for row in transaction.query_all_raw(rows).await? {
            by_directory.entry(row.try_get("", "directory_id")?).or_default().push(row.try_get("", "id")?);
        }
        for (directory, ids) in &by_directory {
            for some in ids.chunks(BATCH) {
                for table in ["credential_use", "credential_activity"] {
                    let of_directory =
                        Sql::new("DELETE FROM ").text(table).text(" WHERE directory_id = ").value(*directory);
                    let erase = of_directory.text(" AND credential_id IN ").ids(some);
                    transaction.execute_raw(erase.build(backend)).await?;
                }
                let erase = Sql::new("DELETE FROM credential WHERE id IN ").ids(some);
                transaction.execute_raw(erase.build(backend)).await?;
            }
        }
        Ok(by_directory.values().map(Vec::len).sum())
    }
}
