//! A token takes the place of another one; and how that is undone. When the old one goes is decided in
//! [`super::retirement`].

use std::time::Duration;

use async_trait::async_trait;
use rollcall_access::{Actor, CredentialRecord, CredentialState, Rotation};
use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, Tenant},
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};
use serde_json::json;

use super::{
    AuditAction, AuditRecord, TenantStore,
    audit::{self, AuditEntry, AuditWriter},
    rows::{credential_record, credential_row},
    tenant, uses,
};
use crate::{StoreError, door::Mutation, entity::credential};

/// A token that is to take the place of another one.
#[derive(Debug, Clone)]
pub struct NewRotation {
    /// The new one.
    pub record: CredentialRecord,
    /// The one whose place it takes.
    pub replaces: Id<Credential>,
    /// How long that one goes on after the new one was used first.
    pub overlap: Duration,
    /// How long it goes on at most.
    pub deadline: Duration,
}

/// What came of a rotation.
#[derive(Debug, Clone)]
pub struct RotatedCredential {
    /// The old one, as it stands now.
    pub old: CredentialRecord,
    /// Tokens that the old one was to take the place of and that wait for the new one now.
    pub waiting: Vec<Id<Credential>>,
}

/// Why a token was not rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRotated {
    /// The tenant has no such token.
    Unknown,
    /// It is not good any more.
    NotGood(CredentialState),
    /// It is an OAuth client's access token.
    AccessToken,
    /// Another one is about to take its place already.
    HasReplacement(Id<Credential>),
    /// The new one would end before the old one at the latest does.
    EndsTooSoon {
        /// When the old one retires at the latest.
        retires_at: Timestamp,
    },
}

/// A token that stays.
#[derive(Debug, Clone)]
pub struct Kept {
    /// As it stands now.
    pub record: CredentialRecord,
    /// The one that was to take its place. It stays, too.
    pub beside: Id<Credential>,
}

/// Why there was nothing to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotKept {
    /// The tenant has no such token.
    Unknown,
    /// It was revoked or has expired.
    NotGood(CredentialState),
    /// Nothing takes its place.
    HasNoReplacement,
}

impl TenantStore {
    /// Keeps a new token and has the old one retire. The rights of the new one are the old one's: what `new` says of
    /// directory, scopes and networks is not heard.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if the new one is not of this tenant.
    pub async fn rotate_credential(
        &self,
        new: NewRotation,
    ) -> Result<Result<RotatedCredential, NotRotated>, StoreError> {
        if new.record.tenant != self.tenant {
            return Err(StoreError::internal("a credential of another tenant"));
        }
        let rotate = Rotate { new, actor: self.actor.clone(), audit: AuditWriter::new(&self.inner) };
        Ok(self.inner.write(rotate).await?.map(|(rotated, written)| {
            audit::tell(&written);
            rotated
        }))
    }

    /// Undoes a rotation: the old token stays, whether it was still to retire or had.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn keep_credential(&self, id: Id<Credential>) -> Result<Result<Kept, NotKept>, StoreError> {
        let keep = Keep { tenant: self.tenant, id, actor: self.actor.clone(), audit: AuditWriter::new(&self.inner) };
        Ok(self.inner.write(keep).await?.map(|(kept, written)| {
            audit::tell(&written);
            kept
        }))
    }
}

/// A tenant's credential, which nobody else changes until the transaction ends.
pub(super) async fn locked(
    transaction: &DatabaseTransaction,
    tenant: Id<Tenant>,
    id: Id<Credential>,
) -> Result<Option<CredentialRecord>, StoreError> {
    let row = credential::Entity::find_by_id(id.as_uuid())
        .filter(credential::Column::TenantId.eq(tenant.as_uuid()))
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map(credential_record).transpose()
}

/// Those in whose place `id` is to come, which nobody else changes until the transaction ends.
pub(super) async fn predecessors(
    transaction: &DatabaseTransaction,
    id: Id<Credential>,
) -> Result<Vec<CredentialRecord>, StoreError> {
    let rows = credential::Entity::find()
        .filter(credential::Column::ReplacedBy.eq(id.as_uuid()))
        .order_by_asc(credential::Column::Id)
        .lock_exclusive()
        .all(transaction)
        .await?;
    rows.into_iter().map(credential_record).collect()
}

/// Has `rotation` hold for a credential, or none, and the job that warns look at it anew.
pub(super) async fn set_rotation(
    transaction: &DatabaseTransaction,
    id: Id<Credential>,
    rotation: Option<Rotation>,
) -> Result<(), StoreError> {
    let span = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    let at = |at: fn(Rotation) -> Timestamp| rotation.map(|rotation| at(rotation).as_micros());
    credential::Entity::update_many()
        .col_expr(credential::Column::ReplacedBy, Expr::value(rotation.map(|rotation| rotation.replaced_by.as_uuid())))
        .col_expr(credential::Column::RotatedAt, Expr::value(at(|rotation| rotation.rotated_at)))
        .col_expr(credential::Column::Overlap, Expr::value(rotation.map(|rotation| span(rotation.overlap))))
        .col_expr(
            credential::Column::InUseSince,
            Expr::value(rotation.and_then(|rotation| rotation.in_use_since).map(Timestamp::as_micros)),
        )
        .col_expr(credential::Column::RetiresAt, Expr::value(at(|rotation| rotation.retires_at)))
        .col_expr(credential::Column::LadderAt, Expr::value(0_i64))
        .filter(credential::Column::Id.eq(id.as_uuid()))
        .exec(transaction)
        .await?;
    Ok(())
}

struct Rotate {
    new: NewRotation,
    actor: Actor,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for Rotate {
    type Output = Result<(RotatedCredential, Vec<AuditRecord>), NotRotated>;

    async fn run(&self, transaction: &DatabaseTransaction) -> Result<Self::Output, StoreError> {
        let (now, tenant) = (self.audit.at(), self.new.record.tenant);
        let Some(old) = locked(transaction, tenant, self.new.replaces).await? else {
            return Ok(Err(NotRotated::Unknown));
        };
        match (old.state(now), old.rotation) {
            _ if old.client.is_some() => return Ok(Err(NotRotated::AccessToken)),
            (CredentialState::Retiring, Some(rotation)) => {
                return Ok(Err(NotRotated::HasReplacement(rotation.replaced_by)));
            }
            (state, _) if !state.is_good() => return Ok(Err(NotRotated::NotGood(state))),
            _ => {}
        }
        let new = CredentialRecord {
            directory: old.directory,
            client: None,
            scopes: old.scopes,
            networks: old.networks.clone(),
            rotation: None,
            ..self.new.record.clone()
        };
        let waiting = self.waiting(transaction, &old, now).await?;
        let with_rotation = |old: CredentialRecord| {
            let rotation = self.rotation(&old, now);
            (old, rotation)
        };
        let replaced: Vec<_> = waiting.into_iter().chain([old]).map(with_rotation).collect();
        let latest = replaced.iter().map(|(_, rotation)| rotation.retires_at).max().unwrap_or(now);
        if new.expires_at < latest {
            return Ok(Err(NotRotated::EndsTooSoon { retires_at: latest }));
        }
        credential::Entity::insert(credential_row(&new)).exec_without_returning(transaction).await?;
        let mut lines = Vec::new();
        for (old, rotation) in &replaced {
            set_rotation(transaction, old.id, Some(*rotation)).await?;
            let detail = json!({
                "replaced_by": new.id,
                "label": new.label,
                "expires_at": new.expires_at.to_string(),
                "overlap_seconds": rotation.overlap.as_secs(),
                "retires_at": rotation.retires_at.to_string(),
            });
            lines.push(AuditEntry::about((tenant, old.directory), old.id, AuditAction::TokenRotated, detail));
        }
        lines.insert(0, tenant::issued(&new));
        let written = self.audit.write(transaction, &self.actor, lines).await?;
        let waiting = replaced.iter().map(|(old, _)| old.id).filter(|id| *id != self.new.replaces).collect();
        let old = replaced
            .into_iter()
            .next_back()
            .map(|(old, rotation)| CredentialRecord { rotation: Some(rotation), ..old });
        let old = old.ok_or_else(|| StoreError::internal("a rotation of nothing"))?;
        Ok(Ok((RotatedCredential { old, waiting }, written)))
    }
}

impl Rotate {
    fn rotation(&self, old: &CredentialRecord, now: Timestamp) -> Rotation {
        Rotation {
            replaced_by: self.new.record.id,
            rotated_at: now,
            overlap: self.new.overlap,
            in_use_since: None,
            retires_at: now.plus(self.new.deadline).min(old.expires_at),
        }
    }

    /// Those that waited for the old one, which was never used: their clients have neither, and are to get the new one.
    async fn waiting(
        &self,
        transaction: &DatabaseTransaction,
        old: &CredentialRecord,
        now: Timestamp,
    ) -> Result<Vec<CredentialRecord>, StoreError> {
        let mut waiting = predecessors(transaction, old.id).await?;
        waiting.retain(|record| record.state(now) == CredentialState::Retiring);
        if waiting.is_empty() || uses::last_used_at(transaction, old.directory, old.id).await?.is_some() {
            return Ok(Vec::new());
        }
        Ok(waiting)
    }
}

struct Keep {
    tenant: Id<Tenant>,
    id: Id<Credential>,
    actor: Actor,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for Keep {
    type Output = Result<(Kept, Vec<AuditRecord>), NotKept>;

    async fn run(&self, transaction: &DatabaseTransaction) -> Result<Self::Output, StoreError> {
        let Some(record) = locked(transaction, self.tenant, self.id).await? else {
            return Ok(Err(NotKept::Unknown));
        };
        let state = record.state(self.audit.at());
        if matches!(state, CredentialState::Revoked | CredentialState::Expired) {
            return Ok(Err(NotKept::NotGood(state)));
        }
        let Some(rotation) = record.rotation else { return Ok(Err(NotKept::HasNoReplacement)) };
        set_rotation(transaction, self.id, None).await?;
        let detail = json!({
            "beside": rotation.replaced_by,
            "because": "asked",
            "had_retired": state == CredentialState::Retired,
        });
        let line = AuditEntry::about((self.tenant, record.directory), self.id, AuditAction::TokenKept, detail);
        let written = self.audit.write(transaction, &self.actor, vec![line]).await?;
        let record = CredentialRecord { rotation: None, ..record };
        Ok(Ok((Kept { record, beside: rotation.replaced_by }, written)))
    }
}
