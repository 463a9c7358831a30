//! The rows of `attribute` and `claim` that belong to a document.

use std::collections::BTreeSet;

use rollcall_base::{Id, marker::Resource};
use rollcall_scim::{
    Document, ScimError,
    index::indexed_values,
    schema::{GROUP, ResourceType},
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, sea_query::OnConflict};

use super::{Author, policy};
use crate::{
    StoreError,
    entity::{attribute, claim},
    keys::value_key,
    statement::{BATCH, Sql, inserted},
    transaction::Transaction,
};

/// Under which number a group's externalId stands among the claims. Schemas number their attributes from 1.
pub(super) const EXTERNAL_ID: i32 = 0;

/// Under which number a group's name stands among the claims, where groups' names are to be their own: with
/// `resource.name_key` as it is. Far above any number that a schema gives.
pub(crate) const DISPLAY_NAME_CLAIM: i32 = 1_000_001;

/// What stands in the index for a document.
pub(super) fn values(resource_type: &ResourceType, document: &Document) -> BTreeSet<(i32, String)> {
    indexed_values(resource_type, document).into_iter().map(|(id, value)| (id.0, value_key(&value))).collect()
}

/// Puts `values` into the index.
pub(super) async fn insert(
    transaction: &Transaction,
    by: &Author,
    resource: Id<Resource>,
    values: impl Iterator<Item = &(i32, String)>,
) -> Result<(), StoreError> {
    let rows: Vec<_> = values
        .map(|(attribute_id, value)| attribute::ActiveModel {
            directory_id: Set(by.directory.as_uuid()),
            attribute_id: Set(*attribute_id),
            value_key: Set(value.clone()),
            resource_id: Set(resource.as_uuid()),
        })
        .collect();
    for some in rows.chunks(BATCH) {
        attribute::Entity::insert_many(some.to_vec()).exec_without_returning(transaction).await?;
    }
    Ok(())
}

/// Changes the index from `before` to `after`.
pub(super) async fn update(
    transaction: &Transaction,
    by: &Author,
    resource: Id<Resource>,
    before: &BTreeSet<(i32, String)>,
    after: &BTreeSet<(i32, String)>,
) -> Result<(), StoreError> {
    let gone: Vec<_> = before.difference(after).collect();
    for some in gone.chunks(BATCH) {
        let mut sql = Sql::new("DELETE FROM attribute WHERE directory_id = ").id(by.directory);
        sql = sql.text(" AND resource_id = ").id(resource).text(" AND (");
        for (at, (attribute_id, value)) in some.iter().enumerate() {
            sql = sql.text(if at == 0 { "(attribute_id = " } else { " OR (attribute_id = " }).value(*attribute_id);
            sql = sql.text(" AND value_key = ").value(value.clone()).text(")");
        }
        let backend = transaction.get_database_backend();
        transaction.execute_raw(sql.text(")").build(backend)).await?;
    }
    insert(transaction, by, resource, after.difference(before)).await
}

/// Claims a group's externalId. Users may share theirs: Entra's usual source for it is not unique.
///
/// # Errors
/// 409 `uniqueness` if another group has it.
pub(super) async fn claim(
    transaction: &Transaction,
    by: &Author,
    resource_type: &ResourceType,
    resource: Id<Resource>,
    external_id: Option<&str>,
) -> Result<(), StoreError> {
    let Some(external_id) = external_id.filter(|_| resource_type.kind == GROUP) else { return Ok(()) };
    if take(transaction, by, EXTERNAL_ID, resource, value_key(external_id)).await? {
        return Ok(());
    }
    Err(ScimError::taken(&resource_type.name, "externalId").into())
}

/// Claims a group's displayName, if the directory's policy is that it has no two of one name.
///
/// # Errors
/// 409 `uniqueness` if another group has it, claimed or not.
pub(super) async fn claim_display_name(
    transaction: &Transaction,
    by: &Author,
    resource_type: &ResourceType,
    resource: Id<Resource>,
    name_key: &str,
) -> Result<(), StoreError> {
    if resource_type.kind != GROUP || name_key.is_empty() || !policy::refuses_duplicate_names(transaction, by).await? {
        return Ok(());
    }
    take_display_name(transaction, by, resource_type, resource, name_key).await
}

/// Claims a group's new displayName in the same way, and gives up the one of before, under whatever policy it was claimed.
///
/// # Errors
/// As [`claim_display_name`].
pub(super) async fn claim_other_display_name(
    transaction: &Transaction,
    by: &Author,
    resource_type: &ResourceType,
    resource: Id<Resource>,
    name_key: &str,
) -> Result<(), StoreError> {
    // Before any claim is touched: whoever sets the policies has the directory first and the claims then.
    let is_refused = !name_key.is_empty() && policy::refuses_duplicate_names(transaction, by).await?;
    release(transaction, by, DISPLAY_NAME_CLAIM, resource).await?;
    if is_refused { take_display_name(transaction, by, resource_type, resource, name_key).await } else { Ok(()) }
}

async fn take_display_name(
    transaction: &Transaction,
    by: &Author,
    resource_type: &ResourceType,
    resource: Id<Resource>,
    name_key: &str,
) -> Result<(), StoreError> {
    if take(transaction, by, DISPLAY_NAME_CLAIM, resource, name_key.to_owned()).await?
        && namesake(transaction, by, resource, name_key).await?.is_none()
    {
        return Ok(());
    }
    Err(ScimError::taken(&resource_type.name, "displayName").into())
}

/// Another live group of this name. Of groups that had one name before the policy only the oldest has the claim: when it
/// goes, the others still have the name.
pub(super) async fn namesake(
    transaction: &Transaction,
    by: &Author,
    resource: Id<Resource>,
    name_key: &str,
) -> Result<Option<Id<Resource>>, StoreError> {
    let sql = Sql::new("SELECT id FROM resource WHERE directory_id = ").id(by.directory).text(" AND kind = 2");
    let sql = sql.text(" AND name_key = ").value(name_key).text(" AND id <> ").id(resource).text(" LIMIT 1");
    let row = transaction.query_one_raw(sql.build(transaction.get_database_backend())).await?;
    row.map(|row| Ok(Id::from_uuid(row.try_get("", "id")?))).transpose()
}

/// Whether the value is `resource`'s now.
async fn take(
    transaction: &Transaction,
    by: &Author,
    attribute_id: i32,
    resource: Id<Resource>,
    value_key: String,
) -> Result<bool, StoreError> {
    let row = claim::ActiveModel {
        directory_id: Set(by.directory.as_uuid()),
        attribute_id: Set(attribute_id),
        value_key: Set(value_key),
        resource_id: Set(resource.as_uuid()),
    };
    let columns = [claim::Column::DirectoryId, claim::Column::AttributeId, claim::Column::ValueKey];
    let nothing = OnConflict::columns(columns).do_nothing().to_owned();
    let kept = claim::Entity::insert(row).on_conflict(nothing).exec_without_returning(transaction).await;
    Ok(inserted(kept)? == 1)
}

/// Whose a value is.
pub(super) async fn holder(
    transaction: &Transaction,
    by: &Author,
    attribute_id: i32,
    value_key: &str,
) -> Result<Option<Id<Resource>>, StoreError> {
    let sql = Sql::new("SELECT resource_id FROM claim WHERE directory_id = ").id(by.directory);
    let sql = sql.text(" AND attribute_id = ").value(attribute_id).text(" AND value_key = ").value(value_key);
    let row = transaction.query_one_raw(sql.build(transaction.get_database_backend())).await?;
    row.map(|row| Ok(Id::from_uuid(row.try_get("", "resource_id")?))).transpose()
}

/// Gives what a resource claimed under a number up.
pub(super) async fn release(
    transaction: &Transaction,
    by: &Author,
    attribute_id: i32,
    resource: Id<Resource>,
) -> Result<(), StoreError> {
    let sql = Sql::new("DELETE FROM claim WHERE directory_id = ").id(by.directory).text(" AND resource_id = ");
    let sql = sql.id(resource).text(" AND attribute_id = ").value(attribute_id);
    transaction.execute_raw(sql.build(transaction.get_database_backend())).await?;
    Ok(())
}
