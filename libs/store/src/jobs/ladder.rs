//! The warnings before a credential's end. Each credential says when it is next to be looked at, so that those that are due
//! are found by an index; what is written once about each rung is decided by the audit's unique key, however many workers
//! there are and however often they are started anew.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rollcall_access::{Actor, CredentialRecord, End, Ladder, RUNGS, Rung};
use rollcall_base::Timestamp;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde_json::{Value, json};

use crate::{
    StoreError,
    control::{
        AuditAction, AuditRecord,
        audit::{self, AuditEntry, AuditWriter},
        rows::credential_record,
    },
    door::Mutation,
    entity::credential,
    statement::Sql,
    store::Inner,
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
    // Idle, it only reads.
    let due = Sql::new("SELECT 1 FROM credential WHERE ladder_at <= ").value(audit.at().as_micros()).text(" LIMIT 1");
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

#[async_trait]
impl Mutation for Climb {
    type Output = Climbed;

    async fn run(&self, transaction: &DatabaseTransaction) -> Result<Climbed, StoreError> {
        let now = self.audit.at();
        // Holds this row until the commit, so that a second worker begins when this one's work can be seen.
        let lock = Sql::new("INSERT INTO job_lock (name, taken_at) VALUES ('ladder', ").value(now.as_micros());
        let lock = lock.text(") ON CONFLICT (name) DO UPDATE SET taken_at = excluded.taken_at");
        transaction.execute_raw(lock.build(transaction.get_database_backend())).await?;
        let due = credential::Entity::find()
            .filter(credential::Column::LadderAt.lte(now.as_micros()))
            .order_by_asc(credential::Column::LadderAt)
            .limit(u64::from(self.limit))
            .lock_exclusive()
            .all(transaction)
            .await?;
        let mut climbed = Climbed { looked_at: due.len(), ..Climbed::default() };
        for row in due {
            let record = credential_record(row)?;
            let next = match record.ladder() {
                None => None,
                Some(ladder) => {
                    self.look(transaction, &record, &ladder, &mut climbed).await?;
                    ladder.next(now)
                }
            };
            credential::Entity::update_many()
                .col_expr(credential::Column::LadderAt, Expr::value(next.map_or(i64::MAX, Timestamp::as_micros)))
                .filter(credential::Column::Id.eq(record.id.as_uuid()))
                .exec(transaction)
                .await?;
        }
        Ok(climbed)
    }
}

impl Climb {
    async fn look(
        &self,
        transaction: &DatabaseTransaction,
        record: &CredentialRecord,
        ladder: &Ladder,
        climbed: &mut Climbed,
    ) -> Result<(), StoreError> {
        let now = self.audit.at();
        let place = (record.tenant, record.directory);
        if ladder.ends_at <= now {
            let (action, once) = match (ladder.end, record.rotation) {
                (End::Retires, Some(rotation)) => {
                    (AuditAction::TokenRetired, format!("credential:{}:retired:{}", record.id, rotation.replaced_by))
                }
                _ => (AuditAction::TokenExpired, format!("credential:{}:expired", record.id)),
            };
            let line = AuditEntry::about(place, record.id, action, end_detail(record, ladder)).once(once);
            climbed.written.extend(self.audit.write(transaction, &self.actor, vec![line]).await?);
            return Ok(());
        }
        let Some(rung) = ladder.nearest(now) else { return Ok(()) };
        let passed = ladder.rungs().filter(|other| *other > rung);
        let passed_over = untold(transaction, record, ladder, passed.collect()).await?;
        let mut detail = end_detail(record, ladder);
        detail["days"] = rung.into();
        detail["expires_in_days"] = record.expires_in_days(now).into();
        detail["passed_over"] = passed_over.into();
        let line = AuditEntry::about(place, record.id, AuditAction::TokenExpiryWarning, detail)
            .once(once_of(record, ladder, rung));
        let written = self.audit.write(transaction, &self.actor, vec![line]).await?;
        if !written.is_empty() {
            *climbed.warnings.entry(rung).or_default() += 1;
        }
        climbed.written.extend(written);
        Ok(())
    }
}

fn end_detail(record: &CredentialRecord, ladder: &Ladder) -> Value {
    json!({
        "label": record.label,
        "ends_at": ladder.ends_at.to_string(),
        "end": match ladder.end {
            End::Expires => "expires",
            End::Retires => "retires",
        },
        "replaced_by": record.rotation.map(|rotation| rotation.replaced_by),
    })
}

/// What a rung is written under. A token that is to retire has a ladder of its own for that: if it is kept, those of its
/// expiry are still to come.
fn once_of(record: &CredentialRecord, ladder: &Ladder, rung: Rung) -> String {
    match (ladder.end, record.rotation) {
        (End::Retires, Some(rotation)) => {
            format!("credential:{}:retires:{}:{rung}", record.id, rotation.replaced_by)
        }
        _ => format!("credential:{}:expires:{rung}", record.id),
    }
}

/// Those of `rungs` that nothing was written about.
async fn untold(
    transaction: &DatabaseTransaction,
    record: &CredentialRecord,
    ladder: &Ladder,
    rungs: Vec<Rung>,
) -> Result<Vec<Rung>, StoreError> {
    let mut untold = Vec::new();
    for rung in rungs {
        let sql = Sql::new("SELECT 1 FROM audit WHERE tenant_id = ").id(record.tenant).text(" AND once = ");
        let sql = sql.value(once_of(record, ladder, rung)).build(transaction.get_database_backend());
        if transaction.query_one_raw(sql).await?.is_none() {
            untold.push(rung);
        }
    }
    Ok(untold)
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
