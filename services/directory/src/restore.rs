//! Bringing back what was deleted: what only an admin may do, not a client.

use std::sync::Arc;

use rollcall_access::{DirectoryScope, Write};
use rollcall_base::{Id, marker};
use rollcall_scim::schema::{GROUP, Registry};
use rollcall_store::{Precondition, Restoration, Restored, Store, StoreError, Target};

use crate::Lookups;

/// Brings deleted resources back and has everybody forget the lookups that this makes wrong.
pub struct Restorer {
    store: Store,
    registry: Registry,
    lookups: Lookups,
}

impl Restorer {
    /// For what is in `store`, of the types of `registry`; `lookups` tell the others what to forget.
    pub const fn new(store: Store, registry: Registry, lookups: Lookups) -> Self {
        Self { store, registry, lookups }
    }

    /// Brings a deleted user or group back, with its memberships, under the request id `request_id`. None if the directory has
    /// deleted nothing with this id, or if it is erased, or about to be.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Rejected`] if another resource took one of its names at the same moment.
    pub async fn restore(
        &self,
        scope: &DirectoryScope<Write>,
        id: Id<marker::Resource>,
        request_id: &str,
    ) -> Result<Option<Restoration>, StoreError> {
        let store = self.store.directory(scope);
        let Some(deleted) = store.deleted_resource(id).await? else { return Ok(None) };
        let Some(resource_type) = self.registry.by_kind(deleted.kind) else { return Ok(None) };
        let (precondition, request_id) = (Precondition::None, request_id.to_owned());
        let target = Target { resource_type: Arc::clone(resource_type), id, precondition, request_id };
        match store.restore(target).await {
            Ok(restoration) => {
                if let Restoration::Done(restored) = &restoration {
                    self.forget(scope, restored).await;
                }
                Ok(Some(restoration))
            }
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn forget(&self, scope: &DirectoryScope<Write>, restored: &Restored) {
        if restored.resource.kind == GROUP {
            return self.lookups.much_changed(scope).await;
        }
        self.lookups.name_taken(scope, &restored.resource.document).await;
        self.lookups.names_returned(scope, &restored.former_names).await;
        self.lookups.user_changed(scope, restored.resource.id).await;
    }
}
