//! Data keys after the first: rotation, wrapping anew, and credentials that move to a newer one.

use async_trait::async_trait;
use rollcall_access::{CredentialRecord, TokenHash};
use rollcall_base::{
    Id,
    marker::{Credential, DataKey, Tenant},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{TenantStore, VerificationStore, WrappedKey, rows};
use crate::{
    StoreError,
    door::Mutation,
    entity::{credential, data_key},
    statement::inserted,
    transaction::Transaction,
};

impl TenantStore {
    /// Keeps a new data key as the newest for its purpose, if `previous` is still the newest. Of several processes that
    /// rotate at the same time the first one's stands; it is given back.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if the key is not of this tenant.
    pub async fn rotate_data_key(&self, key: WrappedKey, previous: Id<DataKey>) -> Result<WrappedKey, StoreError> {
        if key.tenant != self.tenant {
            return Err(StoreError::internal("a data key of another tenant"));
        }
        self.inner.write(RotateKey { key, previous }).await
    }

    /// All of the tenant's data keys for a purpose, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn data_keys(&self, purpose: &str) -> Result<Vec<WrappedKey>, StoreError> {
        let rows = data_key::Entity::find()
            .filter(data_key::Column::TenantId.eq(self.tenant.as_uuid()))
            .filter(data_key::Column::Purpose.eq(purpose))
            .order_by_asc(data_key::Column::Generation)
            .all(self.inner.reader())
            .await?;
        Ok(rows.into_iter().map(WrappedKey::from).collect())
    }

    /// Keeps the same data key in another wrapping, if it still stands as it was read. False if it does not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn replace_wrapping(&self, key: &WrappedKey, wrapped: Vec<u8>) -> Result<bool, StoreError> {
        let replace = ReplaceWrapping { tenant: self.tenant, id: key.id, before: key.wrapped.clone(), after: wrapped };
        self.inner.write(replace).await
    }
}

impl VerificationStore {
    /// The credential with the id that stands in a token, and its tenant's newest data key for `purpose`: in one
    /// statement, because this is what a token that is not remembered costs.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn credential_and_newest_key(
        &self,
        id: Id<Credential>,
        purpose: &str,
    ) -> Result<Option<(CredentialRecord, Id<DataKey>)>, StoreError> {
        let newest = data_key::Entity::find()
            .select_only()
            .column(data_key::Column::Id)
            .filter(
                Expr::col((data_key::Entity, data_key::Column::TenantId))
                    .equals((credential::Entity, credential::Column::TenantId)),
            )
            .filter(data_key::Column::Purpose.eq(purpose))
            .order_by_desc(data_key::Column::Generation)
            .limit(1)
            .into_query();
        let row = credential::Entity::find_by_id(id.as_uuid())
            .expr_as(Expr::SubQuery(None, Box::new(newest.into())), "newest_data_key")
            .into_model::<WithNewest>()
            .one(self.0.reader())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let record = rows::credential_record(row.credential)?;
        let newest = row.newest_data_key.map_or(record.data_key, Id::from_uuid);
        Ok(Some((record, newest)))
    }

    /// Moves a credential from one data key to another, with its hash under the new one. False if it had been moved
    /// already, so that of several who try one does it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn move_credential(
        &self,
        id: Id<Credential>,
        from: Id<DataKey>,
        to: Id<DataKey>,
        hash: TokenHash,
    ) -> Result<bool, StoreError> {
        self.0.write(MoveCredential { id, from, to, hash }).await
    }
}

struct WithNewest {
    credential: credential::Model,
    newest_data_key: Option<uuid::Uuid>,
}

impl sea_orm::FromQueryResult for WithNewest {
    fn from_query_result(row: &sea_orm::QueryResult, prefix: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self {
            credential: credential::Model::from_query_result(row, prefix)?,
            newest_data_key: row.try_get(prefix, "newest_data_key")?,
        })
    }
}

struct RotateKey {
    key: WrappedKey,
    previous: Id<DataKey>,
}

/// The newest row for a purpose.
pub(super) async fn newest(
    connection: &impl ConnectionTrait,
    tenant: Id<Tenant>,
    purpose: &str,
) -> Result<Option<data_key::Model>, StoreError> {
    let row = data_key::Entity::find()
        .filter(data_key::Column::TenantId.eq(tenant.as_uuid()))
        .filter(data_key::Column::Purpose.eq(purpose))
        .order_by_desc(data_key::Column::Generation)
        .one(connection)
        .await?;
    Ok(row)
}

#[async_trait]
impl Mutation for RotateKey {
    type Output = WrappedKey;

    async fn run(&self, transaction: &Transaction) -> Result<WrappedKey, StoreError> {
        let key = &self.key;
        let gone = || StoreError::internal("a tenant's data key is gone");
        let stands = newest(transaction, key.tenant, &key.purpose).await?.ok_or_else(gone)?;
        if stands.id != self.previous.as_uuid() {
            return Ok(stands.into());
        }
        let row = data_key::ActiveModel {
            id: Set(key.id.as_uuid()),
            tenant_id: Set(key.tenant.as_uuid()),
            purpose: Set(key.purpose.clone()),
            generation: Set(stands.generation + 1),
            wrapped: Set(key.wrapped.clone()),
            created_at: Set(key.created_at.as_micros()),
        };
        // Somebody may have rotated since the newest was read: then the unique generation says so, and this is read again.
        let columns = [data_key::Column::TenantId, data_key::Column::Purpose, data_key::Column::Generation];
        let nothing = OnConflict::columns(columns).do_nothing().to_owned();
        let kept = data_key::Entity::insert(row).on_conflict(nothing).exec_without_returning(transaction).await;
        if inserted(kept)? == 1 { Ok(key.clone()) } else { Err(StoreError::contention()) }
    }
}

struct ReplaceWrapping {
    tenant: Id<Tenant>,
    id: Id<DataKey>,
    before: Vec<u8>,
    after: Vec<u8>,
}

#[async_trait]
impl Mutation for ReplaceWrapping {
    type Output = bool;

    async fn run(&self, transaction: &Transaction) -> Result<bool, StoreError> {
        let replaced = data_key::Entity::update_many()
            .col_expr(data_key::Column::Wrapped, Expr::value(self.after.clone()))
            .filter(data_key::Column::Id.eq(self.id.as_uuid()))
            .filter(data_key::Column::TenantId.eq(self.tenant.as_uuid()))
            .filter(data_key::Column::Wrapped.eq(self.before.clone()))
            .exec(transaction)
            .await?;
        Ok(replaced.rows_affected > 0)
    }
}

struct MoveCredential {
    id: Id<Credential>,
    from: Id<DataKey>,
    to: Id<DataKey>,
    hash: TokenHash,
}

#[async_trait]
impl Mutation for MoveCredential {
    type Output = bool;

    async fn run(&self, transaction: &Transaction) -> Result<bool, StoreError> {
        let moved = credential::Entity::update_many()
            .col_expr(credential::Column::DataKeyId, Expr::value(self.to.as_uuid()))
            .col_expr(credential::Column::Hash, Expr::value(self.hash.as_bytes().to_vec()))
            .filter(credential::Column::Id.eq(self.id.as_uuid()))
            .filter(credential::Column::DataKeyId.eq(self.from.as_uuid()))
            .exec(transaction)
            .await?;
        Ok(moved.rows_affected > 0)
    }
}
