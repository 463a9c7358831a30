//! A token is refused from now on; and where a token may be used from.

use async_trait::async_trait;
use rollcall_access::{Actor, AllowedNetworks, CredentialRecord, CredentialState};
use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, Tenant},
};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};

use super::{
    AuditAction, AuditRecord, TenantStore,
    audit::{self, AuditEntry, AuditWriter},
    rotation::{locked, predecessors, set_rotation},
};
use crate::{StoreError, door::Mutation, entity::credential};

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

    /// Has a credential be used from `networks` alone; none: from anywhere. None if the tenant has no such credential.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_networks(
        &self,
        id: Id<Credential>,
        networks: Option<AllowedNetworks>,
    ) -> Result<Option<CredentialRecord>, StoreError> {
        let audit = AuditWriter::new(&self.inner);
        let set = SetNetworks { tenant: self.tenant, id, networks, actor: self.actor.clone(), audit };
        Ok(self.inner.write(set).await?.map(|(record, written)| {
            audit::tell(&written);
            record
        }))
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

    async fn run(&self, transaction: &DatabaseTransaction) -> Result<Self::Output, StoreError> {
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

struct SetNetworks {
    tenant: Id<Tenant>,
    id: Id<Credential>,
    networks: Option<AllowedNetworks>,
    actor: Actor,
    audit: AuditWriter,
}

fn shown(networks: Option<&AllowedNetworks>) -> Value {
    networks
        .map_or(Value::Null, |allowed| json!({ "networks": allowed.networks.to_string(), "observe": allowed.observe }))
}

#[async_trait]
impl Mutation for SetNetworks {
    type Output = Option<(CredentialRecord, Vec<AuditRecord>)>;

    async fn run(&self, transaction: &DatabaseTransaction) -> Result<Self::Output, StoreError> {
        let Some(record) = locked(transaction, self.tenant, self.id).await? else { return Ok(None) };
        let networks = self.networks.as_ref();
        if record.networks.as_ref() == networks {
            return Ok(Some((record, Vec::new())));
        }
        credential::Entity::update_many()
            .col_expr(credential::Column::Networks, Expr::value(networks.map(|allowed| allowed.networks.to_string())))
            .col_expr(credential::Column::ObservesNetworks, Expr::value(networks.map(|allowed| allowed.observe)))
            .filter(credential::Column::Id.eq(self.id.as_uuid()))
            .exec(transaction)
            .await?;
        let detail = json!({ "before": shown(record.networks.as_ref()), "after": shown(networks) });
        let place = (self.tenant, record.directory);
        let line = AuditEntry::about(place, self.id, AuditAction::TokenNetworksChanged, detail);
        let written = self.audit.write(transaction, &self.actor, vec![line]).await?;
        Ok(Some((CredentialRecord { networks: self.networks.clone(), ..record }, written)))
    }
}
