//! Bringing back what was deleted: wholly, with its memberships, or not at all because its names are somebody else's.

use async_trait::async_trait;
use rollcall_access::{Actor, Write};
use rollcall_base::{
    Id, Timestamp,
    marker::{Resource, Tenant},
};
use rollcall_scim::{
    Document,
    schema::{GROUP, ResourceType, USER},
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QueryResult, sea_query::OnConflict};
use serde_json::json;
use uuid::Uuid;

use super::{
    Author, DirectoryStore,
    deleted::{self, Gone},
    former_names,
    index_rows::{self, DISPLAY_NAME_CLAIM, EXTERNAL_ID},
    outbox::{self, MemberChanges},
    policy,
    row::{Columns, name_key},
};
use crate::{
    AuditAction, AuditRecord, Operation, StoreError, StoredResource, Target,
    control::audit::{self, AuditEntry, AuditWriter},
    dialect::for_update,
    door::{Mutation, Proof},
    entity::resource,
    keys::value_key,
    statement::{BATCH, Sql, inserted},
    transaction::Transaction,
};

/// What came of bringing something back.
#[derive(Debug, Clone)]
pub enum Restoration {
    /// It is there again.
    Done(Box<Restored>),
    /// Nothing was changed: others have its names.
    Taken(Vec<TakenName>),
}

/// A resource that is there again.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The resource.
    pub resource: StoredResource,
    /// The live groups that it is in again, by id.
    pub groups: Vec<Id<Resource>>,
    /// The keys of the names that it had before ([`crate::UserKey::NameKey`]).
    pub former_names: Vec<String>,
}

/// A name that somebody else has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenName {
    /// `userName`, `externalId` or `displayName`.
    pub attribute: &'static str,
    /// What it is.
    pub value: String,
    /// Who has it.
    pub by: Id<Resource>,
}

impl DirectoryStore<Write> {
    /// Brings a deleted resource back, with the memberships that it had; a group with its members as well, whatever their
    /// number. One line of the audit tells of it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none of this type that can be brought back.
    pub async fn restore(&self, target: Target) -> Result<Restoration, StoreError> {
        let audit = AuditWriter::new(&self.inner);
        let (tenant, actor) = (self.tenant, self.actor.clone());
        let restore = Restore { target, by: self.author(), tenant, actor, audit };
        let (restoration, told) = self.inner.write(restore).await?;
        audit::tell(&told);
        Ok(restoration)
    }
}

struct Restore {
    target: Target,
    by: Author,
    tenant: Id<Tenant>,
    actor: Actor,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for Restore {
    type Output = (Restoration, Vec<AuditRecord>);

    fn bytes(&self) -> usize {
        4096
    }

    fn proof(&self, (restoration, _): &Self::Output) -> Proof {
        match restoration {
            Restoration::Taken(_) => Proof::NothingWritten,
            Restoration::Done(restored) => {
                let Restored { resource, .. } = &**restored;
                Proof::Entry(self.by.mark(resource.id, resource.version, resource.modified_at, &self.target.request_id))
            }
        }
    }

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        let Self { target, by, .. } = self;
        let backend = transaction.get_database_backend();
        let sql = deleted::of_directory(by.directory, by.now()).text(" AND d.id = ").id(target.id);
        let sql = sql.text(" AND d.kind = ").value(target.resource_type.kind.0).text(for_update(backend));
        let row = transaction.query_one_raw(sql.build(backend)).await?;
        let gone = row.as_ref().map(deleted::gone).transpose()?.ok_or(StoreError::NotFound)?;
        let taken = taken_names(transaction, by, &gone).await?;
        if !taken.is_empty() {
            return Ok((Restoration::Taken(taken), Vec::new()));
        }
        // Groups are locked before their members are written, in the order of their ids, as everywhere.
        let mut groups = gone.member_of.clone();
        groups.sort_unstable();
        let (mut open, mut live) = (Vec::new(), Vec::new());
        for some in groups.chunks(BATCH) {
            let known = self.lock_groups(transaction, some).await?;
            open.extend(known.deleted);
            live.extend(known.live);
        }
        let now = by.now().max(gone.deleted_at);
        let document = gone.resource.document.clone();
        let Some(resource) = put_back(transaction, by, &target.resource_type, &gone, document, now).await? else {
            // Somebody has taken the name since it was looked at.
            return Err(StoreError::contention());
        };
        open.extend(live.iter().copied().chain(groups.contains(&target.id.as_uuid()).then_some(target.id.as_uuid())));
        for some in open.chunks(BATCH) {
            self.join(transaction, some).await?;
        }
        for some in live.chunks(BATCH) {
            self.tell_groups(transaction, some, resource.modified_at).await?;
        }
        self.write_event(transaction, &resource).await?;
        let told = self.write_audit(transaction, &resource, live.len()).await?;
        let restored = Restored {
            resource,
            groups: live.into_iter().map(Id::from_uuid).collect(),
            former_names: gone.former_names.into_iter().map(|(name, _)| name).collect(),
        };
        Ok((Restoration::Done(Box::new(restored)), told))
    }
}

/// Groups that a deleted resource was in.
struct Known {
    live: Vec<Uuid>,
    deleted: Vec<Uuid>,
}

fn ids(rows: &[QueryResult]) -> Result<Vec<Uuid>, StoreError> {
    rows.iter().map(|row| row.try_get("", "id").map_err(StoreError::from)).collect()
}

impl Restore {
    /// Those of `groups` that are live, and those that were deleted and can be brought back, locked: none of them becomes
    /// the other meanwhile.
    async fn lock_groups(&self, transaction: &Transaction, groups: &[Uuid]) -> Result<Known, StoreError> {
        let deleted = self.lock_deleted(transaction, groups).await?;
        let backend = transaction.get_database_backend();
        let live = Sql::new("SELECT id FROM resource WHERE directory_id = ").id(self.by.directory);
        let live = live.text(" AND kind = 2 AND id IN ").ids(groups);
        let locked = live.text(" ORDER BY id").text(for_update(backend));
        let live = ids(&transaction.query_all_raw(locked.build(backend)).await?)?;
        let is_missing = |id: &&Uuid| !deleted.contains(id) && !live.contains(id) && **id != self.target.id.as_uuid();
        let missing: Vec<Uuid> = groups.iter().filter(is_missing).copied().collect();
        if !missing.is_empty() {
            // In one statement, for which each is either or neither: it was erased, or it moved between the two above.
            let moved = Sql::new("SELECT g.id FROM resource g WHERE g.directory_id = ").id(self.by.directory);
            let moved = moved.text(" AND g.kind = 2 AND g.id IN ").ids(&missing).text(" UNION ALL ");
            let moved = moved.part(&self.deleted_among(&missing)).text(" LIMIT 1");
            if transaction.query_one_raw(moved.build(backend)).await?.is_some() {
                return Err(StoreError::contention());
            }
        }
        Ok(Known { live, deleted })
    }

    async fn lock_deleted(&self, transaction: &Transaction, groups: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        let backend = transaction.get_database_backend();
        let sql = self.deleted_among(groups).text(" ORDER BY d.id").text(for_update(backend));
        ids(&transaction.query_all_raw(sql.build(backend)).await?)
    }

    /// Those of `groups` that were deleted and can be brought back.
    fn deleted_among(&self, groups: &[Uuid]) -> Sql {
        let sql = Sql::new("SELECT d.id FROM deleted_resource d WHERE d.directory_id = ").id(self.by.directory);
        let sql = sql.part(&deleted::restorable(self.by.now())).text(" AND d.kind = 2 AND d.id <> ").id(self.target.id);
        sql.text(" AND d.id IN ").ids(groups)
    }

    /// Puts the resource into `groups`.
    async fn join(&self, transaction: &Transaction, groups: &[Uuid]) -> Result<(), StoreError> {
        let kind = self.target.resource_type.kind.0.to_string();
        let sql =
            Sql::new("INSERT INTO member (directory_id, group_id, member_id, member_kind) SELECT s.directory_id,")
                .text(" s.group_id, r.id, ")
                .text(&kind)
                .text(" FROM member_set s JOIN resource r ON r.directory_id = s.directory_id AND r.id = ")
                .id(self.target.id)
                .text(" WHERE s.directory_id = ")
                .id(self.by.directory)
                .text(" AND s.group_id IN ")
                .ids(groups)
                .text(" ON CONFLICT (directory_id, group_id, member_id) DO NOTHING");
        transaction.execute_raw(sql.build(transaction.get_database_backend())).await?;
        Ok(())
    }

    /// Gives the live groups a new version and an event.
    async fn tell_groups(&self, transaction: &Transaction, groups: &[Uuid], at: Timestamp) -> Result<(), StoreError> {
        let backend = transaction.get_database_backend();
        let of = |sql: Sql| sql.text(" WHERE directory_id = ").id(self.by.directory).text(" AND id IN ").ids(groups);
        let bump = Sql::new("UPDATE resource SET version = version + 1, modified_at = CASE WHEN modified_at > ")
            .value(at.as_micros())
            .text(" THEN modified_at ELSE ")
            .value(at.as_micros())
            .text(" END");
        transaction.execute_raw(of(bump).build(backend)).await?;
        let events =
            Sql::new("INSERT INTO outbox (directory_id, resource_id, version, previous_version, kind, operation,")
                .text(" delta, actor, request_id, at, password_sent, changes)")
                .text(" SELECT directory_id, id, version, version - 1, kind, ")
                .text(&Operation::Update.number().to_string())
                .text(", 0, ")
                .value(self.by.actor.as_str())
                .text(", ")
                .value(self.target.request_id.as_str())
                .text(", modified_at, FALSE, '[]' FROM resource");
        transaction.execute_raw(of(events).build(backend)).await?;
        let added = Sql::new("INSERT INTO event_member (directory_id, resource_id, version, chunk, added, removed)")
            .text(" SELECT directory_id, id, version, 0, ")
            .value(json!([self.target.id]).to_string())
            .text(", '[]' FROM resource");
        transaction.execute_raw(of(added).build(backend)).await?;
        Ok(())
    }

    async fn write_event(&self, transaction: &Transaction, resource: &StoredResource) -> Result<(), StoreError> {
        let entry = outbox::Entry {
            resource: resource.id,
            kind: resource.kind,
            operation: Operation::Restore,
            version: resource.version,
            request_id: &self.target.request_id,
            at: resource.modified_at,
            password_sent: false,
            changes: outbox::changes(&Document::default(), &resource.document),
            members: &MemberChanges::default(),
        };
        outbox::write(transaction, &self.by, entry).await
    }

    /// Without names: what is in the audit stays there.
    async fn write_audit(
        &self,
        transaction: &Transaction,
        resource: &StoredResource,
        groups: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let entry = AuditEntry::of(
            (self.tenant, self.by.directory),
            format!("resource:{}", resource.id),
            AuditAction::ResourceRestored,
            json!({ "type": self.target.resource_type.name, "groups": groups }),
        );
        self.audit.write(transaction, &self.actor, vec![entry]).await
    }
}

/// Puts a deleted resource back among the live ones, with `document`: its row and what hangs on it, but no membership and no
/// event. None if another user has its userName.
///
/// # Errors
/// 409 `uniqueness` for a group's other names.
pub(super) async fn put_back(
    transaction: &Transaction,
    by: &Author,
    resource_type: &ResourceType,
    gone: &Gone,
    document: Document,
    now: Timestamp,
) -> Result<Option<StoredResource>, StoreError> {
    let before = &gone.resource;
    let resource = StoredResource {
        // The deletion has the one between.
        version: before.version + 2,
        modified_at: now.max(gone.deleted_at),
        document,
        groups: by.with_groups.then(Vec::new),
        ..before.clone()
    };
    let columns = Columns::of(resource.kind, &resource.document)?;
    let name_key = columns.name_key.clone();
    let row = resource::ActiveModel {
        directory_id: Set(by.directory.as_uuid()),
        id: Set(resource.id.as_uuid()),
        kind: Set(resource.kind.0),
        name_key: Set(columns.name_key),
        display: Set(columns.display),
        external_id: Set(columns.external_id),
        // Coming back enables nobody.
        active: Set(columns.active.or(gone.active)),
        version: Set(resource.version),
        created_at: Set(resource.created_at.as_micros()),
        modified_at: Set(resource.modified_at.as_micros()),
        document: Set(columns.document),
    };
    let nothing = OnConflict::new().do_nothing().to_owned();
    let kept = resource::Entity::insert(row).on_conflict(nothing).exec_without_returning(transaction).await;
    if inserted(kept)? == 0 {
        return Ok(None);
    }
    let external_id = resource.document.external_id();
    index_rows::claim(transaction, by, resource_type, resource.id, external_id).await?;
    index_rows::claim_display_name(transaction, by, resource_type, resource.id, &name_key).await?;
    let values = index_rows::values(resource_type, &resource.document);
    index_rows::insert(transaction, by, resource.id, values.iter()).await?;
    former_names::keep(transaction, by, resource.id, &gone.former_names).await?;
    let erase = Sql::new("DELETE FROM deleted_resource WHERE directory_id = ").id(by.directory);
    let erase = erase.text(" AND id = ").id(resource.id);
    transaction.execute_raw(erase.build(transaction.get_database_backend())).await?;
    Ok(Some(resource))
}

/// Which of its names others have.
async fn taken_names(transaction: &Transaction, by: &Author, gone: &Gone) -> Result<Vec<TakenName>, StoreError> {
    let document = &gone.resource.document;
    let name_key = name_key(gone.resource.kind, document);
    let mut taken = Vec::new();
    let mut note = |attribute, value: Option<&str>, holder: Option<Id<Resource>>| {
        taken.extend(holder.map(|by| TakenName { attribute, value: value.unwrap_or_default().to_owned(), by }));
    };
    if gone.resource.kind == USER {
        let sql = Sql::new("SELECT id FROM resource WHERE directory_id = ").id(by.directory);
        let sql = sql.text(" AND kind = 1 AND name_key = ").value(name_key.as_str());
        let row = transaction.query_one_raw(sql.build(transaction.get_database_backend())).await?;
        let holder = row.map(|row| row.try_get("", "id").map(Id::from_uuid)).transpose()?;
        note("userName", document.user_name(), holder);
    }
    if gone.resource.kind == GROUP {
        if let Some(external_id) = document.external_id() {
            let holder = index_rows::holder(transaction, by, EXTERNAL_ID, &value_key(external_id)).await?;
            note("externalId", Some(external_id), holder);
        }
        if policy::refuses_duplicate_names(transaction, by).await? {
            let holder = match index_rows::holder(transaction, by, DISPLAY_NAME_CLAIM, &name_key).await? {
                None if !name_key.is_empty() => {
                    index_rows::namesake(transaction, by, gone.resource.id, &name_key).await?
                }
                holder => holder,
            };
            note("displayName", document.display_name(), holder);
        }
    }
    Ok(taken)
}
