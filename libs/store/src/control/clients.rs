//! OAuth clients: kept, looked up, revoked with their access tokens.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rollcall_access::{Actor, OAuthClientRecord};
use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, Directory, OAuthClient, Tenant},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    AuditAction, AuditRecord, TenantStore, VerificationStore, Within,
    audit::{self, AuditEntry, AuditWriter},
    rows,
};
use crate::{
    StoreError,
    door::Mutation,
    entity::{credential, directory, oauth_client},
    statement::Sql,
    transaction::Transaction,
};

/// An OAuth client's access tokens when it was revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessTokens {
    /// Those that were good until the client was revoked, now or before, and have not expired.
    pub ids: Vec<Id<Credential>>,
    /// How many were good until now.
    pub were_live: u64,
    /// The client had been revoked before, and keeps its earlier moment.
    pub had_been: bool,
}

/// What an OAuth client got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientUse {
    /// Access tokens that are good now.
    pub live_tokens: u64,
    /// When it got its last one; `None` if that was so long ago that it has been erased, or never.
    pub last_token_at: Option<Timestamp>,
}

impl TenantStore {
    /// Keeps a new OAuth client.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if it is not of this tenant, [`StoreError::NotFound`] if its directory is not.
    pub async fn insert_client(&self, record: &OAuthClientRecord) -> Result<(), StoreError> {
        if record.tenant != self.tenant {
            return Err(StoreError::internal("an OAuth client of another tenant"));
        }
        let audit = AuditWriter::new(&self.inner);
        audit::tell(&self.inner.write(InsertClient(record.clone(), self.actor.clone(), audit)).await?);
        Ok(())
    }

    /// OAuth clients, oldest first: expired and revoked ones too.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn clients(&self, within: impl Into<Within>) -> Result<Vec<OAuthClientRecord>, StoreError> {
        let within = within.into();
        let rows = oauth_client::Entity::find()
            .filter(within.rows(self.tenant, oauth_client::Column::TenantId, oauth_client::Column::DirectoryId))
            .order_by_asc(oauth_client::Column::Id)
            .all(self.inner.reader())
            .await?;
        rows.into_iter().map(rows::client_record).collect()
    }

    /// What the tenant's OAuth client got, as it stands at `now`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn client_use(&self, id: Id<OAuthClient>, now: Timestamp) -> Result<ClientUse, StoreError> {
        let sql = self.got(now).text(" AND k.id = ").id(id);
        Ok(self.client_uses_by(sql).await?.remove(&id).unwrap_or_default())
    }

    /// What OAuth clients got, as it stands at `now`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn client_uses(
        &self,
        within: impl Into<Within>,
        now: Timestamp,
    ) -> Result<BTreeMap<Id<OAuthClient>, ClientUse>, StoreError> {
        let sql = self.got(now).text(" AND").part(&within.into().is("k.directory_id", self.tenant));
        self.client_uses_by(sql).await
    }

    /// What the tenant's OAuth clients `k` got.
    fn got(&self, now: Timestamp) -> Sql {
        Sql::new("SELECT k.id, (SELECT MAX(c.created_at) FROM credential c WHERE c.oauth_client_id = k.id) AS last, ")
            .text("(SELECT COUNT(*) FROM credential c WHERE c.oauth_client_id = k.id AND c.revoked_at IS NULL ")
            .text("AND c.expires_at > ")
            .value(now.as_micros())
            .text(") AS live FROM oauth_client k WHERE k.tenant_id = ")
            .id(self.tenant)
    }

    async fn client_uses_by(&self, sql: Sql) -> Result<BTreeMap<Id<OAuthClient>, ClientUse>, StoreError> {
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        let uses = rows.iter().map(|row| -> Result<_, StoreError> {
            let got = ClientUse {
                live_tokens: row.try_get::<i64>("", "live")?.unsigned_abs(),
                last_token_at: row.try_get::<Option<i64>>("", "last")?.map(Timestamp::from_micros),
            };
            Ok((Id::from_uuid(row.try_get("", "id")?), got))
        });
        uses.collect()
    }

    /// Revokes an OAuth client and its access tokens from `at` on; what is revoked already keeps its earlier moment. The
    /// access tokens that could still be remembered as good anywhere; `None` if the tenant has no such client. Of a client that
    /// had been revoked the audit says it again if it `leaked`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_client(
        &self,
        id: Id<OAuthClient>,
        at: Timestamp,
        leaked: bool,
    ) -> Result<Option<AccessTokens>, StoreError> {
        let audit = AuditWriter::new(&self.inner);
        let revoke = RevokeClient { tenant: self.tenant, id, at, leaked, actor: self.actor.clone(), audit };
        Ok(self.inner.write(revoke).await?.map(|(tokens, written)| {
            audit::tell(&written);
            tokens
        }))
    }

    /// The one of the tenant's OAuth clients with this id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn client(&self, id: Id<OAuthClient>) -> Result<Option<OAuthClientRecord>, StoreError> {
        let row = oauth_client::Entity::find_by_id(id.as_uuid())
            .filter(oauth_client::Column::TenantId.eq(self.tenant.as_uuid()))
            .one(self.inner.reader())
            .await?;
        row.map(rows::client_record).transpose()
    }
}

impl VerificationStore {
    /// The OAuth client with this id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn oauth_client(&self, id: Id<OAuthClient>) -> Result<Option<OAuthClientRecord>, StoreError> {
        let row = oauth_client::Entity::find_by_id(id.as_uuid()).one(self.0.reader()).await?;
        row.map(rows::client_record).transpose()
    }
}

pub(super) fn of_client(tenant: Id<Tenant>, id: Id<OAuthClient>) -> Condition {
    Condition::all()
        .add(credential::Column::OauthClientId.eq(id.as_uuid()))
        .add(credential::Column::TenantId.eq(tenant.as_uuid()))
}

/// A tenant's OAuth client, which nobody else changes, and to which nobody grants a token, until the transaction ends.
pub(super) async fn locked_client(
    transaction: &Transaction,
    tenant: Id<Tenant>,
    id: Id<OAuthClient>,
) -> Result<Option<OAuthClientRecord>, StoreError> {
    let row = oauth_client::Entity::find_by_id(id.as_uuid())
        .filter(oauth_client::Column::TenantId.eq(tenant.as_uuid()))
        .lock_exclusive()
        .one(transaction)
        .await?;
    row.map(rows::client_record).transpose()
}

struct InsertClient(OAuthClientRecord, Actor, AuditWriter);

#[async_trait]
impl Mutation for InsertClient {
    type Output = Vec<AuditRecord>;

    async fn run(&self, transaction: &Transaction) -> Result<Vec<AuditRecord>, StoreError> {
        let Self(record, actor, audit) = self;
        let in_tenant = directory::Entity::find_by_id(record.directory.as_uuid())
            .filter(directory::Column::TenantId.eq(record.tenant.as_uuid()));
        if in_tenant.one(transaction).await?.is_none() {
            return Err(StoreError::NotFound);
        }
        let row = oauth_client::ActiveModel {
            id: Set(record.id.as_uuid()),
            tenant_id: Set(record.tenant.as_uuid()),
            directory_id: Set(record.directory.as_uuid()),
            secret_hash: Set(record.secret_hash.as_str().to_owned()),
            scopes: Set(record.scopes.bits().into()),
            networks: Set(record.networks.as_ref().map(|allowed| allowed.networks.to_string())),
            observes_networks: Set(record.networks.as_ref().is_some_and(|allowed| allowed.observe)),
            label: Set(record.label.clone()),
            created_at: Set(record.created_at.as_micros()),
            expires_at: Set(record.expires_at.as_micros()),
            revoked_at: Set(record.revoked_at.map(Timestamp::as_micros)),
        };
        oauth_client::Entity::insert(row).exec_without_returning(transaction).await?;
        let detail = json!({
            "label": record.label,
            "scopes": record.scopes.to_string(),
            "networks": record.networks.as_ref().map(|allowed| allowed.networks.to_string()),
            "observes_networks": record.networks.as_ref().is_some_and(|allowed| allowed.observe),
            "expires_at": record.expires_at.to_string(),
        });
        let place = (record.tenant, record.directory);
        audit.write(transaction, actor, vec![line(place, record.id, AuditAction::ClientCreated, detail)]).await
    }
}

pub(super) fn line(
    place: (Id<Tenant>, Id<Directory>),
    client: Id<OAuthClient>,
    action: AuditAction,
    detail: serde_json::Value,
) -> AuditEntry {
    AuditEntry::of(place, format!("oauth_client:{client}"), action, detail)
}

struct RevokeClient {
    tenant: Id<Tenant>,
    id: Id<OAuthClient>,
    at: Timestamp,
    leaked: bool,
    actor: Actor,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for RevokeClient {
    type Output = Option<(AccessTokens, Vec<AuditRecord>)>;

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        // Its row first: it is what who grants a token looks at and locks.
        let Some(client) = locked_client(transaction, self.tenant, self.id).await? else { return Ok(None) };
        let had_been = client.revoked_at.is_some();
        if !had_been {
            oauth_client::Entity::update_many()
                .col_expr(oauth_client::Column::RevokedAt, Expr::value(self.at.as_micros()))
                .filter(oauth_client::Column::Id.eq(self.id.as_uuid()))
                .exec(transaction)
                .await?;
        }
        let not_expired = of_client(self.tenant, self.id).add(credential::Column::ExpiresAt.gt(self.at.as_micros()));
        let were_live = credential::Entity::update_many()
            .col_expr(credential::Column::RevokedAt, Expr::value(self.at.as_micros()))
            .filter(not_expired.clone())
            .filter(credential::Column::RevokedAt.is_null())
            .exec(transaction)
            .await?
            .rows_affected;
        // Those that went when the client was revoked before, too: whoever revokes again because he heard of no success has
        // them forgotten. What was revoked earlier than it is nobody's to forget any more, however many that are.
        let since = client.revoked_at.unwrap_or(self.at).as_micros();
        let ids: Vec<Uuid> = credential::Entity::find()
            .select_only()
            .column(credential::Column::Id)
            .filter(not_expired)
            .filter(credential::Column::RevokedAt.gte(since))
            .into_tuple()
            .all(transaction)
            .await?;
        let tokens = AccessTokens { ids: ids.into_iter().map(Id::from_uuid).collect(), were_live, had_been };
        let mut lines = Vec::new();
        if !had_been || self.leaked {
            let place = (self.tenant, client.directory);
            let detail = json!({
                "label": client.label,
                "access_tokens": were_live,
                "leaked": self.leaked,
                "had_been_revoked": had_been,
            });
            lines.push(line(place, self.id, AuditAction::ClientRevoked, detail));
        }
        let written = self.audit.write(transaction, &self.actor, lines).await?;
        Ok(Some((tokens, written)))
    }
}
