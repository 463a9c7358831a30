//! One tenant's directories, credentials and keys.

use std::sync::Arc;

use async_trait::async_trait;
use rollcall_access::{Actor, CredentialRecord, TenantScope, TokenKind};
use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, Directory, Tenant},
};
use rollcall_scim::fold;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::OnConflict};
use serde_json::json;

use super::{
    AuditAction, AuditRecord, DirectoryRecord, NewDirectory, Within, WrappedKey,
    audit::{self, AuditEntry, AuditWriter},
    data_keys, rows,
};
use crate::{
    ControlError, StoreError,
    door::Mutation,
    entity::{credential, data_key, directory, directory_key},
    statement::inserted,
    store::Inner,
    transaction::Transaction,
};

/// One tenant's directories, credentials and keys.
#[derive(Clone)]
pub struct TenantStore {
    pub(super) inner: Arc<Inner>,
    pub(super) tenant: Id<Tenant>,
    pub(super) actor: Actor,
}

impl TenantStore {
    pub(crate) fn new(inner: Arc<Inner>, scope: &TenantScope) -> Self {
        Self { inner, tenant: scope.tenant(), actor: scope.actor().clone() }
    }

    /// Creates a directory. Directory IDs and Names, present and former, share one case-folded namespace a tenant.
    ///
    /// # Errors
    /// [`ControlError::Taken`] with `directory_id` or `directory_name`.
    pub async fn create_directory(&self, new: NewDirectory) -> Result<DirectoryRecord, ControlError> {
        let now = self.inner.clock.now();
        let id = Id::new(now, &*self.inner.entropy);
        let (actor, audit) = (self.actor.clone(), AuditWriter::new(&self.inner));
        let insert = InsertDirectory { id, tenant: self.tenant, new, now, actor, audit };
        match self.inner.write(insert).await? {
            Ok(written) => audit::tell(&written),
            Err(field) => return Err(ControlError::Taken { field }),
        }
        let record = rows::directory_by_id(self.inner.reader(), id).await?;
        Ok(record.ok_or_else(|| StoreError::internal("a directory is gone that was just created"))?)
    }

    /// All directories of the tenant, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn directories(&self) -> Result<Vec<DirectoryRecord>, StoreError> {
        let own = Within::Tenant.rows(self.tenant, directory::Column::TenantId, directory::Column::Id);
        rows::directories(self.inner.reader(), own).await
    }

    /// One of the tenant's directories.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn directory(&self, id: Id<Directory>) -> Result<Option<DirectoryRecord>, StoreError> {
        let own = Within::from(id).rows(self.tenant, directory::Column::TenantId, directory::Column::Id);
        Ok(rows::directories(self.inner.reader(), own).await?.pop())
    }

    /// Refuses a directory of another tenant.
    pub(super) async fn owns(&self, directory: Id<Directory>) -> Result<(), StoreError> {
        let own = directory::Entity::find_by_id(directory.as_uuid())
            .filter(directory::Column::TenantId.eq(self.tenant.as_uuid()));
        own.one(self.inner.reader()).await?.map(drop).ok_or(StoreError::NotFound)
    }

    /// The directory with this Directory ID or Directory Name, present or former, in any case.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn directory_by_key(&self, key: &str) -> Result<Option<DirectoryRecord>, StoreError> {
        rows::directory_by_key(self.inner.reader(), self.tenant, &fold(key)).await
    }

    /// Keeps a new credential. Of access tokens, which are issued by the hour, the audit says nothing.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if it is not of this tenant, [`StoreError::NotFound`] if its directory is not.
    pub async fn insert_credential(&self, record: &CredentialRecord) -> Result<(), StoreError> {
        if record.tenant != self.tenant {
            return Err(StoreError::internal("a credential of another tenant"));
        }
        let audit = AuditWriter::new(&self.inner);
        audit::tell(&self.inner.write(InsertCredential(record.clone(), self.actor.clone(), audit)).await?);
        Ok(())
    }

    /// One of the tenant's credentials.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn credential(&self, id: Id<Credential>) -> Result<Option<CredentialRecord>, StoreError> {
        let row = credential::Entity::find_by_id(id.as_uuid())
            .filter(credential::Column::TenantId.eq(self.tenant.as_uuid()))
            .one(self.inner.reader())
            .await?;
        row.map(rows::credential_record).transpose()
    }

    /// Credentials that people issued, oldest first; what OAuth clients got is in [`TenantStore::live_access_tokens`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn credentials(&self, within: impl Into<Within>) -> Result<Vec<CredentialRecord>, StoreError> {
        let within = within.into();
        let rows = credential::Entity::find()
            .filter(within.rows(self.tenant, credential::Column::TenantId, credential::Column::DirectoryId))
            .filter(credential::Column::OauthClientId.is_null())
            .order_by_asc(credential::Column::Id)
            .all(self.inner.reader())
            .await?;
        rows.into_iter().map(rows::credential_record).collect()
    }

    /// The newest data key for a purpose.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn newest_data_key(&self, purpose: &str) -> Result<Option<WrappedKey>, StoreError> {
        Ok(data_keys::newest(self.inner.reader(), self.tenant, purpose).await?.map(WrappedKey::from))
    }

    /// Keeps the first data key for a purpose. Of several processes the first one's stands; it is given back.
    ///
    /// # Errors
    /// [`StoreError::Internal`] if it is not of this tenant.
    pub async fn insert_data_key(&self, key: WrappedKey) -> Result<WrappedKey, StoreError> {
        if key.tenant != self.tenant {
            return Err(StoreError::internal("a data key of another tenant"));
        }
        self.inner.write(InsertKey(key)).await
    }
}

struct InsertDirectory {
    id: Id<Directory>,
    tenant: Id<Tenant>,
    new: NewDirectory,
    now: Timestamp,
    actor: Actor,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for InsertDirectory {
    /// The lines that tell of it, or the field whose value another directory has. That is an answer and no error, so the
    /// transaction is committed: both keys are looked up before anything is written.
    type Output = Result<Vec<AuditRecord>, &'static str>;

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        let keys = [("directory_id", fold(&self.new.directory_id)), ("directory_name", fold(&self.new.directory_name))];
        for (field, key) in &keys {
            let found = directory_key::Entity::find_by_id((self.tenant.as_uuid(), key.clone())).one(transaction);
            if found.await?.is_some() {
                return Ok(Err(field));
            }
        }
        let row = directory::ActiveModel {
            id: Set(self.id.as_uuid()),
            tenant_id: Set(self.tenant.as_uuid()),
            directory_id: Set(self.new.directory_id.clone()),
            directory_name: Set(self.new.directory_name.clone()),
            client_kind: Set(self.new.client_kind.clone()),
            state: Set(self.new.stage.to_string()),
            created_at: Set(self.now.as_micros()),
            stage: Set(Some(self.new.stage.to_string())),
            is_frozen: Set(Some(false)),
            policies: Set(None),
            client_profile: Set(self.new.client_profile.clone()),
        };
        directory::Entity::insert(row).exec_without_returning(transaction).await?;
        // ID and Name may be the same word.
        let distinct = if keys[0].1 == keys[1].1 { &keys[..1] } else { &keys[..] };
        let rows = distinct.iter().map(|(_, key)| directory_key::ActiveModel {
            tenant_id: Set(self.tenant.as_uuid()),
            name_key: Set(key.clone()),
            directory_id: Set(self.id.as_uuid()),
        });
        // Somebody may have taken a key since it was looked for: then the key's row says so, and this is tried again.
        let nothing = OnConflict::columns([directory_key::Column::TenantId, directory_key::Column::NameKey])
            .do_nothing()
            .to_owned();
        let kept =
            directory_key::Entity::insert_many(rows).on_conflict(nothing).exec_without_returning(transaction).await;
        if inserted(kept)? as usize != distinct.len() {
            return Err(StoreError::contention());
        }
        let detail = json!({
            "directory_id": self.new.directory_id,
            "directory_name": self.new.directory_name,
            "client": self.new.client_kind,
            "client_profile": self.new.client_profile,
            "stage": self.new.stage,
        });
        let line = AuditEntry::of_directory((self.tenant, self.id), AuditAction::DirectoryCreated, detail);
        Ok(Ok(self.audit.write(transaction, &self.actor, vec![line]).await?))
    }
}

struct InsertCredential(CredentialRecord, Actor, AuditWriter);

#[async_trait]
impl Mutation for InsertCredential {
    type Output = Vec<AuditRecord>;

    async fn run(&self, transaction: &Transaction) -> Result<Vec<AuditRecord>, StoreError> {
        let Self(record, actor, audit) = self;
        let in_tenant = directory::Entity::find_by_id(record.directory.as_uuid())
            .filter(directory::Column::TenantId.eq(record.tenant.as_uuid()));
        if in_tenant.one(transaction).await?.is_none() {
            return Err(StoreError::NotFound);
        }
        credential::Entity::insert(rows::credential_row(record)).exec_without_returning(transaction).await?;
        match record.kind() {
            TokenKind::Static => audit.write(transaction, actor, vec![issued(record)]).await,
            TokenKind::Access => Ok(Vec::new()),
        }
    }
}

/// The line that tells of a new token.
pub(super) fn issued(record: &CredentialRecord) -> AuditEntry {
    let detail = json!({
        "label": record.label,
        "scopes": record.scopes.to_string(),
        "networks": record.networks.as_ref().map(|allowed| allowed.networks.to_string()),
        "observes_networks": record.networks.as_ref().is_some_and(|allowed| allowed.observe),
        "expires_at": record.expires_at.to_string(),
    });
    AuditEntry::about((record.tenant, record.directory), record.id, AuditAction::TokenIssued, detail)
}

struct InsertKey(WrappedKey);

#[async_trait]
impl Mutation for InsertKey {
    type Output = WrappedKey;

    async fn run(&self, transaction: &Transaction) -> Result<WrappedKey, StoreError> {
        let row = data_key::ActiveModel {
            id: Set(self.0.id.as_uuid()),
            tenant_id: Set(self.0.tenant.as_uuid()),
            purpose: Set(self.0.purpose.clone()),
            generation: Set(1),
            wrapped: Set(self.0.wrapped.clone()),
            created_at: Set(self.0.created_at.as_micros()),
        };
        let columns = [data_key::Column::TenantId, data_key::Column::Purpose, data_key::Column::Generation];
        let nothing = OnConflict::columns(columns).do_nothing().to_owned();
        inserted(data_key::Entity::insert(row).on_conflict(nothing).exec_without_returning(transaction).await)?;
        let stands = data_keys::newest(transaction, self.0.tenant, &self.0.purpose).await?;
        stands.map(WrappedKey::from).ok_or_else(|| StoreError::internal("a data key is gone that was just kept"))
    }
}
