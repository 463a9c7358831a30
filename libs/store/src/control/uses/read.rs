//! Reading what is known of credentials' use.

use std::collections::BTreeMap;

use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, Directory},
};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{CredentialUse, DAY, HOUR, LastUse, PlaceOfUse, RefusedUse};
use crate::{StoreError, control::TenantStore, statement::Sql};

impl TenantStore {
    /// When a directory's credentials were used. Those that never were are not in it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn last_uses(&self, directory: Id<Directory>) -> Result<BTreeMap<Id<Credential>, LastUse>, StoreError> {
        self.owns(directory).await?;
        let sql = Sql::new(
            "SELECT credential_id, first_used_at, last_used_at, last_address, last_agent FROM credential_use \
             WHERE directory_id = ",
        );
        let rows = self.inner.rows(sql.id(directory).build(self.inner.backend())).await?;
        let read = |row: &QueryResult| -> Result<_, StoreError> {
            let last = LastUse {
                first_at: Timestamp::from_micros(row.try_get("", "first_used_at")?),
                at: Timestamp::from_micros(row.try_get("", "last_used_at")?),
                address: row.try_get("", "last_address")?,
                agent: row.try_get("", "last_agent")?,
            };
            Ok((Id::from_uuid(row.try_get("", "credential_id")?), last))
        };
        rows.iter().map(read).collect()
    }

    /// What one credential was used for since `since`, to the hour: oldest first, at most `limit` rows.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn activity(
        &self,
        directory: Id<Directory>,
        credential: Id<Credential>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<CredentialUse>, StoreError> {
        self.owns(directory).await?;
        let sql = Sql::new(
            "SELECT hour, address, agent, outside, reads, writes, last_at FROM credential_activity WHERE directory_id = ",
        )
        .id(directory)
        .text(" AND credential_id = ")
        .id(credential)
        .text(" AND hour >= ")
        .value(since.as_micros() / HOUR)
        .text(" ORDER BY hour, address, agent LIMIT ")
        .value(i64::from(limit));
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        let read = |row: &QueryResult| -> Result<_, StoreError> {
            Ok(CredentialUse {
                directory,
                credential,
                address: row.try_get("", "address")?,
                agent: row.try_get("", "agent")?,
                outside: row.try_get("", "outside")?,
                reads: count(row, "reads")?,
                writes: count(row, "writes")?,
                first_at: Timestamp::from_micros(row.try_get::<i64>("", "hour")? * HOUR),
                last_at: Timestamp::from_micros(row.try_get("", "last_at")?),
            })
        };
        rows.iter().map(read).collect()
    }

    /// How often one credential was used since `since`, to the hour: requests that look, requests that change, and whether
    /// any came from outside its networks.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn times_used(
        &self,
        directory: Id<Directory>,
        credential: Id<Credential>,
        since: Timestamp,
    ) -> Result<(u64, u64, bool), StoreError> {
        self.owns(directory).await?;
        let sql = Sql::new(
            "SELECT CAST(COALESCE(SUM(reads), 0) AS bigint) AS reads, CAST(COALESCE(SUM(writes), 0) AS bigint) AS writes, \
             CAST(COALESCE(MAX(CASE WHEN outside THEN 1 ELSE 0 END), 0) AS bigint) AS outside FROM credential_activity \
             WHERE directory_id = ",
        )
        .id(directory)
        .text(" AND credential_id = ")
        .id(credential)
        .text(" AND hour >= ")
        .value(since.as_micros() / HOUR);
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        let row = rows.first().ok_or_else(|| StoreError::internal("a sum of nothing"))?;
        let number = |column| -> Result<u64, StoreError> { Ok(row.try_get::<i64>("", column)?.unsigned_abs()) };
        Ok((number("reads")?, number("writes")?, number("outside")? == 1))
    }

    /// Where one credential was used from since `since`, to the hour: the latest first, at most `limit` places.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn places_of_use(
        &self,
        directory: Id<Directory>,
        credential: Id<Credential>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<PlaceOfUse>, StoreError> {
        self.owns(directory).await?;
        let sql = Sql::new(
            "SELECT address, agent, MAX(CASE WHEN outside THEN 1 ELSE 0 END) AS outside, \
             CAST(SUM(reads) AS bigint) AS reads, CAST(SUM(writes) AS bigint) AS writes, MIN(hour) AS hour, \
             MAX(last_at) AS last_at FROM credential_activity WHERE directory_id = ",
        )
        .id(directory)
        .text(" AND credential_id = ")
        .id(credential)
        .text(" AND hour >= ")
        .value(since.as_micros() / HOUR)
        .text(" GROUP BY address, agent ORDER BY last_at DESC, address, agent LIMIT ")
        .value(i64::from(limit));
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        let read = |row: &QueryResult| -> Result<_, StoreError> {
            Ok(PlaceOfUse {
                address: row.try_get("", "address")?,
                agent: row.try_get("", "agent")?,
                outside: row.try_get::<i32>("", "outside")? == 1,
                reads: row.try_get::<i64>("", "reads")?.unsigned_abs(),
                writes: row.try_get::<i64>("", "writes")?.unsigned_abs(),
                first_at: Timestamp::from_micros(row.try_get::<i64>("", "hour")? * HOUR),
                last_at: Timestamp::from_micros(row.try_get("", "last_at")?),
            })
        };
        rows.iter().map(read).collect()
    }

    /// A directory's refused uses since `since`, to the day: the latest first, at most `limit` rows.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn refusals(
        &self,
        directory: Id<Directory>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<RefusedUse>, StoreError> {
        self.refusals_with(directory, None, since, limit).await
    }

    /// Those of one credential.
    ///
    /// # Errors
    /// As [`TenantStore::refusals`].
    pub async fn refusals_of(
        &self,
        directory: Id<Directory>,
        credential: Id<Credential>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<RefusedUse>, StoreError> {
        self.refusals_with(directory, Some(credential), since, limit).await
    }

    async fn refusals_with(
        &self,
        directory: Id<Directory>,
        credential: Option<Id<Credential>>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<RefusedUse>, StoreError> {
        self.owns(directory).await?;
        let sql = Sql::new(
            "SELECT reason, credential_id, address, agent, times, first_at, last_at FROM refused_use WHERE directory_id = ",
        )
        .id(directory)
        .text(" AND day >= ")
        .value(since.as_micros() / DAY)
        .text(" AND last_at >= ")
        .value(since.as_micros());
        let sql = match credential {
            Some(credential) => sql.text(" AND credential_id = ").id(credential),
            None => sql,
        };
        let sql = sql.text(" ORDER BY last_at DESC, reason, address LIMIT ").value(i64::from(limit));
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        let read = |row: &QueryResult| -> Result<_, StoreError> {
            let credential: Uuid = row.try_get("", "credential_id")?;
            Ok(RefusedUse {
                directory,
                credential: (!credential.is_nil()).then(|| Id::from_uuid(credential)),
                reason: row.try_get("", "reason")?,
                address: row.try_get("", "address")?,
                agent: row.try_get("", "agent")?,
                times: count(row, "times")?,
                first_at: Timestamp::from_micros(row.try_get("", "first_at")?),
                last_at: Timestamp::from_micros(row.try_get("", "last_at")?),
            })
        };
        rows.iter().map(read).collect()
    }
}

/// What is counted here fits as long as somebody counts it within an hour or a day.
fn count(row: &QueryResult, column: &str) -> Result<u32, StoreError> {
    Ok(u32::try_from(row.try_get::<i64>("", column)?).unwrap_or(u32::MAX))
}
