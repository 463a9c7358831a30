//! The warnings before a credential's end. Each credential says when it is next to be looked at, so that those that are due
//! are found by an index; what is written once about each rung is decided by the audit's unique key, however many workers
//! there are and however often they are started anew.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rollcall_access::{Actor, End, Ladder, RUNGS, Rotation, Rung};
use rollcall_base::{
    Id, Timestamp,
    marker::{Directory, OAuthClient, Tenant},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};

use crate::{
    StoreError,
    control::{
        AuditAction, AuditRecord,
        audit::{self, AuditEntry, AuditWriter},
        rows::credential_record,
        uses,
    },
    door::Mutation,
    entity::credential,
    statement::Sql,
    store::Inner,
    transaction::Transaction,
};

/// What one step of the job did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Climbed {
    /// How many credentials it looked at.
    pub looked_at: usize,
    /// Warnings that nobody had written before, by rung.
    pub warnings: BTreeMap<Rung, u64>,
    /// All that was written.
    pub written: Vec<AuditRecord>,
}

pub(super) async fn climb(inner: &Inner, actor: Actor, limit: u32) -> Result<Climbed, StoreError> {
    let audit = AuditWriter::new(inner);
    let now = audit.at().as_micros();
    // Idle, it only reads.
    let due = Sql::new("SELECT 1 FROM credential WHERE ladder_at <= ").value(now);
    let due = due.text(" UNION ALL SELECT 1 FROM oauth_client WHERE ladder_at <= ").value(now).text(" LIMIT 1");
    if inner.rows(due.build(inner.backend())).await?.is_empty() {
        return Ok(Climbed::default());
    }
    let climbed = inner.write(Climb { actor, limit, audit }).await?;
    audit::tell(&climbed.written);
    Ok(climbed)
}

struct Climb {
    actor: Actor,
    limit: u32,
    audit: AuditWriter,
}

/// Something whose end is near or was reached.
struct Ending {
    place: (Id<Tenant>, Id<Directory>),
    /// As the audit calls it; its keys begin with this.
    subject: String,
    label: String,
    ladder: Ladder,
    rotation: Option<Rotation>,
    /// When it was last used, if ever; `None`: that is not known of it.
    last_used_at: Option<Option<Timestamp>>,
    warning: AuditAction,
    expired: AuditAction,
}

#[async_trait]
impl Mutation for Climb {
    type Output = Climbed;

    async fn run(&self, transaction: &Transaction) -> Result<Climbed, StoreError> {
        let now = self.audit.at().as_micros();
        // Holds this row until the commit, so that a second worker begins when this one's work can be seen.
        let lock = Sql::new("INSERT INTO job_lock (name, taken_at) VALUES ('ladder', ").value(now);
        let lock = lock.text(") ON CONFLICT (name) DO UPDATE SET taken_at = excluded.taken_at");
        transaction.execute_raw(lock.build(transaction.get_database_backend())).await?;
        let mut climbed = Climbed::default();
        self.tokens(transaction, &mut climbed).await?;
        self.clients(transaction, &mut climbed).await?;
        Ok(climbed)
    }
}

impl Climb {
    async fn tokens(&self, transaction: &Transaction, climbed: &mut Climbed) -> Result<(), StoreError> {
        let due = credential::Entity::find()
            .filter(credential::Column::LadderAt.lte(self.audit.at().as_micros()))
            .order_by_asc(credential::Column::LadderAt)
            .limit(u64::from(self.limit))
            .lock_exclusive()
            .all(transaction)
            .await?;
        for row in due {
            let record = credential_record(row)?;
            let used = uses::last_used_at(transaction, record.directory, record.id).await?;
            let ending = record.ladder().map(|ladder| Ending {
                place: (record.tenant, record.directory),
                subject: format!("credential:{}", record.id),
                label: record.label,
                ladder,
                rotation: record.rotation,
                // Whether anybody minds.
                last_used_at: Some(used),
                warning: AuditAction::TokenExpiryWarning,
                expired: AuditAction::TokenExpired,
            });
            let next = self.look(transaction, ending, climbed).await?;
            let sql = Sql::new("UPDATE credential SET ladder_at = ").value(next).text(" WHERE id = ").id(record.id);
            transaction.execute_raw(sql.build(transaction.get_database_backend())).await?;
        }
        Ok(())
    }

    /// Nobody else changes when a client is to be looked at, and one that is revoked meanwhile was near its end all the same.
    async fn clients(&self, transaction: &Transaction, climbed: &mut Climbed) -> Result<(), StoreError> {
        let backend = transaction.get_database_backend();
        let due = Sql::new(
            "SELECT id, tenant_id, directory_id, label, created_at, expires_at, revoked_at FROM oauth_client \
             WHERE ladder_at <= ",
        )
        .value(self.audit.at().as_micros())
        .text(" ORDER BY ladder_at LIMIT ")
        .value(i64::from(self.limit));
        for row in transaction.query_all_raw(due.build(backend)).await? {
            let id: Id<OAuthClient> = Id::from_uuid(row.try_get("", "id")?);
            let at = |column| -> Result<Timestamp, StoreError> { Ok(Timestamp::from_micros(row.try_get("", column)?)) };
            let ladder = Ladder::of_life(at("created_at")?, at("expires_at")?);
            let ending = Ending {
                place: (Id::from_uuid(row.try_get("", "tenant_id")?), Id::from_uuid(row.try_get("", "directory_id")?)),
                subject: format!("oauth_client:{id}"),
                label: row.try_get("", "label")?,
                ladder,
                rotation: None,
                last_used_at: None,
                warning: AuditAction::ClientExpiryWarning,
                expired: AuditAction::ClientExpired,
            };
            let is_revoked = row.try_get::<Option<i64>>("", "revoked_at")?.is_some();
            let next = self.look(transaction, Some(ending).filter(|_| !is_revoked), climbed).await?;
            let sql = Sql::new("UPDATE oauth_client SET ladder_at = ").value(next).text(" WHERE id = ").id(id);
            transaction.execute_raw(sql.build(backend)).await?;
        }
        Ok(())
    }

    /// Writes what there is to say, and returns when to look again.
    async fn look(
        &self,
        transaction: &Transaction,
        ending: Option<Ending>,
        climbed: &mut Climbed,
    ) -> Result<i64, StoreError> {
        let now = self.audit.at();
        climbed.looked_at += 1;
        let Some(ending) = ending else { return Ok(i64::MAX) };
        if let Some((rung, line)) = self.line(transaction, &ending).await? {
            let written = self.audit.write(transaction, &self.actor, vec![line]).await?;
            if let Some(rung) = rung.filter(|_| !written.is_empty()) {
                *climbed.warnings.entry(rung).or_default() += 1;
            }
            climbed.written.extend(written);
        }
        Ok(ending.ladder.next(now).map_or(i64::MAX, Timestamp::as_micros))
    }

    /// What there is to say: about a rung, or about the end.
    async fn line(
        &self,
        transaction: &Transaction,
        ending: &Ending,
    ) -> Result<Option<(Option<Rung>, AuditEntry)>, StoreError> {
        let (now, ladder) = (self.audit.at(), &ending.ladder);
        let mut detail = ending.detail();
        let line =
            |action, detail, once| AuditEntry::of(ending.place, ending.subject.clone(), action, detail).once(once);
        if ladder.ends_at <= now {
            let (action, once) = match (ladder.end, ending.rotation) {
                (End::Retires, Some(rotation)) => {
                    (AuditAction::TokenRetired, format!("{}:retired:{}", ending.subject, rotation.replaced_by))
                }
                _ => (ending.expired, format!("{}:expired", ending.subject)),
            };
            return Ok(Some((None, line(action, detail, once))));
        }
        let Some(rung) = ladder.nearest(now) else { return Ok(None) };
        // Those since the last one that was told: what lies before that was noted with it.
        let mut passed_over = Vec::new();
        for other in ladder.rungs().rev().filter(|other| *other > rung) {
            if is_told(transaction, ending, other).await? {
                break;
            }
            passed_over.insert(0, other);
        }
        detail["days"] = rung.into();
        detail["expires_in_days"] = ladder.days_left(now).into();
        detail["passed_over"] = passed_over.into();
        Ok(Some((Some(rung), line(ending.warning, detail, ending.once(rung)))))
    }
}

impl Ending {
    fn detail(&self) -> Value {
        let mut detail = json!({
            "label": self.label,
            "ends_at": self.ladder.ends_at.to_string(),
            "end": match self.ladder.end {
                End::Expires => "expires",
                End::Retires => "retires",
            },
            "replaced_by": self.rotation.map(|rotation| rotation.replaced_by),
        });
        if let Some(used) = self.last_used_at {
            detail["last_used_at"] = used.map(|at| at.to_string()).into();
        }
        detail
    }

    /// What a rung is written under. A token that is to retire has a ladder of its own for that: if it is kept, those of its
    /// expiry are still to come.
    fn once(&self, rung: Rung) -> String {
        match (self.ladder.end, self.rotation) {
            (End::Retires, Some(rotation)) => format!("{}:retires:{}:{rung}", self.subject, rotation.replaced_by),
            _ => format!("{}:expires:{rung}", self.subject),
        }
    }
}

/// Whether something was written about a rung.
async fn is_told(transaction: &Transaction, ending: &Ending, rung: Rung) -> Result<bool, StoreError> {
    let sql = Sql::new("SELECT 1 FROM audit WHERE tenant_id = ").id(ending.place.0).text(" AND once = ");
    let sql = sql.value(ending.once(rung)).build(transaction.get_database_backend());
    Ok(transaction.query_one_raw(sql).await?.is_some())
}

/// A live credential that is past a rung is to be looked at again at its end or before, so that the same index finds them.
pub(super) async fn expiring(inner: &Inner) -> Result<BTreeMap<Rung, u64>, StoreError> {
    const DAY: i64 = 24 * 60 * 60 * 1_000_000;
    let now = inner.clock.now().as_micros();
    let farthest = now.saturating_add(i64::from(RUNGS[0]) * DAY);
    let mut sql = Sql::new("SELECT c.rung, COUNT(*) AS n FROM (SELECT CASE");
    for rung in RUNGS.iter().rev() {
        let days = i64::from(*rung) * DAY;
        sql = sql.text(" WHEN e.ends_at <= ").value(now.saturating_add(days));
        sql = sql.text(&format!(" AND e.ends_at - {days} > e.began_at THEN {rung}"));
    }
    let sql = sql
        .text(
            " ELSE 0 END AS rung FROM (SELECT CASE WHEN retires_at < expires_at THEN retires_at ELSE expires_at END AS \
             ends_at, CASE WHEN retires_at < expires_at THEN rotated_at ELSE created_at END AS began_at FROM credential \
             WHERE revoked_at IS NULL AND oauth_client_id IS NULL AND in_use_since IS NULL AND ladder_at <= ",
        )
        .value(farthest)
        .text(
            " UNION ALL SELECT expires_at AS ends_at, created_at AS began_at FROM oauth_client WHERE revoked_at IS NULL AND \
             ladder_at <= ",
        )
        .value(farthest)
        .text(") e WHERE e.ends_at > ")
        .value(now)
        .text(") c WHERE c.rung > 0 GROUP BY c.rung");
    let rows = inner.rows(sql.build(inner.backend())).await?;
    let read = |row: &sea_orm::QueryResult| -> Result<_, StoreError> {
        let rung: i32 = row.try_get("", "rung")?;
        Ok((rung.unsigned_abs(), row.try_get::<i64>("", "n")?.unsigned_abs()))
    };
    rows.iter().map(read).collect()
}
