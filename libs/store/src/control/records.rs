//! What is administered, as values.

use rollcall_access::{DirectoryPolicies, DirectorySettings, Life, Stage};
use rollcall_base::{
    Id, Timestamp,
    marker::{DataKey, Directory, Tenant},
};

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
    /// The client profile that it is made with, if one was chosen.
    pub client_profile: Option<String>,
    /// Where it begins: [`Stage::Draft`] or [`Stage::Submitted`].
    pub stage: Stage,
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
    /// The client profile that it was made with, if one was chosen.
    pub client_profile: Option<String>,
    /// Where it stands in its life.
    pub life: Life,
    /// What its admin decided.
    pub policies: DirectoryPolicies,
    /// When it was created.
    pub created_at: Timestamp,
}

impl DirectoryRecord {
    /// What a request to it needs to know.
    pub const fn settings(&self) -> DirectorySettings {
        DirectorySettings { state: self.life.state(), stage: self.life.stage, policies: self.policies }
    }
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
