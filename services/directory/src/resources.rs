//! One resource: create, read, replace, patch, delete.

use std::{str::FromStr, sync::Arc};

use rollcall_access::{Action, DirectoryScope, OnDeletedUser, OnInactiveUser, OnReplace, Write};
use rollcall_base::{Id, marker};
use rollcall_scim::{
    Document, Draft, MemberOp, PatchPlan, ScimError, accept,
    schema::{GROUP, KindId, ResourceType, USER},
};
use rollcall_store::{
    Arrival, Change, ChangeFn, Created, NewResource, Precondition, StoreError, StoredResource, Target, Updated,
};
use serde_json::Value;
use tracing::Instrument;

use crate::{Call, DirectoryService, failure::Failure};

type ResourceId = Id<marker::Resource>;

/// Carries a change out together with what must follow it, even if the client goes away.
pub(crate) async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::spawn(Box::pin(change).in_current_span()).await;
    // It panicked, which was said already, or the process is ending.
    done.unwrap_or_else(|error| Err(StoreError::OutcomeUnknown(Arc::new(error))))
}

/// Whether a change was done, or nobody knows.
pub(crate) fn may_be_done<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Ok(_) | Err(StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_) | StoreError::Internal(_)))
}

/// An id as it stands in a URL. One that is not even a UUID is nobody's.
fn resource_id(kind: &ResourceType, id: &str) -> Result<ResourceId, ScimError> {
    ResourceId::from_str(id).map_err(|_| ScimError::not_found(&kind.name, id))
}

impl DirectoryService {
    /// The resource type served at `/{endpoint}`.
    pub(crate) fn resource_type(&self, call: &Call, endpoint: &str) -> Result<&Arc<ResourceType>, ScimError> {
        self.registry.served_at(endpoint, &call.leniency).ok_or_else(|| {
            ScimError::status(404, format!("There is no endpoint /{endpoint} here. GET /ResourceTypes lists them."))
        })
    }

    /// POST (RFC 7644 §3.3). The database decides whether a name is free; nothing is looked up first. By the directory's
    /// policies a user who is inactive or was deleted comes back, unless `as_new`.
    pub(crate) async fn create(
        &self,
        call: &Call,
        kind: &Arc<ResourceType>,
        body: Value,
        as_new: bool,
    ) -> Result<StoredResource, Failure> {
        let scope = call.may(Action::Create, kind)?;
        let draft = accept(kind, body, &self.limits.scim, &call.leniency)?;
        self.limits.check_document(&draft.document)?;
        let new = NewResource {
            resource_type: Arc::clone(kind),
            document: draft.document.clone(),
            members: draft.members.clone(),
            request_id: call.request_id.clone(),
            password_sent: draft.password_sent,
        };
        let policies = call.settings.policies;
        let may_revive = kind.kind == USER
            && !as_new
            && (policies.inactive_user == OnInactiveUser::Revive || policies.deleted_user == OnDeletedUser::Revive);
        let revival = may_revive.then(|| self.revival(call, kind, draft));
        let (service, kind) = (self.clone(), Arc::clone(kind));
        let name = kind.name.clone();
        let mut store = self.store.directory(&scope).with_policies(policies).with_groups(true);
        if call.settings.is_draft() {
            store = store.in_draft_of(self.limits.draft_resources);
        }
        let create = async move {
            let document = new.document.clone();
            let has_members = new.members.as_ref().is_some_and(|members| !members.is_empty());
            let created = match revival {
                Some(revival) => store.create_or_revive(new, revival).await,
                None => store.create(new).await,
            };
            if may_be_done(&created) {
                if kind.kind == GROUP && has_members {
                    service.lookups.much_changed(&scope).await;
                } else if kind.kind == USER {
                    service.user_came(&scope, &document, created.as_ref().ok(), may_revive).await;
                }
            }
            created
        };
        let created = to_the_end(create).await.map_err(|error| Failure::of_store(error, &name, ""))?;
        call.leniency.skipped_unknown_members(created.skipped);
        Ok(created.resource)
    }

    /// What becomes of a user that comes back with a POST: as after a PUT of the same body, all of it.
    fn revival(&self, call: &Call, kind: &Arc<ResourceType>, draft: Draft) -> ChangeFn {
        let (kind, leniency, limits) = (Arc::clone(kind), call.leniency.clone(), Arc::clone(&self.limits));
        Arc::new(move |existing| {
            let document = draft.keep_over(&kind, &existing.document, &leniency)?;
            limits.check_document(&document)?;
            Ok(Change { document, members: Vec::new(), password_sent: draft.password_sent })
        })
    }

    /// Forgets the lookups that a user who came, or came back, made wrong.
    async fn user_came(
        &self,
        scope: &DirectoryScope<Write>,
        document: &Document,
        created: Option<&Created>,
        may_revive: bool,
    ) {
        self.lookups.name_taken(scope, document).await;
        match created {
            Some(Created { arrival: Arrival::New, .. }) => {}
            Some(Created { arrival: Arrival::Revived, resource, .. }) => {
                self.lookups.user_changed(scope, resource.id).await;
            }
            Some(Created { arrival: Arrival::Restored(names), resource, .. }) => {
                self.lookups.names_returned(scope, names).await;
                self.lookups.user_changed(scope, resource.id).await;
            }
            // Nobody knows who it was, if it was somebody.
            None if may_revive => self.lookups.much_changed(scope).await,
            None => {}
        }
    }

    /// GET of one (RFC 7644 §3.4.1). It comes with the groups that it is in if `with_groups`.
    pub(crate) async fn read(
        &self,
        call: &Call,
        kind: &Arc<ResourceType>,
        id: &str,
        with_groups: bool,
    ) -> Result<StoredResource, Failure> {
        let store = self.store.directory(&call.may_read(kind)?).with_groups(with_groups);
        let found = store.get(kind, resource_id(kind, id)?).await;
        found
            .map_err(|error| Failure::of_store(error, &kind.name, id))?
            .ok_or_else(|| ScimError::not_found(&kind.name, id).into())
    }

    /// PUT (RFC 7644 §3.5.1): what is omitted is cleared, but for what keeps leavers out and links whole; or it is kept, where
    /// that is the directory's policy. It comes with the groups that it is in if `with_groups`.
    pub(crate) async fn replace(
        &self,
        call: &Call,
        kind: &Arc<ResourceType>,
        id: &str,
        precondition: Precondition,
        body: Value,
        with_groups: bool,
    ) -> Result<Updated, Failure> {
        // Who may not change anything learns nothing about ids by trying.
        call.may(Action::Update, kind)?;
        let target = self.target(call, kind, id, precondition)?;
        let draft = accept(kind, body, &self.limits.scim, &call.leniency)?;
        let keeps = call.settings.policies.replace == OnReplace::KeepOmitted;
        let members = match kind.kind {
            GROUP if keeps && !draft.names("members") => Vec::new(),
            GROUP => vec![MemberOp::Replace(draft.members.clone().unwrap_or_default())],
            _ => Vec::new(),
        };
        let (resource_type, leniency) = (Arc::clone(kind), call.leniency.clone());
        self.change(call, kind, target, with_groups, move |existing| {
            Ok(Change {
                document: if keeps {
                    draft.keep_omitted_over(&resource_type, &existing.document)?
                } else {
                    draft.keep_over(&resource_type, &existing.document, &leniency)?
                },
                members: members.clone(),
                password_sent: draft.password_sent,
            })
        })
        .await
    }

    /// PATCH (RFC 7644 §3.5.2): all operations or none. It comes with the groups that it is in if `with_groups`.
    pub(crate) async fn patch(
        &self,
        call: &Call,
        kind: &Arc<ResourceType>,
        id: &str,
        precondition: Precondition,
        body: Value,
        with_groups: bool,
    ) -> Result<Updated, Failure> {
        call.may(Action::Update, kind)?;
        let target = self.target(call, kind, id, precondition)?;
        let plan = PatchPlan::parse(body, kind, &self.limits.scim, &call.leniency)?;
        self.change(call, kind, target, with_groups, move |existing| {
            Ok(Change {
                document: plan.apply(&existing.id.to_string(), &existing.document)?,
                members: plan.member_ops().to_vec(),
                password_sent: plan.password_sent(),
            })
        })
        .await
    }

    /// DELETE (RFC 7644 §3.6): its names are free at once.
    pub(crate) async fn delete(
        &self,
        call: &Call,
        kind: &Arc<ResourceType>,
        id: &str,
        precondition: Precondition,
    ) -> Result<(), Failure> {
        let scope = call.may(Action::Delete, kind)?;
        let target = self.target(call, kind, id, precondition)?;
        let (service, resource, kind_id, policies) = (self.clone(), target.id, kind.kind, call.settings.policies);
        let delete = async move {
            let deleted = service.store.directory(&scope).with_policies(policies).delete(target).await;
            match kind_id {
                _ if !may_be_done(&deleted) => {}
                GROUP => service.lookups.much_changed(&scope).await,
                _ => service.lookups.user_changed(&scope, resource).await,
            }
            deleted
        };
        to_the_end(delete).await.map_err(|error| Failure::of_store(error, &kind.name, id))
    }

    fn target(
        &self,
        call: &Call,
        kind: &Arc<ResourceType>,
        id: &str,
        precondition: Precondition,
    ) -> Result<Target, Failure> {
        Ok(Target {
            resource_type: Arc::clone(kind),
            id: resource_id(kind, id)?,
            precondition,
            request_id: call.request_id.clone(),
        })
    }

    async fn change(
        &self,
        call: &Call,
        kind: &ResourceType,
        target: Target,
        with_groups: bool,
        change: impl Fn(&StoredResource) -> Result<Change, ScimError> + Send + Sync + 'static,
    ) -> Result<Updated, Failure> {
        let scope = call.may(Action::Update, kind)?;
        let limits = Arc::clone(&self.limits);
        let (leniency, before) = (call.leniency.clone(), call.leniency.counted());
        let bounded = move |existing: &StoredResource| {
            // The store may try a change again.
            leniency.go_back_to(&before);
            let change = change(existing)?;
            limits.check_document(&change.document)?;
            Ok(change)
        };
        let (service, id, kind_id, policies) = (self.clone(), target.id, kind.kind, call.settings.policies);
        let update = async move {
            let store = service.store.directory(&scope).with_policies(policies).with_groups(with_groups);
            let updated = store.update(target, Arc::new(bounded)).await;
            if may_be_done(&updated) {
                service.forget(&scope, kind_id, id, updated.as_ref().ok()).await;
            }
            updated
        };
        let updated = to_the_end(update).await;
        let updated = updated.map_err(|error| Failure::of_store(error, &kind.name, &id.to_string()))?;
        call.leniency.skipped_unknown_members(updated.skipped);
        Ok(updated)
    }

    /// Forgets the lookups that an update made wrong; none is one of which nobody knows what it did. One that changed
    /// nothing may be the repetition of one that did and was cut off before this.
    async fn forget(
        &self,
        scope: &DirectoryScope<Write>,
        kind: KindId,
        resource: ResourceId,
        updated: Option<&Updated>,
    ) {
        match updated {
            Some(updated) if kind == GROUP && updated.changed && !updated.document_changed => {
                self.lookups.memberships_changed(scope, &updated.memberships).await;
            }
            _ if kind == GROUP => self.lookups.much_changed(scope).await,
            Some(updated) if updated.document_changed => {
                let name_taken = self.lookups.name_taken(scope, &updated.resource.document);
                futures_util::join!(self.lookups.user_changed(scope, resource), name_taken);
            }
            _ => self.lookups.user_changed(scope, resource).await,
        }
    }
}
