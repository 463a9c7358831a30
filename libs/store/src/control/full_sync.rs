//! A directory's full sync: what is there is counted anew, and compared with what is kept of the number.
//!
//! Counting goes in steps of bounded length, each a statement of its own, so that nobody waits for a directory of
//! millions. Nothing was accepted meanwhile if the number of all changes ever is the same before and after; then the count
//! is exact.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rollcall_access::{Actor, DirectoryStep, Life, Stage, StepRefused};
use rollcall_base::{
    Id, Timestamp,
    marker::{Directory, Tenant},
};
use rollcall_scim::schema::{GROUP, KindId, USER};
use sea_orm::{ConnectionTrait, TryGetable, Value};
use serde_json::json;
use uuid::Uuid;

use super::{
    AuditRecord, TenantStore,
    audit::{self, AuditWriter},
    directory_life::{has_changes, locked, take},
};
use crate::{ControlError, StoreError, door::Mutation, statement::Sql, transaction::Transaction};

/// Rows that are counted at once.
const STEP: u32 = 10_000;
/// How often a count is begun anew because changes came meanwhile. After that it is one statement.
const TRIES: u32 = 3;
/// How long a full sync that is not heard of keeps others from beginning, in microseconds.
const LEASE: i64 = 60_000_000;
/// How old the sign of life may become before it is given anew.
const RENEW: i64 = 10_000_000;

/// How far a full sync has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// So many resources are counted of about so many.
    Resources {
        /// So far.
        counted: u64,
        /// As is kept of it.
        of: u64,
    },
    /// Changes came meanwhile: once more.
    Again,
    /// So many memberships are counted.
    Memberships {
        /// So far.
        counted: u64,
    },
}

/// What a full sync found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullSynced {
    /// Where the directory stood.
    pub before: Life,
    /// Where it stands.
    pub after: Life,
    /// Live users.
    pub users: u64,
    /// Live groups.
    pub groups: u64,
    /// Memberships in live groups.
    pub memberships: u64,
    /// By how much the number that was kept of each kind was wrong; it is right now.
    pub repaired: BTreeMap<KindId, i64>,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was done.
    pub done_at: Timestamp,
}

/// A full sync under way: only one of a directory at a time.
struct Run<'a> {
    store: &'a TenantStore,
    directory: Id<Directory>,
    lease: Timestamp,
}

/// Live resources by kind: counted, and as is kept of it.
type Compared = BTreeMap<i16, (i64, i64)>;

impl TenantStore {
    /// Counts a directory's resources anew, repairs what is kept of their number, and has the directory be synced.
    /// `forget` is waited for before that: whatever is remembered of the directory is to be forgotten in it.
    ///
    /// # Errors
    /// [`ControlError::Refused`], [`ControlError::UnderWay`], [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn full_sync(
        &self,
        directory: Id<Directory>,
        forget: impl Future<Output = ()> + Send,
        tell: &(dyn Fn(Counting) + Sync),
    ) -> Result<FullSynced, ControlError> {
        self.may_sync(directory).await?;
        let began_at = self.inner.clock.now();
        let lease = Lease { directory, from: None, to: began_at };
        if !self.inner.write(lease).await? {
            return Err(ControlError::UnderWay);
        }
        let mut run = Run { store: self, directory, lease: began_at };
        let outcome = run.work(began_at, forget, tell).await;
        if outcome.is_err() {
            // Whoever tries again need not wait until this one is taken for dead.
            let _ = self.inner.write(Release { directory, lease: run.lease }).await;
        }
        outcome
    }

    async fn may_sync(&self, directory: Id<Directory>) -> Result<(), ControlError> {
        let records = self.directories().await?;
        let record = records.iter().find(|record| record.id == directory).ok_or(StoreError::NotFound)?;
        let mut life = record.life;
        if life.stage == Stage::Submitted && has_changes(self.inner.reader(), directory.as_uuid()).await? {
            life.stage = Stage::Receiving;
        }
        Ok(life.after(DirectoryStep::FullSync).map(drop)?)
    }
}

impl Run<'_> {
    async fn work(
        &mut self,
        began_at: Timestamp,
        forget: impl Future<Output = ()> + Send,
        tell: &(dyn Fn(Counting) + Sync),
    ) -> Result<FullSynced, ControlError> {
        let compared = self.compare(tell).await?;
        let memberships = self.memberships(tell).await?;
        forget.await;
        let store = self.store;
        let finish = Finish {
            tenant: store.tenant,
            directory: self.directory,
            lease: self.lease,
            compared,
            memberships,
            began_at,
            actor: store.actor.clone(),
            audit: AuditWriter::new(&store.inner),
        };
        let (done, written) = store.inner.write(finish).await?.map_err(|ended| match ended {
            Ended::Refused(refused) => ControlError::Refused(refused),
            Ended::TakenOver => ControlError::UnderWay,
        })?;
        audit::tell(&written);
        Ok(done)
    }

    /// Counts, and looks up what is kept of the number, both of one state of the directory.
    async fn compare(&mut self, tell: &(dyn Fn(Counting) + Sync)) -> Result<Compared, ControlError> {
        for again in 0..TRIES {
            if again > 0 {
                tell(Counting::Again);
            }
            let (before, kept) = (self.changes().await?, self.kept().await?);
            let of = kept.values().sum::<i64>().max(0).unsigned_abs();
            let counted = self.resources(of, tell).await?;
            if self.changes().await? == before {
                let kinds = counted.keys().chain(kept.keys());
                let of = |map: &BTreeMap<i16, i64>, kind| map.get(kind).copied().unwrap_or(0);
                return Ok(kinds.map(|kind| (*kind, (of(&counted, kind), of(&kept, kind)))).collect());
            }
        }
        // So busy that it never stands still: one statement sees one state.
        tell(Counting::Again);
        Ok(self.compare_at_once().await?)
    }

    /// How many changes of the directory were ever accepted, numbered or not.
    async fn changes(&self) -> Result<i64, StoreError> {
        let sql = Sql::new("SELECT COALESCE((SELECT last_seq FROM event_counter WHERE directory_id = ")
            .id(self.directory)
            .text("), 0) + (SELECT COUNT(*) FROM outbox WHERE directory_id = ")
            .id(self.directory)
            .text(") AS n");
        let inner = &self.store.inner;
        let rows = inner.rows(sql.build(inner.backend())).await?;
        Ok(rows.first().map(|row| row.try_get("", "n")).transpose()?.unwrap_or(0))
    }

    /// What is kept of the number of live resources, by kind.
    async fn kept(&self) -> Result<BTreeMap<i16, i64>, StoreError> {
        let sql = Sql::new("SELECT c.kind, CAST(SUM(c.live) AS bigint) AS n FROM (")
            .part(&kept(self.directory))
            .text(") c GROUP BY c.kind");
        self.by_kind(sql).await
    }

    async fn by_kind(&self, sql: Sql) -> Result<BTreeMap<i16, i64>, StoreError> {
        let inner = &self.store.inner;
        let rows = inner.rows(sql.build(inner.backend())).await?;
        rows.iter().map(|row| Ok((row.try_get("", "kind")?, row.try_get("", "n")?))).collect()
    }

    async fn resources(
        &mut self,
        of: u64,
        tell: &(dyn Fn(Counting) + Sync),
    ) -> Result<BTreeMap<i16, i64>, ControlError> {
        let mut all = BTreeMap::new();
        let mut after: Option<(i16, Uuid)> = None;
        loop {
            let end = self.end_of_step("resource", ["kind", "id"], after).await?;
            let sql = Sql::new("SELECT kind, COUNT(*) AS n FROM resource WHERE directory_id = ").id(self.directory);
            let sql = within(sql, "(kind, id)", after, end).text(" GROUP BY kind");
            for (kind, n) in self.by_kind(sql).await? {
                *all.entry(kind).or_default() += n;
            }
            let counted = all.values().sum::<i64>().unsigned_abs();
            tell(Counting::Resources { counted, of: of.max(counted) });
            if end.is_none() {
                return Ok(all);
            }
            after = end;
            self.renew().await?;
        }
    }

    async fn memberships(&mut self, tell: &(dyn Fn(Counting) + Sync)) -> Result<u64, ControlError> {
        let mut all = 0;
        let mut after: Option<(Uuid, Uuid)> = None;
        loop {
            let end = self.end_of_step("member", ["group_id", "member_id"], after).await?;
            // Those of a deleted group stay until it is erased.
            let sql = Sql::new("SELECT COUNT(*) AS n FROM member m WHERE m.directory_id = ").id(self.directory);
            let sql = within(sql, "(m.group_id, m.member_id)", after, end);
            let sql = sql.text(
                " AND EXISTS (SELECT 1 FROM resource r WHERE r.directory_id = m.directory_id AND r.id = m.group_id)",
            );
            let inner = &self.store.inner;
            let rows = inner.rows(sql.build(inner.backend())).await?;
            let n: i64 =
                rows.first().map(|row| row.try_get("", "n")).transpose().map_err(StoreError::from)?.unwrap_or(0);
            all += n.unsigned_abs();
            tell(Counting::Memberships { counted: all });
            if end.is_none() {
                return Ok(all);
            }
            after = end;
            self.renew().await?;
        }
    }

    /// The key of the last row of the step that begins after `after`; none if fewer rows are left than a step has.
    async fn end_of_step<A: Into<Value> + TryGetable>(
        &self,
        table: &str,
        [first, second]: [&str; 2],
        after: Option<(A, Uuid)>,
    ) -> Result<Option<(A, Uuid)>, StoreError> {
        let key = format!("({first}, {second})");
        let sql = Sql::new("SELECT ").text(first).text(", ").text(second).text(" FROM ").text(table);
        let sql = within(sql.text(" WHERE directory_id = ").id(self.directory), &key, after, None);
        let sql = sql.text(" ORDER BY directory_id, ").text(first).text(", ").text(second).text(" LIMIT 1 OFFSET ");
        let sql = sql.value(i64::from(STEP) - 1);
        let inner = &self.store.inner;
        let rows = inner.rows(sql.build(inner.backend())).await?;
        rows.first().map(|row| Ok((row.try_get("", first)?, row.try_get("", second)?))).transpose()
    }

    async fn compare_at_once(&self) -> Result<Compared, StoreError> {
        let sql = Sql::new(
            "SELECT c.kind, CAST(SUM(c.counted) AS bigint) AS counted, CAST(SUM(c.live) AS bigint) AS kept FROM (",
        )
        .text("SELECT kind, COUNT(*) AS counted, 0 AS live FROM resource WHERE directory_id = ")
        .id(self.directory)
        .text(" GROUP BY kind UNION ALL SELECT k.kind, 0, k.live FROM (")
        .part(&kept(self.directory))
        .text(") k) c GROUP BY c.kind");
        let inner = &self.store.inner;
        let rows = inner.rows(sql.build(inner.backend())).await?;
        rows.iter()
            .map(|row| Ok((row.try_get("", "kind")?, (row.try_get("", "counted")?, row.try_get("", "kept")?))))
            .collect()
    }

    /// Gives a sign of life, if the last one is a while ago.
    async fn renew(&mut self) -> Result<(), ControlError> {
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

/// What is kept of a directory's live resources: of the numbered changes, and of those without a number.
fn kept(directory: Id<Directory>) -> Sql {
    Sql::new("SELECT kind, live FROM tally WHERE directory_id = ")
        .id(directory)
        .text(" UNION ALL SELECT kind, delta FROM outbox WHERE directory_id = ")
        .id(directory)
}

/// With the condition that a key is after one and not after another.
fn within<A: Into<Value>>(sql: Sql, key: &str, after: Option<(A, Uuid)>, end: Option<(A, Uuid)>) -> Sql {
    let bound = |sql: Sql, how: &str, (first, second): (A, Uuid)| {
        sql.text(" AND ").text(key).text(how).value(first).text(", ").value(second).text(")")
    };
    let sql = match after {
        Some(place) => bound(sql, " > (", place),
        None => sql,
    };
    match end {
        Some(place) => bound(sql, " <= (", place),
        None => sql,
    }
}

fn lease_name(directory: Id<Directory>) -> String {
    format!("full-sync:{directory}")
}

/// Takes the lease of a directory's full sync, or gives a sign of life: with it, that it is still held is known.
struct Lease {
    directory: Id<Directory>,
    from: Option<Timestamp>,
    to: Timestamp,
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
struct Release {
    directory: Id<Directory>,
    lease: Timestamp,
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

/// Repairs, and has the directory be synced.
struct Finish {
    tenant: Id<Tenant>,
    directory: Id<Directory>,
    lease: Timestamp,
    compared: Compared,
    memberships: u64,
    began_at: Timestamp,
    actor: Actor,
    audit: AuditWriter,
}

/// Why it came to nothing.
enum Ended {
    Refused(StepRefused),
    TakenOver,
}

#[async_trait]
impl Mutation for Finish {
    type Output = Result<(FullSynced, Vec<AuditRecord>), Ended>;

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        let row = locked(transaction, Some(self.tenant), self.directory).await?.ok_or(StoreError::NotFound)?;
        let release = Release { directory: self.directory, lease: self.lease };
        if !release.run(transaction).await? {
            return Ok(Err(Ended::TakenOver));
        }
        let wrong = self.compared.iter().map(|(kind, (counted, kept))| (KindId(*kind), counted - kept));
        let repaired: BTreeMap<KindId, i64> = wrong.filter(|(_, by)| *by != 0).collect();
        let of = |kind: KindId| self.compared.get(&kind.0).map_or(0, |(counted, _)| counted.unsigned_abs());
        let done_at = self.audit.at();
        let mut detail = json!({
            "users": of(USER),
            "groups": of(GROUP),
            "memberships": self.memberships,
            "took_ms": done_at.since(self.began_at).as_millis() as u64,
        });
        if !repaired.is_empty() {
            let list: Vec<_> = repaired.iter().map(|(kind, by)| json!({ "kind": kind.0, "by": by })).collect();
            detail["repaired"] = list.into();
        }
        let (taken, lines) = match take(transaction, &row, DirectoryStep::FullSync, detail).await? {
            Ok(taken) => taken,
            Err(refused) => return Ok(Err(Ended::Refused(refused))),
        };
        for (kind, by) in &repaired {
            // What is wrong stays so, whatever is numbered meanwhile: it is added.
            let sql = Sql::new("INSERT INTO tally (directory_id, kind, live) VALUES (").id(self.directory);
            let sql = sql.text(", ").value(kind.0).text(", ").value(*by);
            let sql = sql.text(") ON CONFLICT (directory_id, kind) DO UPDATE SET live = tally.live + excluded.live");
            transaction.execute_raw(sql.build(transaction.get_database_backend())).await?;
        }
        let done = FullSynced {
            before: taken.before,
            after: taken.after,
            users: of(USER),
            groups: of(GROUP),
            memberships: self.memberships,
            repaired,
            began_at: self.began_at,
            done_at,
        };
        Ok(Ok((done, self.audit.write(transaction, &self.actor, lines).await?)))
    }
}
