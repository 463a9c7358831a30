//! Reading what was tolerated of a directory's client.

use rollcall_base::{Id, Timestamp, marker::Directory};
use sea_orm::QueryResult;

use super::TenantStore;
use crate::{StoreError, ToleratedUse, statement::Sql};

impl TenantStore {
    /// What was tolerated of a directory's client since `since`, to the day, each thing once: the most frequent first, at
    /// most `limit`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn tolerated(
        &self,
        directory: Id<Directory>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ToleratedUse>, StoreError> {
        self.owns(directory).await?;
        let sql = Sql::new(
            "SELECT what, CAST(SUM(times) AS bigint) AS times, MAX(last_at) AS last_at FROM tolerated_use \
             WHERE directory_id = ",
        )
        .id(directory)
        .text(" AND day >= ")
        .value(since.day())
        .text(" GROUP BY what ORDER BY times DESC, what LIMIT ")
        .value(i64::from(limit));
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        let read = |row: &QueryResult| -> Result<_, StoreError> {
            Ok(ToleratedUse {
                directory,
                what: row.try_get("", "what")?,
                times: row.try_get::<i64>("", "times")?.unsigned_abs(),
                last_at: Timestamp::from_micros(row.try_get("", "last_at")?),
            })
        };
        rows.iter().map(read).collect()
    }
}
