//! Changing a resource.

use async_trait::async_trait;
use rollcall_scim::{ScimError, schema::GROUP};
use sea_orm::{ConnectionTrait, SqlErr};

use super::{
    Author, index_rows,
    member_ops::{self, Group},
    outbox::{self, MemberChanges},
    row::{Columns, select, stored},
};
use crate::{
    ChangeFn, Memberships, Operation, StoreError, StoredResource, Target, Updated,
    dialect::for_update,
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
        let before = locked(transaction, by, target).await?;
        let change = (self.change)(&before)?;
        let mut members = MemberChanges::default();
        if before.kind == GROUP {
            let group = Group { transaction, by, id: before.id };
            member_ops::apply(&group, &change.members, &mut members).await?;
        }
        if change.document == before.document && members.is_empty() {
            return Ok(Updated {
                resource: before,
                changed: false,
                document_changed: false,
                memberships: Memberships::Of(Vec::new()),
            });
        }
        let after = StoredResource {
            version: before.version + 1,
            modified_at: by.now().max(before.modified_at),
            document: change.document,
            ..before.clone()
        };
        if after.document == before.document {
            touch(transaction, by, &after).await?;
        } else {
            self.write_document(transaction, &before, &after).await?;
        }
        let entry = outbox::Entry {
            resource: after.id,
            kind: after.kind,
            operation: Operation::Update,
            version: after.version,
            request_id: &target.request_id,
            at: after.modified_at,
            password_sent: change.password_sent,
            changes: outbox::changes(&before.document, &after.document),
            members: &members,
        };
        outbox::write(transaction, by, entry).await?;
        let document_changed = after.document != before.document;
        Ok(Updated { resource: after, changed: true, document_changed, memberships: members.memberships() })
    }
}

impl Update {
    async fn write_document(
        &self,
        transaction: &Transaction,
        before: &StoredResource,
        after: &StoredResource,
    ) -> Result<(), StoreError> {
        let Self { target, by, .. } = self;
        let columns = Columns::of(after.kind, &after.document)?;
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
                Some(SqlErr::UniqueConstraintViolation(_)) => {
                    ScimError::taken(&target.resource_type.name, "userName").into()
                }
                _ => StoreError::from(error),
            }
        })?;
        if before.document.external_id() != after.document.external_id() {
            if after.kind == GROUP {
                index_rows::release(transaction, by, after.id).await?;
            }
            let external_id = after.document.external_id();
            index_rows::claim(transaction, by, &target.resource_type, after.id, external_id).await?;
        }
        let values = |resource: &StoredResource| index_rows::values(&target.resource_type, &resource.document);
        index_rows::update(transaction, by, after.id, &values(before), &values(after)).await
    }
}

/// The resource, with its row locked until the transaction ends.
pub(super) async fn locked(
    transaction: &Transaction,
    by: &Author,
    target: &Target,
) -> Result<StoredResource, StoreError> {
    let backend = transaction.get_database_backend();
    let sql = select(backend, by.directory, by.with_groups).text(" FROM resource r WHERE r.directory_id = ");
    let sql = sql.id(by.directory);
    let sql = sql.text(" AND r.id = ").id(target.id).text(" AND r.kind = ").value(target.resource_type.kind.0);
    let row = transaction.query_one_raw(sql.text(for_update(backend)).build(backend)).await?;
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
