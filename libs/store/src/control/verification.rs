//! What the check of a token needs.

use std::sync::Arc;

use rollcall_access::CredentialRecord;
use rollcall_base::{
    Id,
    marker::{Credential, DataKey, Directory},
};
use rollcall_scim::fold;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{DirectoryRecord, WrappedKey, rows};
use crate::{
    StoreError,
    entity::{credential, data_key, tenant},
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

    /// The directory with this id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn directory(&self, id: Id<Directory>) -> Result<Option<DirectoryRecord>, StoreError> {
        rows::directory_by_id(self.0.reader(), id).await
    }
}
