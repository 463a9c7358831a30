//! The people and groups of one directory.
//!
//! Rows are reached through a scope only, and no method takes a directory's id:
//! ```compile_fail
//! use rollcall_base::{Id, marker};
//! fn other(store: &rollcall_store::Store, directory: Id<marker::Directory>) {
//!     store.directory(directory);
//! }
//! ```
//! A store that was opened for reading changes nothing (of these two, the second compiles):
//! ```compile_fail
//! use rollcall_access::Read;
//! fn delete(store: &rollcall_store::DirectoryStore<Read>, target: rollcall_store::Target) {
//!     let _ = store.delete(target);
//! }
//! ```
//! ```
//! use rollcall_access::Write;
//! fn delete(store: &rollcall_store::DirectoryStore<Write>, target: rollcall_store::Target) {
//!     let _ = store.delete(target);
//! }
//! ```

mod create;
mod delete;
mod deleted;
mod direct_groups;
mod draft;
mod former_names;
mod index_rows;
mod lookup;
mod member_ops;
mod memberships;
mod outbox;
mod policy;
mod report;
mod restore;
mod revive;
mod row;
mod skipped;
mod update;

use std::{marker::PhantomData, sync::Arc};

use rollcall_access::{Access, Actor, DirectoryPolicies, DirectoryScope, Write};
use rollcall_base::{Id, Timestamp, marker};
use rollcall_scim::schema::ResourceType;
use sea_orm::{ConnectionTrait, DbBackend};

pub use deleted::{DELETED_KEPT, DeletedResource, Restorable};
pub(crate) use index_rows::DISPLAY_NAME_CLAIM;
pub(crate) use member_ops::element;
pub(crate) use outbox::Mark;
pub use report::{DuplicateName, Found, QualityReport, SharedExternalId, SkippedMember};
pub use restore::{Restoration, Restored, TakenName};
pub(crate) use row::{member_id, name_attribute, select, stored};

use crate::{
    ChangeFn, Created, ListQuery, Listing, NewResource, StoreError, StoredResource, Target, Updated, list,
    statement::Sql, store::Inner,
};

/// One directory's resources, for reading or for writing.
pub struct DirectoryStore<A: Access> {
    pub(crate) inner: Arc<Inner>,
    pub(crate) directory: Id<marker::Directory>,
    tenant: Id<marker::Tenant>,
    actor: Actor,
    policies: DirectoryPolicies,
    with_groups: bool,
    draft_limit: Option<u32>,
    access: PhantomData<fn() -> A>,
}

impl<A: Access> Clone for DirectoryStore<A> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            directory: self.directory,
            tenant: self.tenant,
            actor: self.actor.clone(),
            policies: self.policies,
            with_groups: self.with_groups,
            draft_limit: self.draft_limit,
            access: PhantomData,
        }
    }
}

impl<A: Access> DirectoryStore<A> {
    pub(crate) fn new(inner: Arc<Inner>, scope: &DirectoryScope<A>) -> Self {
        let (directory, tenant, actor) = (scope.directory(), scope.tenant(), scope.actor().clone());
        let policies = DirectoryPolicies::default();
        Self { inner, directory, tenant, actor, policies, with_groups: false, draft_limit: None, access: PhantomData }
    }

    /// What the directory's admin decided, for what is written; without it the defaults hold.
    #[must_use]
    pub fn with_policies(mut self, policies: DirectoryPolicies) -> Self {
        self.policies = policies;
        self
    }

    /// Whether the resources that it gives bring their groups along, where that costs no second statement
    /// ([`StoredResource::groups`]).
    #[must_use]
    pub fn with_groups(mut self, with_groups: bool) -> Self {
        self.with_groups = with_groups;
        self
    }

    /// What lists and single reads begin with.
    pub(crate) fn select(&self) -> Sql {
        select(self.backend(), self.directory, self.with_groups)
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.inner.reader().get_database_backend()
    }

    /// The live resource of this type with this id. One statement.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn get(
        &self,
        resource_type: &Arc<ResourceType>,
        id: Id<marker::Resource>,
    ) -> Result<Option<StoredResource>, StoreError> {
        let sql = self.select().text(" FROM resource r WHERE r.directory_id = ").id(self.directory);
        let sql = sql.text(" AND r.id = ").id(id).text(" AND r.kind = ").value(resource_type.kind.0);
        let rows = self.inner.rows(sql.build(self.backend())).await?;
        rows.first().map(stored).transpose()
    }

    /// A page of the resources of a type, and how many there are in all.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] with 400 `tooMany` if the condition or the order is served by no index and more rows
    /// would have to be looked at than [`crate::StoreConfig::scan_rows`].
    pub async fn list(&self, query: &ListQuery) -> Result<Listing, StoreError> {
        list::run(self, query).await
    }
}

impl DirectoryStore<Write> {
    /// For a directory that is a draft as far as is known: it is to hold `most` resources at most, as long as it is one. Each
    /// creation looks whether it still is.
    #[must_use]
    pub fn in_draft_of(mut self, most: u32) -> Self {
        self.draft_limit = Some(most);
        self
    }

    /// Creates a resource. Nothing is read before the write: the unique indexes decide.
    ///
    /// # Errors
    /// [`StoreError::Rejected`]: 409 `uniqueness` for a taken userName or (of a group) externalId, 400 `invalidValue`
    /// for members that are no live resources of the directory, naming them, 403 beyond what a draft may hold.
    pub async fn create(&self, new: NewResource) -> Result<Created, StoreError> {
        self.inner.write(create::Create { new, revival: None, by: self.author() }).await
    }

    /// Creates a resource, or brings back the user that it is: one with the same userName and externalId that is inactive or
    /// was deleted, where the policies say so. `revival` says what becomes of that one.
    ///
    /// # Errors
    /// As [`DirectoryStore::create`], and what `revival` refuses.
    pub async fn create_or_revive(&self, new: NewResource, revival: ChangeFn) -> Result<Created, StoreError> {
        self.inner.write(create::Create { new, revival: Some(revival), by: self.author() }).await
    }

    /// Changes a resource.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::PreconditionFailed`], and [`StoreError::Rejected`] with what `change`
    /// refuses or as for [`DirectoryStore::create`].
    pub async fn update(&self, target: Target, change: ChangeFn) -> Result<Updated, StoreError> {
        self.inner.write(update::Update { target, change, by: self.author() }).await
    }

    /// Deletes a resource. Its names are free at once; its memberships go, and each group that it was in has a new
    /// version. It is kept aside, with its members and memberships, until it is purged: after [`DELETED_KEPT`], or by the
    /// policies as soon as can be.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::PreconditionFailed`].
    pub async fn delete(&self, target: Target) -> Result<(), StoreError> {
        self.inner.write(delete::Delete { target, by: self.author() }).await.map(drop)
    }

    fn author(&self) -> Author {
        Author {
            inner: self.inner.clone(),
            directory: self.directory,
            actor: self.actor.to_string(),
            policies: self.policies,
            with_groups: self.with_groups,
            draft_limit: self.draft_limit,
        }
    }
}

/// Who writes, where, and with which clock.
#[derive(Clone)]
pub(crate) struct Author {
    inner: Arc<Inner>,
    pub(crate) directory: Id<marker::Directory>,
    pub(crate) actor: String,
    /// What the directory's admin decided.
    policies: DirectoryPolicies,
    /// Whether what is written is shown with its groups.
    with_groups: bool,
    /// How many resources it may hold if it is a draft; none if it is known to be none, which no directory becomes again.
    draft_limit: Option<u32>,
}

impl Author {
    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// What tells this author's change of a resource from every other one.
    fn mark(&self, resource: Id<marker::Resource>, version: i64, at: Timestamp, request_id: &str) -> Mark {
        let (request_id, actor) = (request_id.to_owned(), self.actor.clone());
        Mark { directory: self.directory, resource, version, at, request_id, actor }
    }

    fn new_id(&self, now: Timestamp) -> Id<marker::Resource> {
        Id::new(now, &*self.inner.entropy)
    }
}
