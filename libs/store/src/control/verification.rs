//! What the check of a token needs.

use std::{collections::BTreeMap, sync::Arc};

use rollcall_access::{CredentialRecord, OAuthClientRecord};
use rollcall_base::{
    Id,
    marker::{Credential, DataKey, Directory, OAuthClient, Tenant},
};
use rollcall_scim::fold;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{DirectoryRecord, WrappedKey, rows};
use crate::{
    StoreError,
    entity::{credential, data_key, oauth_client, tenant},
    statement::{BATCH, Sql},
    store::Inner,
};

/// What the check of a token needs. It sees all tenants, and nothing of the people in them.
#[derive(Clone)]
pub struct VerificationStore(pub(super) Arc<Inner>);

impl VerificationStore {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    /// The credential with the id that stands in a token.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn credential(&self, id: Id<Credential>) -> Result<Option<CredentialRecord>, StoreError> {
        let row = credential::Entity::find_by_id(id.as_uuid()).one(self.0.reader()).await?;
        row.map(rows::credential_record).transpose()
    }

    /// Those of these credentials that there are, by so many statements as whole batches of ids make.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn credentials_of(
        &self,
        ids: &[Id<Credential>],
    ) -> Result<BTreeMap<Id<Credential>, CredentialRecord>, StoreError> {
        let mut found = BTreeMap::new();
        for some in ids.chunks(BATCH) {
            let ids = some.iter().map(|id| id.as_uuid());
            let rows = credential::Entity::find().filter(credential::Column::Id.is_in(ids)).all(self.0.reader());
            for row in rows.await? {
                found.insert(Id::from_uuid(row.id), rows::credential_record(row)?);
            }
        }
        Ok(found)
    }

    /// The same for OAuth clients.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn clients_of(
        &self,
        ids: &[Id<OAuthClient>],
    ) -> Result<BTreeMap<Id<OAuthClient>, OAuthClientRecord>, StoreError> {
        let mut found = BTreeMap::new();
        for some in ids.chunks(BATCH) {
            let ids = some.iter().map(|id| id.as_uuid());
            let rows = oauth_client::Entity::find().filter(oauth_client::Column::Id.is_in(ids)).all(self.0.reader());
            for row in rows.await? {
                found.insert(Id::from_uuid(row.id), rows::client_record(row)?);
            }
        }
        Ok(found)
    }

    /// The data key with this id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn data_key(&self, id: Id<DataKey>) -> Result<Option<WrappedKey>, StoreError> {
        Ok(data_key::Entity::find_by_id(id.as_uuid()).one(self.0.reader()).await?.map(WrappedKey::from))
    }

    /// The directory that a URL names: a tenant's slug and a Directory ID or Name, in any case.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn directory_at(
        &self,
        tenant_slug: &str,
        directory_key: &str,
    ) -> Result<Option<DirectoryRecord>, StoreError> {
        let slug = tenant::Column::Slug.eq(fold(tenant_slug));
        match tenant::Entity::find().filter(slug).one(self.0.reader()).await? {
            None => Ok(None),
            Some(row) => rows::directory_by_key(self.0.reader(), Id::from_uuid(row.id), &fold(directory_key)).await,
        }
    }

    /// The same for many URLs: tenant and directory by the slug and the key that lead to them, both folded before. What names
    /// nothing is not in it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn directories_at(
        &self,
        urls: &[(String, String)],
    ) -> Result<BTreeMap<(String, String), (Id<Tenant>, Id<Directory>)>, StoreError> {
        let mut found = BTreeMap::new();
        for some in urls.chunks(BATCH / 2) {
            let sql = Sql::new("WITH asked (slug, name_key) AS (VALUES ")
                .rows(some, |sql, (slug, key)| sql.value(slug.as_str()).text(", ").value(key.as_str()))
                .text(") SELECT a.slug, a.name_key, k.tenant_id, k.directory_id FROM asked a")
                .text(" JOIN tenant t ON t.slug = a.slug")
                .text(" JOIN directory_key k ON k.tenant_id = t.id AND k.name_key = a.name_key");
            for row in self.0.rows(sql.build(self.0.backend())).await? {
                let url = (row.try_get("", "slug")?, row.try_get("", "name_key")?);
                let (tenant, directory) = (row.try_get("", "tenant_id")?, row.try_get("", "directory_id")?);
                found.insert(url, (Id::from_uuid(tenant), Id::from_uuid(directory)));
            }
        }
        Ok(found)
    }

    /// The directory with this id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn directory(&self, id: Id<Directory>) -> Result<Option<DirectoryRecord>, StoreError> {
        rows::directory_by_id(self.0.reader(), id).await
    }
}
