//! Reading the audit, by the numbers of its lines.

use rollcall_base::{
    Id, Timestamp,
    marker::{Audit, Directory},
};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::AuditRecord;
use crate::{StoreError, control::TenantStore, statement::Sql};

/// Which lines are asked for.
#[derive(Debug, Clone)]
pub struct AuditQuery {
    /// Those of this moment and later.
    pub since: Timestamp,
    /// Those about this directory.
    pub directory: Option<Id<Directory>>,
    /// The lines with a number behind this place, the first of them: whoever goes on from the last line that he got misses
    /// none, whenever it was committed. Without it, the last lines; those without a number at the end.
    pub after: Option<AuditCursor>,
    /// Those before this place.
    pub before: Option<AuditCursor>,
    /// At most so many.
    pub limit: u32,
}

/// A place in a tenant's audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditCursor {
    /// That of the line with this number; before 1 is the beginning.
    Seq(i64),
    /// That of this line.
    Line(Id<Audit>),
}

/// Where a cursor is.
#[derive(Clone, Copy)]
enum Place {
    Numbered(i64),
    /// It has no number yet: behind all that have one.
    Waiting(Id<Audit>),
}

const COLUMNS: &str = "id, seq, directory_id, at, actor, action, subject, detail";

impl TenantStore {
    /// Lines of the tenant's audit, oldest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the line that a cursor names is not the tenant's.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        let before = match query.before {
            Some(cursor) => Some(self.place(cursor).await?),
            None => None,
        };
        let sql = match query.after {
            None => self.last(query, before),
            Some(cursor) => match self.place(cursor).await? {
                Place::Numbered(after) => self.next(query, after, before),
                // Nothing with a number is behind it.
                Place::Waiting(_) => return Ok(Vec::new()),
            },
        };
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        let mut records = rows.iter().map(|row| self.record(row)).collect::<Result<Vec<_>, _>>()?;
        if query.after.is_none() {
            records.reverse();
        }
        Ok(records)
    }

    async fn place(&self, cursor: AuditCursor) -> Result<Place, StoreError> {
        let id = match cursor {
            AuditCursor::Seq(seq) => return Ok(Place::Numbered(seq)),
            AuditCursor::Line(id) => id,
        };
        let sql = Sql::new("SELECT seq FROM audit WHERE tenant_id = ").id(self.tenant).text(" AND id = ").id(id);
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        let seq: Option<i64> = rows.first().ok_or(StoreError::NotFound)?.try_get("", "seq")?;
        Ok(seq.map_or(Place::Waiting(id), Place::Numbered))
    }

    /// Those with a number behind `after`, oldest first.
    fn next(&self, query: &AuditQuery, after: i64, before: Option<Place>) -> Sql {
        let sql = self.wanted(COLUMNS, query).text(" AND seq > ").value(after);
        let sql = match before {
            Some(Place::Numbered(before)) => sql.text(" AND seq < ").value(before),
            Some(Place::Waiting(_)) | None => sql,
        };
        sql.text(" ORDER BY seq LIMIT ").value(i64::from(query.limit))
    }

    /// The last ones, latest first. In one statement, so that a line which gets its number meanwhile is there once.
    fn last(&self, query: &AuditQuery, before: Option<Place>) -> Sql {
        let limit = i64::from(query.limit);
        let numbered = self.wanted(&format!("{COLUMNS}, 0 AS is_waiting"), query).text(" AND seq IS NOT NULL");
        let numbered = match before {
            Some(Place::Numbered(before)) => numbered.text(" AND seq < ").value(before),
            Some(Place::Waiting(_)) | None => numbered,
        };
        let numbered = numbered.text(" ORDER BY seq DESC LIMIT ").value(limit);
        let waiting = self.wanted(&format!("{COLUMNS}, 1 AS is_waiting"), query).text(" AND seq IS NULL");
        let waiting = match before {
            Some(Place::Waiting(before)) => waiting.text(" AND id < ").id(before),
            Some(Place::Numbered(_)) => waiting.text(" AND 1 = 0"),
            None => waiting,
        };
        let waiting = waiting.text(" ORDER BY id DESC LIMIT ").value(limit);
        Sql::new(&format!("SELECT {COLUMNS} FROM (SELECT {COLUMNS}, is_waiting FROM ("))
            .part(&numbered)
            .text(&format!(") n UNION ALL SELECT {COLUMNS}, is_waiting FROM ("))
            .part(&waiting)
            .text(") w) l ORDER BY is_waiting DESC, seq DESC, id DESC LIMIT ")
            .value(limit)
    }

    /// What a query asks for whatever the place.
    fn wanted(&self, columns: &str, query: &AuditQuery) -> Sql {
        // An id begins with its moment: the index on it leads to where reading begins.
        let millis = u64::try_from(query.since.as_micros() / 1_000).unwrap_or(0);
        let first = uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid();
        let mut sql = Sql::new(&format!("SELECT {columns} FROM audit WHERE tenant_id = ")).id(self.tenant);
        if query.since > Timestamp::from_micros(0) {
            sql = sql.text(" AND id >= ").value(first).text(" AND at >= ").value(query.since.as_micros());
        }
        if let Some(directory) = query.directory {
            sql = sql.text(" AND directory_id = ").id(directory);
        }
        sql
    }

    fn record(&self, row: &QueryResult) -> Result<AuditRecord, StoreError> {
        let detail: String = row.try_get("", "detail")?;
        let detail = serde_json::from_str(&detail)
            .map_err(|error| StoreError::internal(format!("a line of the audit is not JSON: {error}")))?;
        Ok(AuditRecord {
            id: Id::from_uuid(row.try_get("", "id")?),
            seq: row.try_get("", "seq")?,
            tenant: self.tenant,
            directory: row.try_get::<Option<Uuid>>("", "directory_id")?.map(Id::from_uuid),
            at: Timestamp::from_micros(row.try_get("", "at")?),
            actor: row.try_get("", "actor")?,
            action: row.try_get("", "action")?,
            subject: row.try_get("", "subject")?,
            detail,
        })
    }
}
