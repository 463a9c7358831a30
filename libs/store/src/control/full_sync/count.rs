//! Counting in steps.

use std::collections::BTreeMap;

use rollcall_base::{Id, marker::Directory};
use sea_orm::{TryGetable, Value};
use uuid::Uuid;

use super::{Compared, Counting, Run};
use crate::{ControlError, StoreError, statement::Sql};

/// Rows that are counted at once.
const STEP: u32 = 10_000;
/// How often a count is begun anew because changes came meanwhile. After that it is one statement.
const TRIES: u32 = 3;

impl Run<'_> {
    /// Counts, and looks up what is kept of the number, both of one state of the directory.
    pub(super) async fn compare(&mut self, tell: &(dyn Fn(Counting) + Sync)) -> Result<Compared, ControlError> {
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

    pub(super) async fn memberships(&mut self, tell: &(dyn Fn(Counting) + Sync)) -> Result<u64, ControlError> {
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
