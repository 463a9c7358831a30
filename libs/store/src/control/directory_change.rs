//! What a directory is called, and which client feeds it. A URL outlives all of this: the Directory IDs and Names that it had
//! before go on leading to it until somebody frees them.

use async_trait::async_trait;
use rollcall_access::Actor;
use rollcall_base::{
    Id,
    marker::{Directory, Tenant},
};
use rollcall_scim::fold;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::OnConflict};
use serde_json::{Value, json};

use super::{
    AuditAction, AuditRecord, DirectoryRecord, TenantStore,
    audit::{self, AuditEntry, AuditWriter},
    directory_life::locked,
    rows,
};
use crate::{
    ControlError, StoreError,
    door::Mutation,
    entity::{directory, directory_key},
    statement::inserted,
    transaction::Transaction,
};

/// What is to be changed of a directory; `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryChange {
    /// The Directory ID.
    pub directory_id: Option<String>,
    /// The Directory Name.
    pub directory_name: Option<String>,
    /// Which client feeds it, and the client profile.
    pub client: Option<(String, Option<String>)>,
}

/// What came of freeing a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freed {
    /// Another directory may take it now.
    Freed,
    /// It is the directory's present ID or Name.
    InUse,
    /// It does not lead to the directory.
    NotItsOwn,
}

impl TenantStore {
    /// Changes what a directory is called or which client feeds it, and returns it as it is then. IDs and Names that it had
    /// before go on leading to it. Nothing is written if nothing changes.
    ///
    /// # Errors
    /// [`ControlError::Taken`] with `directory_id` or `directory_name`; [`StoreError::NotFound`] if it is not the tenant's.
    pub async fn change_directory(
        &self,
        id: Id<Directory>,
        change: DirectoryChange,
    ) -> Result<DirectoryRecord, ControlError> {
        let audit = AuditWriter::new(&self.inner);
        let change = ChangeDirectory { tenant: self.tenant, id, change, actor: self.actor.clone(), audit };
        match self.inner.write(change).await? {
            Changed::Taken(field) => return Err(ControlError::Taken { field }),
            Changed::Done(written) => audit::tell(&written),
        }
        let record = rows::directory_by_id(self.inner.reader(), id).await?;
        Ok(record.ok_or_else(|| StoreError::internal("a directory is gone that was just changed"))?)
    }

    /// Has a former ID or Name no longer lead to its directory: URLs with it are refused from then on, and another
    /// directory may take it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn free_key(&self, id: Id<Directory>, key: &str) -> Result<Freed, StoreError> {
        let audit = AuditWriter::new(&self.inner);
        let free = FreeKey { tenant: self.tenant, id, key: fold(key), actor: self.actor.clone(), audit };
        let (freed, written) = self.inner.write(free).await?;
        audit::tell(&written);
        Ok(freed)
    }
}

enum Changed {
    Taken(&'static str),
    Done(Vec<AuditRecord>),
}

struct ChangeDirectory {
    tenant: Id<Tenant>,
    id: Id<Directory>,
    change: DirectoryChange,
    actor: Actor,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for ChangeDirectory {
    type Output = Changed;

    async fn run(&self, transaction: &Transaction) -> Result<Changed, StoreError> {
        let row = locked(transaction, Some(self.tenant), self.id).await?.ok_or(StoreError::NotFound)?;
        let before = shown(&row);
        let change = &self.change;
        let mut after = row.clone();
        after.directory_id = change.directory_id.clone().unwrap_or(row.directory_id);
        after.directory_name = change.directory_name.clone().unwrap_or(row.directory_name);
        (after.client_kind, after.client_profile) =
            change.client.clone().unwrap_or((row.client_kind, row.client_profile));
        let detail = json!({ "before": before, "after": shown(&after) });
        if detail["before"] == detail["after"] {
            return Ok(Changed::Done(Vec::new()));
        }
        // Nothing else is written when one is taken: what was written before would stay.
        let wanted = [("directory_id", &after.directory_id), ("directory_name", &after.directory_name)];
        for (field, name) in wanted {
            let holder = self.holder(transaction, &fold(name)).await?;
            if holder.is_some_and(|holder| holder != self.id) {
                return Ok(Changed::Taken(field));
            }
        }
        for (_, name) in wanted {
            self.take(transaction, fold(name)).await?;
        }
        let update = directory::ActiveModel {
            directory_id: Set(after.directory_id),
            directory_name: Set(after.directory_name),
            client_kind: Set(after.client_kind),
            client_profile: Set(after.client_profile),
            ..directory::ActiveModel { id: Set(self.id.as_uuid()), ..Default::default() }
        };
        update.update(transaction).await?;
        let entry = AuditEntry::of(
            (self.tenant, self.id),
            format!("directory:{}", self.id),
            AuditAction::DirectoryChanged,
            detail,
        );
        Ok(Changed::Done(self.audit.write(transaction, &self.actor, vec![entry]).await?))
    }
}

impl ChangeDirectory {
    async fn holder(&self, transaction: &Transaction, key: &str) -> Result<Option<Id<Directory>>, StoreError> {
        let found = directory_key::Entity::find_by_id((self.tenant.as_uuid(), key.to_owned())).one(transaction).await?;
        Ok(found.map(|row| Id::from_uuid(row.directory_id)))
    }

    async fn take(&self, transaction: &Transaction, key: String) -> Result<(), StoreError> {
        let row = directory_key::ActiveModel {
            tenant_id: Set(self.tenant.as_uuid()),
            name_key: Set(key.clone()),
            directory_id: Set(self.id.as_uuid()),
        };
        let nothing = OnConflict::columns([directory_key::Column::TenantId, directory_key::Column::NameKey])
            .do_nothing()
            .to_owned();
        let kept = directory_key::Entity::insert(row).on_conflict(nothing).exec_without_returning(transaction).await;
        if inserted(kept)? == 0 && self.holder(transaction, &key).await? != Some(self.id) {
            // Somebody took it since it was looked for.
            return Err(StoreError::contention());
        }
        Ok(())
    }
}

fn shown(row: &directory::Model) -> Value {
    json!({
        "directory_id": row.directory_id,
        "directory_name": row.directory_name,
        "client": row.client_kind,
        "client_profile": row.client_profile,
    })
}

struct FreeKey {
    tenant: Id<Tenant>,
    id: Id<Directory>,
    key: String,
    actor: Actor,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for FreeKey {
    type Output = (Freed, Vec<AuditRecord>);

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        let row = locked(transaction, Some(self.tenant), self.id).await?.ok_or(StoreError::NotFound)?;
        if [fold(&row.directory_id), fold(&row.directory_name)].contains(&self.key) {
            return Ok((Freed::InUse, Vec::new()));
        }
        let gone = directory_key::Entity::delete_many()
            .filter(directory_key::Column::TenantId.eq(self.tenant.as_uuid()))
            .filter(directory_key::Column::NameKey.eq(self.key.as_str()))
            .filter(directory_key::Column::DirectoryId.eq(self.id.as_uuid()))
            .exec(transaction)
            .await?;
        if gone.rows_affected == 0 {
            return Ok((Freed::NotItsOwn, Vec::new()));
        }
        let entry = AuditEntry::of(
            (self.tenant, self.id),
            format!("directory:{}", self.id),
            AuditAction::DirectoryKeyFreed,
            json!({ "key": self.key }),
        );
        Ok((Freed::Freed, self.audit.write(transaction, &self.actor, vec![entry]).await?))
    }
}
