//! A directory to play with.

use std::{sync::Arc, time::Duration};

use rollcall_access::{DirectoryScope, JobScope, OperatorScope, Write};
use rollcall_base::{Id, ManualClock, marker::Resource};
use rollcall_scim::{
    Document,
    schema::{GROUP, KindId, Registry, ResourceType, USER},
};
use rollcall_store::{
    Change, ChangeFn, DirectoryRecord, DirectoryStore, JobStore, NewDirectory, NewResource, Precondition, Store,
    StoreError, StoredResource, Target, TenantRecord,
};
use serde_json::Value;

/// A tenant's directory and the store that it is in.
#[derive(Clone)]
pub struct TestDirectory {
    /// The store.
    pub store: Store,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// The tenant.
    pub tenant: TenantRecord,
    /// The directory.
    pub record: DirectoryRecord,
    /// The right to change it.
    pub scope: DirectoryScope<Write>,
    /// What it serves.
    pub registry: Arc<Registry>,
}

#[allow(clippy::expect_used)] // what fails here fails the test
impl TestDirectory {
    /// Creates a tenant and a directory.
    ///
    /// # Panics
    /// If one of them is taken.
    pub async fn create(store: Store, clock: Arc<ManualClock>, tenant: &str, directory: &str) -> Self {
        let operator = OperatorScope::from_local_configuration();
        let tenants = store.operator(&operator);
        let tenant = match tenants.tenant_by_slug(tenant).await.expect("tenants can be read") {
            Some(tenant) => tenant,
            None => tenants.create_tenant(tenant, tenant).await.expect("the tenant is new"),
        };
        let new = NewDirectory {
            client_kind: "other".to_owned(),
            directory_id: directory.to_owned(),
            directory_name: directory.to_lowercase(),
            client_profile: None,
            stage: rollcall_access::Stage::Submitted,
        };
        let record = store.tenant(&operator.tenant(tenant.id)).create_directory(new).await.expect("it is new");
        let scope = operator.directory(tenant.id, record.id);
        Self { store, clock, tenant, record, scope, registry: Arc::new(Registry::standard()) }
    }

    /// Its resources.
    pub fn resources(&self) -> DirectoryStore<Write> {
        self.store.directory(&self.scope)
    }

    /// The jobs of its store.
    pub fn jobs(&self) -> JobStore {
        self.store.jobs(&JobScope::of_service("test"))
    }

    /// Makes events of about `limit` changes of all directories, and returns of how many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sequence(&self, limit: u32) -> Result<usize, StoreError> {
        Ok(self.jobs().number(limit).await?.numbered)
    }

    /// How many live resources of each type it has, in the types' order.
    ///
    /// # Panics
    /// If the store cannot tell.
    pub async fn live(&self) -> Vec<(KindId, u64)> {
        let tenant = self.store.tenant(&OperatorScope::from_local_configuration().tenant(self.tenant.id));
        tenant.overview(self.record.id).await.expect("it can be counted").live.into_iter().collect()
    }

    /// The type User.
    ///
    /// # Panics
    /// Never: every registry has it.
    pub fn user_type(&self) -> Arc<ResourceType> {
        self.registry.by_kind(USER).expect("there is the type User").clone()
    }

    /// The type Group.
    ///
    /// # Panics
    /// Never: every registry has it.
    pub fn group_type(&self) -> Arc<ResourceType> {
        self.registry.by_kind(GROUP).expect("there is the type Group").clone()
    }

    /// A user to be created, with these attributes.
    pub fn new_user(&self, attributes: Value) -> NewResource {
        self.new_resource(self.user_type(), attributes, None)
    }

    /// A group to be created, with these attributes and members.
    pub fn new_group(&self, attributes: Value, members: &[Id<Resource>]) -> NewResource {
        self.new_resource(self.group_type(), attributes, Some(members.iter().map(ToString::to_string).collect()))
    }

    fn new_resource(
        &self,
        resource_type: Arc<ResourceType>,
        attributes: Value,
        members: Option<Vec<String>>,
    ) -> NewResource {
        let request_id = "request".to_owned();
        NewResource { resource_type, document: document(attributes), members, request_id, password_sent: false }
    }

    /// Creates a user, a millisecond after what was before: ids are in the order of creation.
    ///
    /// # Panics
    /// If the store refuses.
    pub async fn user(&self, user_name: &str) -> StoredResource {
        self.clock.advance(Duration::from_millis(1));
        let new = self.new_user(serde_json::json!({ "userName": user_name }));
        self.resources().create(new).await.expect("the user is created").resource
    }

    /// Creates a group, a millisecond after what was before: ids are in the order of creation.
    ///
    /// # Panics
    /// If the store refuses.
    pub async fn group(&self, name: &str, members: &[Id<Resource>]) -> StoredResource {
        self.clock.advance(Duration::from_millis(1));
        let new = self.new_group(serde_json::json!({ "displayName": name }), members);
        self.resources().create(new).await.expect("the group is created").resource
    }

    /// A resource to be changed, of any version.
    pub fn target(&self, resource: &StoredResource) -> Target {
        Target {
            resource_type: self.registry.by_kind(resource.kind).expect("a known type").clone(),
            id: resource.id,
            precondition: Precondition::None,
            request_id: "request".to_owned(),
        }
    }
}

/// A document as the store would read it.
///
/// # Panics
/// If `attributes` is no object.
fn document(attributes: Value) -> Document {
    match attributes {
        Value::Object(attributes) => Document::from_stored(attributes),
        other => panic!("{other} is no object"),
    }
}

impl TestDirectory {
    /// A change to these attributes.
    pub fn to_document(attributes: Value) -> ChangeFn {
        let document = document(attributes);
        Arc::new(move |_| Ok(Change { document: document.clone(), members: Vec::new(), password_sent: false }))
    }

    /// A change of members only.
    pub fn of_members(members: Vec<rollcall_scim::MemberOp>) -> ChangeFn {
        Arc::new(move |before| {
            Ok(Change { document: before.document.clone(), members: members.clone(), password_sent: false })
        })
    }
}
