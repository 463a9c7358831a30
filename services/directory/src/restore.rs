//! Bringing back what was deleted: what only an admin may do, not a client.

use std::sync::Arc;

use rollcall_access::{DirectoryScope, Write};
use rollcall_base::{Id, marker};
use rollcall_scim::schema::{GROUP, Registry};
use rollcall_store::{Precondition, Restorable, Restoration, Store, StoreError, Target};

use crate::{
    Lookups,
    resources::{may_be_done, to_the_end},
};

/// Brings deleted resources back and has everybody forget the lookups that this makes wrong.
pub struct Restorer {
    store: Store,
    registry: Registry,
    lookups: Arc<Lookups>,
}

impl Restorer {
    /// For what is in `store`, of the types of `registry`; `lookups` tell the others what to forget.
    pub fn new(store: Store, registry: Registry, lookups: Lookups) -> Self {
        Self { store, registry, lookups: Arc::new(lookups) }
    }

    /// Brings a deleted user or group back, with its memberships, under the request id `request_id`. None if the directory has
    /// deleted nothing with this id, or if it is erased, or about to be.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::OutcomeUnknown`] if it may be back; [`StoreError::Rejected`] if another
    /// resource took one of its names at the same moment.
    pub async fn restore(
        &self,
        scope: &DirectoryScope<Write>,
        id: Id<marker::Resource>,
        request_id: &str,
    ) -> Result<Option<Restoration>, StoreError> {
        let store = self.store.directory(scope);
        let Some(restorable) = store.restorable(id).await? else { return Ok(None) };
        let Some(resource_type) = self.registry.by_kind(restorable.kind) else { return Ok(None) };
        let (precondition, request_id) = (Precondition::None, request_id.to_owned());
        let target = Target { resource_type: Arc::clone(resource_type), id, precondition, request_id };
        let (lookups, scope) = (Arc::clone(&self.lookups), scope.clone());
        let restore = async move {
            let restoration = store.restore(target).await;
            let nothing_changed = matches!(restoration, Ok(Restoration::Taken(_)));
            if may_be_done(&restoration) && !nothing_changed {
                forget(&lookups, &scope, id, &restorable).await;
            }
            restoration
        };
        match to_the_end(restore).await {
            Err(StoreError::NotFound) => Ok(None),
            restoration => restoration.map(Some),
        }
    }
}

/// Forgets the lookups that a resource that is back made wrong.
async fn forget(lookups: &Lookups, scope: &DirectoryScope<Write>, id: Id<marker::Resource>, back: &Restorable) {
    if back.kind == GROUP {
        return lookups.much_changed(scope).await;
    }
    lookups.name_taken(scope, &back.document).await;
    lookups.names_returned(scope, &back.former_names).await;
    lookups.user_changed(scope, id).await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rollcall_base::{PageLimits, Secret32, SystemEntropy};
    use rollcall_cache::{CacheLimits, CacheMetrics, Tiers};
    use rollcall_scim::Limits;
    use rollcall_store::{StoredResource, UserKey};
    use rollcall_testkit::{Database, Gate, TestDirectory, eventually, within};
    use serde_json::json;

    use super::*;
    use crate::{CursorKey, DirectoryLimits, DirectoryService};

    const LIMITS: CacheLimits =
        CacheLimits { max_entries: 1_000, ttl: CacheLimits::LONGEST, negative_ttl: CacheLimits::LONGEST_NEGATIVE };

    /// A service that answers lookups, and a restorer that shares what it remembers and reaches the database through a gate.
    struct Scene {
        directory: TestDirectory,
        service: DirectoryService,
        restorer: Arc<Restorer>,
        gate: Gate,
        _database: Database,
    }

    impl Scene {
        async fn new() -> Self {
            let database = Database::postgres().await;
            let gate = Gate::before(database.address()).await;
            let directory = database.directory().await;
            let entropy = Arc::new(SystemEntropy);
            let tiers = Tiers::in_process(CacheMetrics::new(&prometheus::Registry::new()).unwrap());
            let limits = DirectoryLimits {
                scim: Limits::default(),
                page: PageLimits::default(),
                body_bytes: 1 << 20,
                resource_bytes: 1 << 20,
                list_members: 1_000,
                lookup_groups: 1_000,
                draft_resources: 1_000,
                cursor_lifetime: Duration::from_secs(600),
            };
            let service = DirectoryService::new(
                directory.store.clone(),
                Registry::standard(),
                limits,
                directory.clock.clone(),
                CursorKey::new(Secret32::from_bytes([1; 32])),
                Lookups::new(LIMITS, &tiers, entropy.clone()),
                &prometheus::Registry::new(),
            );
            let service = service.unwrap();
            let through = Store::open(&database.through(&gate), directory.clock.clone(), entropy).await.unwrap();
            let lookups = Arc::clone(&service.lookups);
            let restorer = Arc::new(Restorer { store: through, registry: Registry::standard(), lookups });
            Self { directory, service, restorer, gate, _database: database }
        }

        /// Two users of one externalId. The first is deleted, and a lookup remembers the second alone.
        async fn one_of_two_is_deleted(&self) -> StoredResource {
            let [deleted, _] = [self.user("anna").await, self.user("ben").await];
            self.directory.resources().delete(self.directory.target(&deleted)).await.unwrap();
            assert_eq!(self.found().await, 1);
            deleted
        }

        async fn user(&self, name: &str) -> StoredResource {
            let new = self.directory.new_user(json!({ "userName": name, "externalId": "x" }));
            self.directory.resources().create(new).await.unwrap().resource
        }

        /// How many users a lookup finds by their externalId.
        async fn found(&self) -> usize {
            let key = UserKey::ExternalId("x".to_owned());
            self.service.look_up(&self.directory.scope.to_read(), &key).await.unwrap().len()
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_perhaps_brought_back_is_not_answered_from_memory() {
        let scene = Scene::new().await;
        let deleted = scene.one_of_two_is_deleted().await;
        scene.gate.cut_before(b"COMMIT");
        let outcome = scene.restorer.restore(&scene.directory.scope, deleted.id, "r").await;
        assert!(matches!(outcome, Err(StoreError::OutcomeUnknown(_))), "{outcome:?}");
        // What nobody knew of comes after all, and nobody is told.
        let target = scene.directory.target(&deleted);
        assert!(matches!(scene.directory.resources().restore(target).await, Ok(Restoration::Done(_))));
        assert_eq!(scene.found().await, 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn lookups_are_forgotten_even_if_nobody_waits_for_the_answer() {
        let scene = Scene::new().await;
        let deleted = scene.one_of_two_is_deleted().await;
        scene.gate.lose_answer_to(b"COMMIT");
        let (restorer, scope) = (Arc::clone(&scene.restorer), scene.directory.scope.clone());
        let asked = tokio::spawn(async move { restorer.restore(&scope, deleted.id, "r").await.is_ok() });
        eventually("the change is being committed", async || !scene.gate.is_set()).await;
        asked.abort();
        // Long before what is remembered is too old by itself.
        let soon = Duration::from_secs(10);
        within(soon, "both are found", async || scene.found().await == 2).await;
    }
}
