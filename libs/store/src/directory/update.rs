//! Changing a resource.

use async_trait::async_trait;
use rollcall_scim::{
    ScimError,
    schema::{GROUP, ResourceType, USER},
};
use sea_orm::{ConnectionTrait, SqlErr};

use super::{
    Author, former_names,
    index_rows::{self, EXTERNAL_ID},
    member_ops::{self, Group},
    outbox::{self, MemberChanges},
    row::{Columns, name_key, select, stored},
    skipped,
};
use crate::{
    Change, ChangeFn, Memberships, Operation, StoreError, StoredResource, Target, Updated,
    dialect::for_no_key_update,
    door::{Mutation, Proof},
    statement::Sql,
    transaction::Transaction,
};

pub(super) struct Update {
    pub(super) target: Target,
    pub(super) change: ChangeFn,
    pub(super) by: Author,
}

#[async_trait]
impl Mutation for Update {
    type Output = Updated;

    fn bytes(&self) -> usize {
        1024
    }

    fn proof(&self, updated: &Updated) -> Proof {
        let Updated { resource: after, changed, .. } = updated;
        if !changed {
            return Proof::NothingWritten;
        }
        Proof::Entry(self.by.mark(after.id, after.version, after.modified_at, &self.target.request_id))
    }

    async fn run(&self, transaction: &Transaction) -> Result<Updated, StoreError> {
        let Self { target, by, .. } = self;
        // Whoever sets the directory's policies holds its row, which a rename waits for, and claims the groups' names: a
        // claim must not wait for the group.
        let lock = for_no_key_update(transaction.get_database_backend());
        let before = locked(transaction, by, target, lock).await?;
        let change = (self.change)(&before)?;
        settle(transaction, by, &target.resource_type, &target.request_id, before, change).await
    }
}

/// Makes of `before`, whose row is locked, what `change` says it shall be.
pub(super) async fn settle(
    transaction: &Transaction,
    by: &Author,
    resource_type: &ResourceType,
    request_id: &str,
    before: StoredResource,
    change: Change,
) -> Result<Updated, StoreError> {
    let mut members = MemberChanges::default();
    let at = by.now().max(before.modified_at);
    if before.kind == GROUP {
        let group = Group { transaction, by, id: before.id };
        member_ops::apply(&group, &change.members, &mut members).await?;
        skipped::note(transaction, by, before.id, &members.skipped, at).await?;
    }
    if change.document == before.document && members.is_empty() {
        return Ok(Updated {
            resource: before,
            changed: false,
            document_changed: false,
            memberships: Memberships::Of(Vec::new()),
            skipped: members.skipped.len(),
        });
    }
    let after =
        StoredResource { version: before.version + 1, modified_at: at, document: change.document, ..before.clone() };
    let document_changed = after.document != before.document;
    let mut operation = Operation::Update;
    if !document_changed {
        touch(transaction, by, &after).await?;
    } else if write_document(transaction, by, resource_type, &before, &after).await? {
        operation = Operation::Rename;
    }
    let entry = outbox::Entry {
        resource: after.id,
        kind: after.kind,
        operation,
        version: after.version,
        request_id,
        at: after.modified_at,
        password_sent: change.password_sent,
        changes: outbox::changes(&before.document, &after.document),
        members: &members,
    };
    outbox::write(transaction, by, entry).await?;
    let (memberships, skipped) = (members.memberships(), members.skipped.len());
    Ok(Updated { resource: after, changed: true, document_changed, memberships, skipped })
}

/// Writes the document and what follows from it; whether a user has another userName since.
async fn write_document(
    transaction: &Transaction,
    by: &Author,
    resource_type: &ResourceType,
    before: &StoredResource,
    after: &StoredResource,
) -> Result<bool, StoreError> {
    let columns = Columns::of(after.kind, &after.document)?;
    let (name_before, name_key) = (name_key(before.kind, &before.document), columns.name_key.clone());
    let sql = Sql::new("UPDATE resource SET name_key = ")
        .value(columns.name_key)
        .text(", display = ")
        .value(columns.display)
        .text(", external_id = ")
        .value(columns.external_id)
        // For consumers an absent `active` means the last one that was said: leaving it out enables nobody.
        .text(", active = COALESCE(")
        .value(columns.active)
        .text(", active)")
        .text(", document = ")
        .value(columns.document)
        .text(", version = ")
        .value(after.version)
        .text(", modified_at = ")
        .value(after.modified_at.as_micros())
        .text(" WHERE directory_id = ")
        .id(by.directory)
        .text(" AND id = ")
        .id(after.id);
    transaction.execute_raw(sql.build(transaction.get_database_backend())).await.map_err(|error| {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => ScimError::taken(&resource_type.name, "userName").into(),
            _ => StoreError::from(error),
        }
    })?;
    if before.document.external_id() != after.document.external_id() {
        if after.kind == GROUP {
            index_rows::release(transaction, by, EXTERNAL_ID, after.id).await?;
        }
        let external_id = after.document.external_id();
        index_rows::claim(transaction, by, resource_type, after.id, external_id).await?;
    }
    let is_renamed = name_before != name_key;
    if is_renamed && after.kind == GROUP {
        index_rows::claim_other_display_name(transaction, by, resource_type, after.id, &name_key).await?;
    }
    let is_renamed_user = is_renamed && after.kind == USER;
    if is_renamed_user {
        former_names::moved_on(transaction, by, after.id, (&name_before, &name_key), after.modified_at).await?;
    }
    let values = |resource: &StoredResource| index_rows::values(resource_type, &resource.document);
    index_rows::update(transaction, by, after.id, &values(before), &values(after)).await?;
    Ok(is_renamed_user)
}

/// The resource, with its row locked as `lock` says until the transaction ends.
pub(super) async fn locked(
    transaction: &Transaction,
    by: &Author,
    target: &Target,
    lock: &str,
) -> Result<StoredResource, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = select(backend, by.directory, by.with_groups).text(" FROM resource r WHERE r.directory_id = ");
    let sql = sql.id(by.directory);
    let sql = sql.text(" AND r.id = ").id(target.id).text(" AND r.kind = ").value(target.resource_type.kind.0);
    let row = transaction.query_one_raw(sql.text(lock).build(backend)).await?;
    let found = row.as_ref().map(stored).transpose()?.ok_or(StoreError::NotFound)?;
    if target.precondition.holds(found.version) { Ok(found) } else { Err(StoreError::PreconditionFailed) }
}

/// A new version of a group whose members changed and whose document did not.
async fn touch(transaction: &Transaction, by: &Author, after: &StoredResource) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE resource SET version = ").value(after.version).text(", modified_at = ");
    let sql = sql.value(after.modified_at.as_micros()).text(" WHERE directory_id = ").id(by.directory);
    let sql = sql.text(" AND id = ").id(after.id);
    transaction.execute_raw(sql.build(transaction.get_database_backend())).await?;
    Ok(())
}
