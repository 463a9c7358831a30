//! A token is refused from now on.

use async_trait::async_trait;
use rollcall_access::{Actor, CredentialState};
use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, Tenant},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::json;

use super::{
    AuditAction, AuditRecord, TenantStore,
    audit::{self, AuditEntry, AuditWriter},
    rotation::{locked, predecessors, set_rotation},
};
use crate::{StoreError, door::Mutation, entity::credential, transaction::Transaction};

/// What came of a revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// It had been revoked before, and keeps its earlier moment.
    pub had_been: bool,
    /// Tokens whose place it was to take: they stay, so that nobody is left without one.
    pub kept: Vec<Id<Credential>>,
}

impl TenantStore {
    /// Revokes a credential from `at` on; one that is revoked already keeps its earlier moment. Those whose place it was to
    /// take stay. None if the tenant has no such credential.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_credential(
        &self,
        id: Id<Credential>,
        at: Timestamp,
        leaked: bool,
    ) -> Result<Option<Revocation>, StoreError> {
        let audit = AuditWriter::new(&self.inner);
        let revoke = Revoke { tenant: self.tenant, id, at, leaked, actor: self.actor.clone(), audit };
        Ok(self.inner.write(revoke).await?.map(|(revocation, written)| {
            audit::tell(&written);
            revocation
        }))
    }

    /// The credentials whose place `id` is to take.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn waiting_for(&self, id: Id<Credential>) -> Result<Vec<Id<Credential>>, StoreError> {
        let waiting = credential::Entity::find()
            .filter(credential::Column::TenantId.eq(self.tenant.as_uuid()))
            .filter(credential::Column::ReplacedBy.eq(id.as_uuid()));
        Ok(waiting.all(self.inner.reader()).await?.into_iter().map(|row| Id::from_uuid(row.id)).collect())
    }
}

struct Revoke {
    tenant: Id<Tenant>,
    id: Id<Credential>,
    at: Timestamp,
    leaked: bool,
    actor: Actor,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for Revoke {
    type Output = Option<(Revocation, Vec<AuditRecord>)>;

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        let Some(record) = locked(transaction, self.tenant, self.id).await? else { return Ok(None) };
        let had_been = record.revoked_at.is_some();
        let place = (self.tenant, record.directory);
        let (mut lines, mut kept) = (Vec::new(), Vec::new());
        if !had_been {
            credential::Entity::update_many()
                .col_expr(credential::Column::RevokedAt, Expr::value(self.at.as_micros()))
                .col_expr(credential::Column::LadderAt, Expr::value(0_i64))
                .filter(credential::Column::Id.eq(self.id.as_uuid()))
                .exec(transaction)
                .await?;
            for old in predecessors(transaction, self.id).await? {
                // What has retired is gone: nobody counts on it any more.
                if old.state(self.at) != CredentialState::Retiring {
                    continue;
                }
                set_rotation(transaction, old.id, None).await?;
                let detail =
                    json!({ "beside": self.id, "because": "its replacement was revoked", "had_retired": false });
                lines.push(AuditEntry::about(place, old.id, AuditAction::TokenKept, detail));
                kept.push(old.id);
            }
        }
        if !had_been || self.leaked {
            let detail = json!({ "leaked": self.leaked, "had_been_revoked": had_been, "kept": kept });
            lines.insert(0, AuditEntry::about(place, self.id, AuditAction::TokenRevoked, detail));
        }
        let written = self.audit.write(transaction, &self.actor, lines).await?;
        Ok(Some((Revocation { had_been, kept }, written)))
    }
}
