//! What is administered: tenants, directories, credentials, data keys.

use rollcall_access::CredentialRecord;
use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, DataKey, Directory, Tenant},
};

use crate::{ControlError, StoreError};

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRecord {
    /// Its id.
    pub id: Id<Tenant>,
    /// Its name in URLs, lower case.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A directory to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDirectory {
    /// Which client feeds it.
    pub client_kind: String,
    /// The Directory ID.
    pub directory_id: String,
    /// The Directory Name.
    pub directory_name: String,
}

/// One IdP connection of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryRecord {
    /// Its id.
    pub id: Id<Directory>,
    /// Its tenant.
    pub tenant: Id<Tenant>,
    /// Its tenant's name in URLs.
    pub tenant_slug: String,
    /// The Directory ID as it was given.
    pub directory_id: String,
    /// The Directory Name.
    pub directory_name: String,
    /// Which client feeds it.
    pub client_kind: String,
    /// Where it stands in its life: `submitted` when created.
    pub state: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A data key as it is stored: wrapped by the key service.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Its id.
    pub id: Id<DataKey>,
    /// The tenant whose key it is.
    pub tenant: Id<Tenant>,
    /// What it is for.
    pub purpose: String,
    /// The key, wrapped.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The tenants.
#[derive(Clone)]
pub struct OperatorStore;
/// One tenant's directories, credentials and keys.
#[derive(Clone)]
pub struct TenantStore;
/// What the check of a token needs.
#[derive(Clone)]
pub struct VerificationStore;

#[allow(missing_docs)]
impl OperatorStore {
    pub async fn create_tenant(&self, _slug: &str, _name: &str) -> Result<TenantRecord, ControlError> {
        todo!()
    }
    pub async fn tenants(&self) -> Result<Vec<TenantRecord>, StoreError> {
        todo!()
    }
    pub async fn tenant_by_slug(&self, _slug: &str) -> Result<Option<TenantRecord>, StoreError> {
        todo!()
    }
}
#[allow(missing_docs)]
impl TenantStore {
    pub async fn create_directory(&self, _new: NewDirectory) -> Result<DirectoryRecord, ControlError> {
        todo!()
    }
    pub async fn directories(&self) -> Result<Vec<DirectoryRecord>, StoreError> {
        todo!()
    }
    pub async fn directory_by_key(&self, _key: &str) -> Result<Option<DirectoryRecord>, StoreError> {
        todo!()
    }
    pub async fn insert_credential(&self, _record: &CredentialRecord) -> Result<(), StoreError> {
        todo!()
    }
    pub async fn credentials(&self, _directory: Id<Directory>) -> Result<Vec<CredentialRecord>, StoreError> {
        todo!()
    }
    pub async fn revoke_credential(&self, _id: Id<Credential>, _at: Timestamp) -> Result<bool, StoreError> {
        todo!()
    }
    pub async fn newest_data_key(&self, _purpose: &str) -> Result<Option<WrappedKey>, StoreError> {
        todo!()
    }
    pub async fn insert_data_key(&self, _key: WrappedKey) -> Result<WrappedKey, StoreError> {
        todo!()
    }
}
#[allow(missing_docs)]
impl VerificationStore {
    pub async fn credential(&self, _id: Id<Credential>) -> Result<Option<CredentialRecord>, StoreError> {
        todo!()
    }
    pub async fn data_key(&self, _id: Id<DataKey>) -> Result<Option<WrappedKey>, StoreError> {
        todo!()
    }
    pub async fn directory_at(
        &self,
        _tenant_slug: &str,
        _directory_key: &str,
    ) -> Result<Option<DirectoryRecord>, StoreError> {
        todo!()
    }
    pub async fn directory(&self, _id: Id<Directory>) -> Result<Option<DirectoryRecord>, StoreError> {
        todo!()
    }
}
