//! Access tokens of OAuth clients: kept, as long as there are not too many.

use async_trait::async_trait;
use rollcall_access::{Actor, CredentialRecord};
use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, OAuthClient, Tenant},
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, sea_query::Expr};
use serde_json::json;
use uuid::Uuid;

use super::{
    AuditAction, AuditRecord, TenantStore,
    audit::{self, AuditWriter},
    clients::{line, of_client},
    rows,
};
use crate::{
    StoreError,
    door::Mutation,
    entity::{credential, oauth_client},
    transaction::Transaction,
};

/// What came of an access token that was to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// It is kept. These others of its client, its oldest, are refused from now on: it had too many, at most a hundred go at
    /// once.
    Kept(Vec<Id<Credential>>),
    /// Its client has been revoked or has expired.
    ClientIsGone,
}

/// The most access tokens that go at once beyond those that have to.
const AT_ONCE: u64 = 100;

/// How many go with the first that is too many, of `most`.
const fn going(most: u64) -> u64 {
    most / 10
}

impl TenantStore {
    /// Keeps an access token of one of the tenant's OAuth clients, if that is live when it is created. Of more than `most`
    /// live ones the oldest are revoked, down to nine tenths, so that the audit's line about it is not one a token. Whoever
    /// revokes the client at the same time revokes this token too, or it is not kept.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if it is not of this tenant or not of a client.
    pub async fn insert_access_token(&self, record: &CredentialRecord, most: u64) -> Result<Granted, StoreError> {
        let client = record.client.filter(|_| record.tenant == self.tenant);
        let client = client.ok_or_else(|| StoreError::internal("an access token of no client of this tenant"))?;
        let (actor, audit) = (self.actor.clone(), AuditWriter::new(&self.inner));
        let (granted, written) =
            self.inner.write(InsertAccessToken { client, record: record.clone(), most, actor, audit }).await?;
        audit::tell(&written);
        Ok(granted)
    }

    /// Those that [`TenantStore::insert_access_token`] of `record` has revoked or would revoke, when its outcome is not known.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn in_the_way_of(&self, record: &CredentialRecord, most: u64) -> Result<Vec<Id<Credential>>, StoreError> {
        let Some(client) = record.client else { return Ok(Vec::new()) };
        let now = record.created_at.as_micros();
        let ids: Vec<Uuid> = not_expired(self.tenant, client, record.created_at)
            .filter(
                Condition::any()
                    .add(credential::Column::RevokedAt.is_null())
                    .add(credential::Column::RevokedAt.eq(now)),
            )
            .limit(going(most) + AT_ONCE)
            .offset((most - going(most)).saturating_sub(1))
            .into_tuple()
            .all(self.inner.reader())
            .await?;
        Ok(ids.into_iter().map(Id::from_uuid).collect())
    }

    /// The access tokens of one of the tenant's OAuth clients that are good at `now`, the newest first, and no more than
    /// `most`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn live_access_tokens(
        &self,
        id: Id<OAuthClient>,
        now: Timestamp,
        most: u64,
    ) -> Result<Vec<Id<Credential>>, StoreError> {
        let ids: Vec<Uuid> = not_expired(self.tenant, id, now)
            .filter(credential::Column::RevokedAt.is_null())
            .limit(most)
            .into_tuple()
            .all(self.inner.reader())
            .await?;
        Ok(ids.into_iter().map(Id::from_uuid).collect())
    }
}

/// The ids of a client's access tokens that have not expired, the newest first.
fn not_expired(tenant: Id<Tenant>, id: Id<OAuthClient>, now: Timestamp) -> Select<credential::Entity> {
    credential::Entity::find()
        .select_only()
        .column(credential::Column::Id)
        .filter(of_client(tenant, id))
        .filter(credential::Column::ExpiresAt.gt(now.as_micros()))
        .order_by_desc(credential::Column::CreatedAt)
        .order_by_desc(credential::Column::Id)
}

struct InsertAccessToken {
    client: Id<OAuthClient>,
    record: CredentialRecord,
    most: u64,
    actor: Actor,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for InsertAccessToken {
    type Output = (Granted, Vec<AuditRecord>);

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        let (mut record, now) = (self.record.clone(), self.record.created_at);
        // Locked until the commit: a revocation or other networks wait for it, and then see this token.
        let client = oauth_client::Entity::find_by_id(self.client.as_uuid())
            .filter(oauth_client::Column::TenantId.eq(record.tenant.as_uuid()))
            .filter(oauth_client::Column::DirectoryId.eq(record.directory.as_uuid()))
            .lock_shared()
            .one(transaction)
            .await?;
        let client = client.map(rows::client_record).transpose()?;
        let Some(client) = client.filter(|client| client.is_live(now)) else {
            return Ok((Granted::ClientIsGone, Vec::new()));
        };
        // Whoever asks for it may remember others.
        record.networks = client.networks;
        credential::Entity::insert(rows::credential_row(&record)).exec_without_returning(transaction).await?;
        let beyond = self.beyond(transaction).await?;
        let mut lines = Vec::new();
        if !beyond.is_empty() {
            credential::Entity::update_many()
                .col_expr(credential::Column::RevokedAt, Expr::value(now.as_micros()))
                .filter(credential::Column::Id.is_in(beyond.iter().copied()))
                .exec(transaction)
                .await?;
            let detail = json!({ "access_tokens": beyond.len(), "most": self.most });
            let place = (record.tenant, record.directory);
            lines.push(line(place, self.client, AuditAction::ClientTokensRetired, detail));
        }
        let written = self.audit.write(transaction, &self.actor, lines).await?;
        Ok((Granted::Kept(beyond.into_iter().map(Id::from_uuid).collect()), written))
    }
}

impl InsertAccessToken {
    /// The oldest, if the client has too many live ones. Who is over it by more than go at once is cut down the next time.
    async fn beyond(&self, transaction: &Transaction) -> Result<Vec<Uuid>, StoreError> {
        let beyond: Vec<Uuid> = not_expired(self.record.tenant, self.client, self.record.created_at)
            .filter(credential::Column::RevokedAt.is_null())
            .limit(going(self.most) + AT_ONCE)
            .offset(self.most - going(self.most))
            .into_tuple()
            .all(transaction)
            .await?;
        Ok(if beyond.len() as u64 > going(self.most) { beyond } else { Vec::new() })
    }
}
