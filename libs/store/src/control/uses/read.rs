//! Reading what is known of credentials' use.

use std::collections::BTreeMap;

use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, Directory},
};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{LastUse, PlaceOfUse, RefusedUse, count};
use crate::{
    StoreError,
    control::{Holder, TenantStore, Within},
    statement::Sql,
};

impl TenantStore {
    /// When credentials were used. Those that never were are not in it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn last_uses(&self, within: impl Into<Within>) -> Result<BTreeMap<Id<Credential>, LastUse>, StoreError> {
        let within = within.into();
        self.owns_all(within).await?;
        let rows = self.inner.rows(self.uses_in(within).build(self.inner.backend())).await?;
        rows.iter().map(last_use).collect()
    }

    /// When one of a directory's credentials was used, if it ever was.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn last_use(
        &self,
        directory: Id<Directory>,
        credential: Id<Credential>,
    ) -> Result<Option<LastUse>, StoreError> {
        self.owns(directory).await?;
        let sql = self.uses_in(directory.into()).text(" AND credential_id = ").id(credential);
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        rows.first().map(|row| Ok(last_use(row)?.1)).transpose()
    }

    fn uses_in(&self, within: Within) -> Sql {
        Sql::new("SELECT credential_id, first_used_at, last_used_at, last_address, last_agent FROM credential_use ")
            .text("WHERE")
            .part(&within.is("directory_id", self.tenant))
    }

    /// What somebody did since `since`, by the hour and the place: oldest first, at most `limit` rows.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn activity(
        &self,
        directory: Id<Directory>,
        holder: impl Into<Holder>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<PlaceOfUse>, StoreError> {
        self.owns(directory).await?;
        let sql = used_since(&format!("SELECT {SUMS}, hour"), directory, holder.into(), since)
            .text(" GROUP BY hour, address, agent ORDER BY hour, address, agent LIMIT ")
            .value(i64::from(limit));
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        rows.iter().map(place).collect()
    }

    /// How often somebody did something since `since`, to the hour: requests that look, requests that change, and whether any
    /// came from outside the networks.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn times_used(
        &self,
        directory: Id<Directory>,
        holder: impl Into<Holder>,
        since: Timestamp,
    ) -> Result<(u64, u64, bool), StoreError> {
        self.owns(directory).await?;
        let sums = "SELECT CAST(COALESCE(SUM(reads), 0) AS bigint) AS reads, CAST(COALESCE(SUM(writes), 0) AS bigint) AS writes, \
                    CAST(COALESCE(MAX(CASE WHEN outside THEN 1 ELSE 0 END), 0) AS bigint) AS outside";
        let sql = used_since(sums, directory, holder.into(), since);
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        let row = rows.first().ok_or_else(|| StoreError::internal("a sum of nothing"))?;
        let number = |column| -> Result<u64, StoreError> { Ok(row.try_get::<i64>("", column)?.unsigned_abs()) };
        Ok((number("reads")?, number("writes")?, number("outside")? == 1))
    }

    /// Where somebody did something from since `since`, to the hour: the latest first, at most `limit` places.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn places_of_use(
        &self,
        directory: Id<Directory>,
        holder: impl Into<Holder>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<PlaceOfUse>, StoreError> {
        self.owns(directory).await?;
        let sql = used_since(&format!("SELECT {SUMS}, MIN(hour) AS hour"), directory, holder.into(), since)
            .text(" GROUP BY address, agent ORDER BY last_at DESC, address, agent LIMIT ")
            .value(i64::from(limit));
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        rows.iter().map(place).collect()
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

    /// Those of one token, or of an OAuth client: of its access tokens, and when it asked for one.
    ///
    /// # Errors
    /// As [`TenantStore::refusals`].
    pub async fn refusals_of(
        &self,
        directory: Id<Directory>,
        holder: impl Into<Holder>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<RefusedUse>, StoreError> {
        self.refusals_with(directory, Some(holder.into()), since, limit).await
    }

    async fn refusals_with(
        &self,
        directory: Id<Directory>,
        holder: Option<Holder>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<RefusedUse>, StoreError> {
        self.owns(directory).await?;
        let sql = Sql::new(
            "SELECT reason, credential_id, oauth_client_id, address, agent, times, first_at, last_at FROM refused_use \
             WHERE directory_id = ",
        )
        .id(directory)
        .text(" AND day >= ")
        .value(since.day())
        .text(" AND last_at >= ")
        .value(since.as_micros());
        let sql = match holder {
            Some(Holder::Token(credential)) => sql.text(" AND credential_id = ").id(credential),
            Some(Holder::Client(client)) => sql.text(" AND oauth_client_id = ").id(client),
            None => sql,
        };
        let sql = sql.text(" ORDER BY last_at DESC, reason, address LIMIT ").value(i64::from(limit));
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        let read = |row: &QueryResult| -> Result<_, StoreError> {
            let credential: Uuid = row.try_get("", "credential_id")?;
            let client: Option<Uuid> = row.try_get("", "oauth_client_id")?;
            Ok(RefusedUse {
                directory,
                // Where it is the client that was refused, its id stands in both.
                credential: (!credential.is_nil() && client != Some(credential)).then(|| Id::from_uuid(credential)),
                client: client.map(Id::from_uuid),
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

const SUMS: &str = "address, agent, MAX(CASE WHEN outside THEN 1 ELSE 0 END) AS outside, \
                    CAST(SUM(reads) AS bigint) AS reads, CAST(SUM(writes) AS bigint) AS writes, MAX(last_at) AS last_at";

/// `what` of all that somebody did.
fn used_since(what: &str, directory: Id<Directory>, holder: Holder, since: Timestamp) -> Sql {
    let sql = Sql::new(what).text(" FROM credential_activity WHERE directory_id = ").id(directory);
    holder.ids(sql.text(" AND credential_id IN ")).text(" AND hour >= ").value(since.hour())
}

fn place(row: &QueryResult) -> Result<PlaceOfUse, StoreError> {
    Ok(PlaceOfUse {
        address: row.try_get("", "address")?,
        agent: row.try_get("", "agent")?,
        outside: row.try_get::<i32>("", "outside")? == 1,
        reads: row.try_get::<i64>("", "reads")?.unsigned_abs(),
        writes: row.try_get::<i64>("", "writes")?.unsigned_abs(),
        first_at: Timestamp::of_hour(row.try_get("", "hour")?),
        last_at: Timestamp::from_micros(row.try_get("", "last_at")?),
    })
}

fn last_use(row: &QueryResult) -> Result<(Id<Credential>, LastUse), StoreError> {
    let last = LastUse {
        first_at: Timestamp::from_micros(row.try_get("", "first_used_at")?),
        at: Timestamp::from_micros(row.try_get("", "last_used_at")?),
        address: row.try_get("", "last_address")?,
        agent: row.try_get("", "last_agent")?,
    };
    Ok((Id::from_uuid(row.try_get("", "credential_id")?), last))
}
