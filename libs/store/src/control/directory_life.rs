//! A directory's life as it is written down: each step in one transaction that holds the directory's row.

use async_trait::async_trait;
use rollcall_access::{Actor, DirectoryStep, Life, Stage, StepRefused};
use rollcall_base::{
    Id,
    marker::{Directory, Tenant},
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    AuditAction, AuditRecord, TenantStore,
    audit::{self, AuditEntry, AuditWriter},
    rows,
};
use crate::{ControlError, StoreError, door::Mutation, entity::directory, statement::Sql, transaction::Transaction};

/// What a step did to a directory's life. Both are the same if it had been taken before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepTaken {
    /// Where it stood.
    pub before: Life,
    /// Where it stands.
    pub after: Life,
}

impl TenantStore {
    /// Takes `step`, with a line of the audit if it changes anything. A draft that had changes already is receiving as soon
    /// as it is submitted.
    ///
    /// # Errors
    /// [`ControlError::Refused`], [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn take_step(&self, directory: Id<Directory>, step: DirectoryStep) -> Result<StepTaken, ControlError> {
        let audit = AuditWriter::new(&self.inner);
        let take = TakeStep { tenant: self.tenant, directory, step, actor: self.actor.clone(), audit };
        let (taken, written) = self.inner.write(take).await??;
        audit::tell(&written);
        Ok(taken)
    }
}

struct TakeStep {
    tenant: Id<Tenant>,
    directory: Id<Directory>,
    step: DirectoryStep,
    actor: Actor,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for TakeStep {
    type Output = Result<(StepTaken, Vec<AuditRecord>), StepRefused>;

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        let row = locked(transaction, Some(self.tenant), self.directory).await?.ok_or(StoreError::NotFound)?;
        match take(transaction, &row, self.step, json!({})).await? {
            Ok((taken, lines)) => Ok(Ok((taken, self.audit.write(transaction, &self.actor, lines).await?))),
            Err(refused) => Ok(Err(refused)),
        }
    }
}

/// A directory, which nobody else changes until the transaction ends.
pub(crate) async fn locked(
    transaction: &Transaction,
    tenant: Option<Id<Tenant>>,
    directory: Id<Directory>,
) -> Result<Option<directory::Model>, StoreError> {
    let mut query = directory::Entity::find_by_id(directory.as_uuid()).lock_exclusive();
    if let Some(tenant) = tenant {
        query = query.filter(directory::Column::TenantId.eq(tenant.as_uuid()));
    }
    Ok(query.one(transaction).await?)
}

/// Takes `step` on a directory whose row is locked, and gives the lines that tell of it: none if nothing changed, but for
/// a full sync, which is something each time.
pub(crate) async fn take(
    transaction: &Transaction,
    row: &directory::Model,
    step: DirectoryStep,
    detail: Value,
) -> Result<Result<(StepTaken, Vec<AuditEntry>), StepRefused>, StoreError> {
    let before = rows::life(row)?;
    let mut steps = vec![step];
    let waits = match step {
        DirectoryStep::Submit => before.stage == Stage::Draft,
        DirectoryStep::FullSync => before.stage == Stage::Submitted,
        _ => false,
    };
    if waits && has_changes(transaction, row.id).await? {
        // Of a draft the first change came before its time; of a full sync the sequencer has not come by yet.
        let at = usize::from(step == DirectoryStep::Submit);
        steps.insert(at, DirectoryStep::FirstChange);
    }
    let (mut life, mut lines) = (before, Vec::new());
    for step in steps {
        let next = match life.after(step) {
            Ok(next) => next,
            Err(refused) => return Ok(Err(refused)),
        };
        if next != life || step == DirectoryStep::FullSync {
            lines.push(line(row, step, (life, next), &detail));
        }
        life = next;
    }
    if life != before {
        keep(transaction, row.id, life).await?;
    }
    Ok(Ok((StepTaken { before, after: life }, lines)))
}

/// The first change of a directory was accepted. Gives the line that tells of it, if this made a difference: what is still
/// a draft, or archived meanwhile, stays what it is.
pub(crate) async fn first_change(
    transaction: &Transaction,
    directory: Id<Directory>,
) -> Result<Option<AuditEntry>, StoreError> {
    let Some(row) = locked(transaction, None, directory).await? else { return Ok(None) };
    let taken = take(transaction, &row, DirectoryStep::FirstChange, json!({})).await?;
    Ok(taken.ok().and_then(|(_, lines)| lines.into_iter().next()))
}

async fn keep(transaction: &Transaction, directory: Uuid, life: Life) -> Result<(), StoreError> {
    directory::Entity::update_many()
        .col_expr(directory::Column::State, Expr::value(life.state().as_str()))
        .col_expr(directory::Column::Stage, Expr::value(life.stage.as_str()))
        .col_expr(directory::Column::IsFrozen, Expr::value(life.frozen))
        .filter(directory::Column::Id.eq(directory))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Whether anything ever came for a directory.
pub(crate) async fn has_changes(connection: &impl ConnectionTrait, directory: Uuid) -> Result<bool, StoreError> {
    let sql = Sql::new("SELECT 1 FROM event_counter WHERE directory_id = ").value(directory);
    let sql = sql.text(" UNION ALL SELECT 1 FROM outbox WHERE directory_id = ").value(directory).text(" LIMIT 1");
    Ok(connection.query_one_raw(sql.build(connection.get_database_backend())).await?.is_some())
}

fn line(row: &directory::Model, step: DirectoryStep, (before, after): (Life, Life), detail: &Value) -> AuditEntry {
    let place = (Id::from_uuid(row.tenant_id), Id::from_uuid(row.id));
    let mut told = json!({ "before": before.state(), "after": after.state(), "stage": after.stage });
    if let (Value::Object(told), Value::Object(detail)) = (&mut told, detail.clone()) {
        told.extend(detail);
    }
    let entry = AuditEntry::of_directory(place, action(step), told);
    match step {
        DirectoryStep::FirstChange => entry.once(format!("directory:{}:receiving", place.1)),
        _ => entry,
    }
}

const fn action(step: DirectoryStep) -> AuditAction {
    match step {
        DirectoryStep::Submit => AuditAction::DirectorySubmitted,
        DirectoryStep::FirstChange => AuditAction::DirectoryReceiving,
        DirectoryStep::FullSync => AuditAction::DirectorySynced,
        DirectoryStep::Freeze => AuditAction::DirectoryFrozen,
        DirectoryStep::Thaw => AuditAction::DirectoryThawed,
        DirectoryStep::Disable => AuditAction::DirectoryDisabled,
        DirectoryStep::Enable => AuditAction::DirectoryEnabled,
        DirectoryStep::Archive => AuditAction::DirectoryArchived,
    }
}
