//! POST of a user that is there already, or was: by the policies it comes back under its id, and only if it has the same
//! externalId. Nobody is taken over because of a name alone.

use rollcall_access::{OnDeletedUser, OnInactiveUser};
use rollcall_base::Timestamp;
use rollcall_scim::{Document, ScimError, ScimType, fold, schema::USER};
use sea_orm::ConnectionTrait;

use super::{
    create::Create,
    deleted,
    outbox::{self, MemberChanges},
    restore::put_back,
    row::{select, stored},
    update::settle,
};
use crate::{Arrival, Created, Operation, StoreError, dialect::for_update, keys::value_key, transaction::Transaction};

/// What the client is told of somebody who is there and inactive. It names nothing of theirs.
fn is_inactive(policy: OnInactiveUser) -> ScimError {
    let rule = match policy {
        OnInactiveUser::Refuse => {
            "or set the directory's policy inactive-user to revive, so that a POST with the same externalId brings it back"
        }
        OnInactiveUser::Revive => {
            "as by the directory's policy a POST brings back only who has the same externalId (and nobody whose operation in a \
             Bulk request is part of a circle of references)"
        }
    };
    ScimError {
        status: 409,
        scim_type: Some(ScimType::Uniqueness),
        detail: format!(
            "Another User of this directory already has this userName, and is inactive. To enable it again, look it up with \
             a filter on userName and PATCH active to true, {rule}."
        ),
    }
}

/// What becomes of a create whose userName is taken.
///
/// # Errors
/// 409 `uniqueness` unless it is the same user, inactive, and the policy is to revive it.
pub(super) async fn inactive(
    create: &Create,
    transaction: &Transaction,
    name_key: &str,
) -> Result<Created, StoreError> {
    let Create { new, revival, by } = create;
    let taken = || ScimError::taken(&new.resource_type.name, "userName").into();
    if new.resource_type.kind != USER {
        return Err(taken());
    }
    let policy = by.policies.inactive_user;
    let backend = transaction.get_database_backend();
    let sql = select(backend, by.directory, by.with_groups).text(", r.active FROM resource r WHERE r.directory_id = ");
    let sql = sql.id(by.directory).text(" AND r.kind = 1 AND r.name_key = ").value(name_key);
    let lock = if policy == OnInactiveUser::Revive { for_update(backend) } else { "" };
    let Some(row) = transaction.query_one_raw(sql.text(lock).build(backend)).await? else {
        // Whoever had the name has gone meanwhile.
        return Err(StoreError::contention());
    };
    if row.try_get::<Option<bool>>("", "active")? != Some(false) {
        return Err(taken());
    }
    let before = stored(&row)?;
    match revival {
        Some(revival) if policy == OnInactiveUser::Revive && are_one(before.document.external_id(), &new.document) => {
            let change = revival(&before)?;
            let updated = settle(transaction, by, &new.resource_type, &new.request_id, before, change).await?;
            Ok(Created { resource: updated.resource, arrival: Arrival::Revived, changed: updated.changed, skipped: 0 })
        }
        _ => Err(is_inactive(policy).into()),
    }
}

/// The user that comes back with a create because it was deleted, if the policy is that it does.
pub(super) async fn deleted(
    create: &Create,
    transaction: &Transaction,
    now: Timestamp,
) -> Result<Option<Created>, StoreError> {
    let Create { new, revival, by } = create;
    let (Some(revival), Some(user_name), Some(external_id)) =
        (revival, new.document.user_name(), new.document.external_id())
    else {
        return Ok(None);
    };
    if new.resource_type.kind != USER || by.policies.deleted_user != OnDeletedUser::Revive || external_id.is_empty() {
        return Ok(None);
    }
    let sql = deleted::of_directory(by.directory, now).text(" AND d.kind = 1 AND d.name_key = ");
    let sql = sql.value(value_key(&fold(user_name))).text(" AND d.external_id = ").value(value_key(external_id));
    // `+`: as in `restorable`.
    let sql = sql.text(" ORDER BY +d.deleted_at DESC, d.id DESC LIMIT 1");
    let backend = transaction.get_database_backend();
    let row = transaction.query_one_raw(sql.text(for_update(backend)).build(backend)).await?;
    let Some(gone) = row.as_ref().map(deleted::gone).transpose()? else { return Ok(None) };
    if !are_one(gone.resource.document.external_id(), &new.document) {
        return Ok(None);
    }
    let document = revival(&gone.resource)?.document;
    let Some(resource) = put_back(transaction, by, &new.resource_type, &gone, document, now).await? else {
        // Somebody has the name: it is for them to say.
        return Ok(None);
    };
    let entry = outbox::Entry {
        resource: resource.id,
        kind: resource.kind,
        operation: Operation::Restore,
        version: resource.version,
        request_id: &new.request_id,
        at: resource.modified_at,
        password_sent: new.password_sent,
        changes: outbox::changes(&Document::default(), &resource.document),
        members: &MemberChanges::default(),
    };
    outbox::write(transaction, by, entry).await?;
    let names = gone.former_names.into_iter().map(|(name, _)| name).collect();
    Ok(Some(Created { resource, arrival: Arrival::Restored(names), changed: true, skipped: 0 }))
}

/// Whether both have the same externalId, and have one.
fn are_one(external_id: Option<&str>, sent: &Document) -> bool {
    external_id.is_some_and(|id| !id.is_empty()) && external_id == sent.external_id()
}
