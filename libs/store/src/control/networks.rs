//! Where a token, or an OAuth client with all of its access tokens, may be used from.

use async_trait::async_trait;
use rollcall_access::{Actor, AllowedNetworks, CredentialRecord, CredentialState, OAuthClientRecord};
use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, OAuthClient, Tenant},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    AuditAction, AuditRecord, TenantStore,
    audit::{self, AuditEntry, AuditWriter},
    clients::{line, locked_client, of_client},
    rotation::locked,
};
use crate::{
    StoreError,
    door::Mutation,
    entity::{credential, oauth_client},
    transaction::Transaction,
};

/// Why networks were not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworksNotSet {
    /// The tenant has no such token or client.
    Unknown,
    /// It is not good any more: where it was used from is to stay known as it was.
    NotGood(CredentialState),
}

impl TenantStore {
    /// Has a credential be used from `networks` alone; none: from anywhere.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_networks(
        &self,
        id: Id<Credential>,
        networks: Option<AllowedNetworks>,
    ) -> Result<Result<CredentialRecord, NetworksNotSet>, StoreError> {
        let audit = AuditWriter::new(&self.inner);
        let set = SetNetworks { tenant: self.tenant, id, networks, actor: self.actor.clone(), audit };
        Ok(self.inner.write(set).await?.map(|(record, written)| {
            audit::tell(&written);
            record
        }))
    }

    /// The same of an OAuth client and the access tokens that it has, whose ids are given back.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_client_networks(
        &self,
        id: Id<OAuthClient>,
        networks: Option<AllowedNetworks>,
    ) -> Result<Result<(OAuthClientRecord, Vec<Id<Credential>>), NetworksNotSet>, StoreError> {
        let audit = AuditWriter::new(&self.inner);
        let set = SetClientNetworks { tenant: self.tenant, id, networks, actor: self.actor.clone(), audit };
        Ok(self.inner.write(set).await?.map(|(record, tokens, written)| {
            audit::tell(&written);
            (record, tokens)
        }))
    }
}

fn shown(networks: Option<&AllowedNetworks>) -> Value {
    networks
        .map_or(Value::Null, |allowed| json!({ "networks": allowed.networks.to_string(), "observe": allowed.observe }))
}

fn detail(before: Option<&AllowedNetworks>, after: Option<&AllowedNetworks>) -> Value {
    json!({ "before": shown(before), "after": shown(after) })
}

struct SetNetworks {
    tenant: Id<Tenant>,
    id: Id<Credential>,
    networks: Option<AllowedNetworks>,
    actor: Actor,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for SetNetworks {
    type Output = Result<(CredentialRecord, Vec<AuditRecord>), NetworksNotSet>;

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        let Some(record) = locked(transaction, self.tenant, self.id).await? else {
            return Ok(Err(NetworksNotSet::Unknown));
        };
        let (state, networks) = (record.state(self.audit.at()), self.networks.as_ref());
        if !state.is_good() {
            return Ok(Err(NetworksNotSet::NotGood(state)));
        }
        if record.networks.as_ref() == networks {
            return Ok(Ok((record, Vec::new())));
        }
        credential::Entity::update_many()
            .col_expr(credential::Column::Networks, Expr::value(networks.map(|allowed| allowed.networks.to_string())))
            .col_expr(credential::Column::ObservesNetworks, Expr::value(networks.map(|allowed| allowed.observe)))
            .filter(credential::Column::Id.eq(self.id.as_uuid()))
            .exec(transaction)
            .await?;
        let (place, detail) = ((self.tenant, record.directory), detail(record.networks.as_ref(), networks));
        let line = AuditEntry::about(place, self.id, AuditAction::TokenNetworksChanged, detail);
        let written = self.audit.write(transaction, &self.actor, vec![line]).await?;
        Ok(Ok((CredentialRecord { networks: self.networks.clone(), ..record }, written)))
    }
}

struct SetClientNetworks {
    tenant: Id<Tenant>,
    id: Id<OAuthClient>,
    networks: Option<AllowedNetworks>,
    actor: Actor,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for SetClientNetworks {
    type Output = Result<(OAuthClientRecord, Vec<Id<Credential>>, Vec<AuditRecord>), NetworksNotSet>;

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        // Its row first: who grants a token locks it, and takes its networks for the token.
        let Some(client) = locked_client(transaction, self.tenant, self.id).await? else {
            return Ok(Err(NetworksNotSet::Unknown));
        };
        if !client.is_live(self.audit.at()) {
            let state = if client.revoked_at.is_some() { CredentialState::Revoked } else { CredentialState::Expired };
            return Ok(Err(NetworksNotSet::NotGood(state)));
        }
        let tokens = self.live_tokens(transaction, self.audit.at()).await?;
        let networks = self.networks.as_ref();
        if client.networks.as_ref() == networks {
            return Ok(Ok((client, tokens, Vec::new())));
        }
        let text = || networks.map(|allowed| allowed.networks.to_string());
        oauth_client::Entity::update_many()
            .col_expr(oauth_client::Column::Networks, Expr::value(text()))
            .col_expr(
                oauth_client::Column::ObservesNetworks,
                Expr::value(networks.is_some_and(|allowed| allowed.observe)),
            )
            .filter(oauth_client::Column::Id.eq(self.id.as_uuid()))
            .exec(transaction)
            .await?;
        credential::Entity::update_many()
            .col_expr(credential::Column::Networks, Expr::value(text()))
            .col_expr(credential::Column::ObservesNetworks, Expr::value(networks.map(|allowed| allowed.observe)))
            .filter(of_client(self.tenant, self.id))
            .filter(credential::Column::RevokedAt.is_null())
            .filter(credential::Column::ExpiresAt.gt(self.audit.at().as_micros()))
            .exec(transaction)
            .await?;
        let (place, detail) = ((self.tenant, client.directory), detail(client.networks.as_ref(), networks));
        let line = line(place, self.id, AuditAction::ClientNetworksChanged, detail);
        let written = self.audit.write(transaction, &self.actor, vec![line]).await?;
        Ok(Ok((OAuthClientRecord { networks: self.networks.clone(), ..client }, tokens, written)))
    }
}

impl SetClientNetworks {
    async fn live_tokens(&self, transaction: &Transaction, now: Timestamp) -> Result<Vec<Id<Credential>>, StoreError> {
        let ids: Vec<Uuid> = credential::Entity::find()
            .select_only()
            .column(credential::Column::Id)
            .filter(of_client(self.tenant, self.id))
            .filter(credential::Column::RevokedAt.is_null())
            .filter(credential::Column::ExpiresAt.gt(now.as_micros()))
            .into_tuple()
            .all(transaction)
            .await?;
        Ok(ids.into_iter().map(Id::from_uuid).collect())
    }
}
