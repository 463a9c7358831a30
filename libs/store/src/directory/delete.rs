//! Deleting a resource: it is moved aside, whole, in a number of statements that depends on nothing.

use async_trait::async_trait;
use rollcall_access::OnDelete;
use rollcall_base::Timestamp;
use rollcall_scim::Document;
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::json;
use uuid::Uuid;

use super::{
    Author, former_names,
    outbox::{self, MemberChanges},
    update::locked,
};
use crate::{
    Operation, StoreError, StoredResource, Target,
    dialect::{for_share, for_update},
    door::{Mutation, Proof},
    statement::{BATCH, Sql},
    transaction::Transaction,
};

pub(super) struct Delete {
    pub(super) target: Target,
    pub(super) by: Author,
}

#[async_trait]
impl Mutation for Delete {
    /// The version with which the resource went, and when.
    type Output = (i64, Timestamp);

    fn bytes(&self) -> usize {
        1024
    }

    fn proof(&self, (version, at): &(i64, Timestamp)) -> Proof {
        Proof::Entry(self.by.mark(self.target.id, *version, *at, &self.target.request_id))
    }

    async fn run(&self, transaction: &Transaction) -> Result<(i64, Timestamp), StoreError> {
        let before = self.lock_groups(transaction).await?;
        let lock = for_update(transaction.get_database_backend());
        let gone = locked(transaction, &self.by, &self.target, lock).await?;
        let at = self.by.now().max(gone.modified_at);
        let groups = self.leave_groups(transaction, &before, at).await?;
        self.move_aside(transaction, &gone, at, &groups).await?;
        let entry = outbox::Entry {
            resource: gone.id,
            kind: gone.kind,
            operation: Operation::Delete,
            version: gone.version + 1,
            request_id: &self.target.request_id,
            at,
            password_sent: false,
            changes: outbox::changes(&gone.document, &Document::default()),
            members: &MemberChanges::default(),
        };
        outbox::write(transaction, &self.by, entry).await?;
        Ok((gone.version + 1, at))
    }
}

impl Delete {
    /// Takes the resource out of all groups, and says which: each live one gets a new version and an event; those that were
    /// deleted may be restored some day, and itself, it may be in too. A group's own members stay with its anchor.
    async fn leave_groups(
        &self,
        transaction: &Transaction,
        locked: &[Uuid],
        at: Timestamp,
    ) -> Result<Vec<Uuid>, StoreError> {
        let backend = transaction.get_database_backend();
        if backend == DbBackend::Postgres {
            self.hold_groups(transaction, locked).await?;
        }
        if locked.is_empty() && !self.is_member(transaction).await? {
            return Ok(Vec::new());
        }
        let bump = Sql::new("UPDATE resource SET version = version + 1, modified_at = CASE WHEN modified_at > ")
            .value(at.as_micros())
            .text(" THEN modified_at ELSE ")
            .value(at.as_micros())
            .text(" END");
        transaction.execute_raw(self.groups(bump).build(backend)).await?;
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
        transaction.execute_raw(self.groups(events).build(backend)).await?;
        let removed = Sql::new("INSERT INTO event_member (directory_id, resource_id, version, chunk, added, removed)")
            .text(" SELECT directory_id, id, version, 0, '[]', ")
            .value(json!([self.target.id]).to_string())
            .text(" FROM resource");
        transaction.execute_raw(self.groups(removed).build(backend)).await?;
        let members = Sql::new("DELETE FROM member WHERE directory_id = ").id(self.by.directory);
        let members = members.text(" AND member_id = ").id(self.target.id).text(" RETURNING group_id");
        let rows = transaction.query_all_raw(members.build(backend)).await?;
        rows.iter().map(|row| row.try_get("", "group_id").map_err(StoreError::from)).collect()
    }

    /// Sees to it that the groups that the resource is in are live or deleted until this is done, each as it is now.
    async fn hold_groups(&self, transaction: &Transaction, locked: &[Uuid]) -> Result<(), StoreError> {
        let backend = transaction.get_database_backend();
        let sql = Sql::new("SELECT m.group_id, g.id AS live FROM member m LEFT JOIN resource g")
            .text(" ON g.directory_id = m.directory_id AND g.id = m.group_id WHERE m.directory_id = ")
            .id(self.by.directory)
            .text(" AND m.member_id = ")
            .id(self.target.id)
            .text(" AND m.group_id <> ")
            .id(self.target.id);
        let mut deleted = Vec::new();
        for row in transaction.query_all_raw(sql.build(backend)).await? {
            let group: Uuid = row.try_get("", "group_id")?;
            match row.try_get::<Option<Uuid>>("", "live")? {
                None => deleted.push(group),
                Some(_) if locked.binary_search(&group).is_ok() => {}
                // It came into this group after the groups were locked, or the group came back: from the start.
                Some(_) => return Err(StoreError::contention()),
            }
        }
        for some in deleted.chunks(BATCH) {
            let sql = Sql::new("SELECT id FROM deleted_resource WHERE directory_id = ").id(self.by.directory);
            let sql = sql.text(" AND id IN ").ids(some).text(" ORDER BY id").text(for_share(backend));
            if transaction.query_all_raw(sql.build(backend)).await?.len() < some.len() {
                return Err(StoreError::contention());
            }
        }
        Ok(())
    }

    /// The live groups that the resource is in, locked before the resource itself, as a change of members locks first
    /// the group and then its members: two that meet then wait and do not stop each other. In the order of their ids,
    /// for two deletions.
    async fn lock_groups(&self, transaction: &Transaction) -> Result<Vec<Uuid>, StoreError> {
        self.group_ids(transaction, for_update(transaction.get_database_backend())).await
    }

    async fn group_ids(&self, transaction: &Transaction, lock: &str) -> Result<Vec<Uuid>, StoreError> {
        let sql = self.groups(Sql::new("SELECT id FROM resource")).text(" ORDER BY id").text(lock);
        let rows = transaction.query_all_raw(sql.build(transaction.get_database_backend())).await?;
        rows.iter().map(|row| row.try_get("", "id").map_err(StoreError::from)).collect()
    }

    /// Restricts `sql` to the live groups that the resource is in; a group that is in itself needs no farewell.
    fn groups(&self, sql: Sql) -> Sql {
        sql.text(" WHERE directory_id = ")
            .id(self.by.directory)
            .text(" AND id <> ")
            .id(self.target.id)
            .text(" AND id IN (SELECT m.group_id FROM member m WHERE m.directory_id = ")
            .id(self.by.directory)
            .text(" AND m.member_id = ")
            .id(self.target.id)
            .text(")")
    }

    /// In itself, or in a group that was deleted and not purged yet.
    async fn is_member(&self, transaction: &Transaction) -> Result<bool, StoreError> {
        let sql = Sql::new("SELECT group_id FROM member WHERE directory_id = ").id(self.by.directory);
        let sql = sql.text(" AND member_id = ").id(self.target.id).text(" LIMIT 1");
        Ok(transaction.query_one_raw(sql.build(transaction.get_database_backend())).await?.is_some())
    }

    /// Moves the row to where deleted ones lie; its index rows and claims go with it.
    async fn move_aside(
        &self,
        transaction: &Transaction,
        gone: &StoredResource,
        at: Timestamp,
        groups: &[Uuid],
    ) -> Result<(), StoreError> {
        let backend = transaction.get_database_backend();
        let erase_at = (self.by.policies.delete == OnDelete::Erase).then_some(at.as_micros());
        let keep = Sql::new("INSERT INTO deleted_resource (directory_id, id, kind, version, created_at, modified_at,")
            .text(" name_key, external_id, active, document, deleted_at, member_of, former_names, erase_at)")
            .text(" SELECT r.directory_id, r.id, r.kind, r.version, r.created_at, r.modified_at,")
            .text(" r.name_key, r.external_id, r.active, r.document, ")
            .text(&at.as_micros().to_string())
            .text(", ")
            .value(json!(groups).to_string())
            .text(", ")
            .part(&former_names::column(backend, self.by.directory, &Sql::new("r.id")))
            .text(", ")
            .text(&erase_at.map_or_else(|| "NULL".to_owned(), |at| at.to_string()))
            .text(" FROM resource r WHERE r.directory_id = ")
            .id(self.by.directory)
            .text(" AND r.id = ")
            .id(gone.id);
        transaction.execute_raw(keep.build(backend)).await?;
        let erase = Sql::new("DELETE FROM resource WHERE directory_id = ").id(self.by.directory);
        transaction.execute_raw(erase.text(" AND id = ").id(gone.id).build(backend)).await?;
        Ok(())
    }
}
