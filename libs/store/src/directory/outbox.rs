//! The row that each change writes in its own transaction, from which its event is made.

use std::collections::BTreeSet;

use rollcall_base::{
    Id, Timestamp,
    marker::{Directory, Resource},
};
use rollcall_scim::{Document, schema::KindId};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Author;
use crate::{
    Memberships, Operation, StoreError,
    entity::{event_member, outbox},
    statement::{BATCH, Sql},
    transaction::Transaction,
};

/// A change of one resource.
pub(super) struct Entry<'a> {
    pub(super) resource: Id<Resource>,
    pub(super) kind: KindId,
    pub(super) operation: Operation,
    pub(super) version: i64,
    pub(super) request_id: &'a str,
    pub(super) at: Timestamp,
    pub(super) password_sent: bool,
    pub(super) changes: Value,
    pub(super) members: &'a MemberChanges,
}

/// Members that came and went, net.
#[derive(Debug, Default)]
pub(super) struct MemberChanges {
    pub(super) added: BTreeSet<Uuid>,
    pub(super) removed: BTreeSet<Uuid>,
    /// Groups were among those that came or went.
    pub(super) nested: bool,
    /// Whom a client named who is nobody, and who was left out.
    pub(super) skipped: BTreeSet<String>,
}

impl MemberChanges {
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// Who is in other groups than before, through them.
    pub(super) fn memberships(&self) -> Memberships {
        if self.nested {
            return Memberships::OfGroups;
        }
        Memberships::Of(self.added.iter().chain(&self.removed).copied().map(Id::from_uuid).collect())
    }

    /// `id` came; if it went before, nothing happened in all.
    pub(super) fn add(&mut self, id: Uuid) {
        if !self.removed.remove(&id) {
            self.added.insert(id);
        }
    }

    /// `id` went; if it came before, nothing happened in all.
    pub(super) fn remove(&mut self, id: Uuid) {
        if !self.added.remove(&id) {
            self.removed.insert(id);
        }
    }
}

/// By what a change's entry is told apart from every other one.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(super) directory: Id<Directory>,
    pub(super) resource: Id<Resource>,
    pub(super) version: i64,
    pub(super) at: Timestamp,
    pub(super) request_id: String,
    pub(super) actor: String,
}

impl Mark {
    /// Whether the entry can be seen, in the outbox or as the event that it became. If so it is locked, which makes the
    /// transaction one that writes.
    pub(crate) async fn lock(&self, transaction: &Transaction) -> Result<bool, StoreError> {
        // Events come from the outbox: in this order it is not missed in between.
        for table in ["outbox", "event"] {
            let sql = Sql::new("SELECT version FROM ")
                .text(table)
                .text(" WHERE directory_id = ")
                .id(self.directory)
                .text(" AND resource_id = ")
                .id(self.resource)
                .text(" AND version = ")
                .value(self.version)
                .text(" AND at = ")
                .value(self.at.as_micros())
                .text(" AND request_id = ")
                .value(self.request_id.as_str())
                .text(" AND actor = ")
                .value(self.actor.as_str())
                .text(" FOR UPDATE");
            if transaction.query_one_raw(sql.build(transaction.get_database_backend())).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What changed between two documents, as the event tells it.
pub(super) fn changes(before: &Document, after: &Document) -> Value {
    let changes = Document::changes(before, after);
    changes
        .into_iter()
        .map(|change| json!({ "path": change.path, "before": change.before, "after": change.after }))
        .collect()
}

/// Writes the row, and the lists of members in pieces of bounded length.
pub(super) async fn write(transaction: &Transaction, by: &Author, entry: Entry<'_>) -> Result<(), StoreError> {
    let row = outbox::ActiveModel {
        directory_id: Set(by.directory.as_uuid()),
        resource_id: Set(entry.resource.as_uuid()),
        version: Set(entry.version),
        previous_version: Set((entry.operation != Operation::Create).then_some(entry.version - 1)),
        kind: Set(entry.kind.0),
        operation: Set(entry.operation.number()),
        delta: Set(entry.operation.delta()),
        actor: Set(by.actor.clone()),
        request_id: Set(entry.request_id.to_owned()),
        at: Set(entry.at.as_micros()),
        password_sent: Set(entry.password_sent),
        changes: Set(entry.changes.to_string()),
    };
    outbox::Entity::insert(row).exec_without_returning(transaction).await?;
    let added: Vec<&Uuid> = entry.members.added.iter().collect();
    let removed: Vec<&Uuid> = entry.members.removed.iter().collect();
    let chunks = added.len().max(removed.len()).div_ceil(BATCH);
    let piece = |ids: &[&Uuid], chunk: usize| {
        let some: Vec<String> = ids.iter().skip(chunk * BATCH).take(BATCH).map(ToString::to_string).collect();
        json!(some).to_string()
    };
    let rows: Vec<_> = (0..chunks)
        .map(|chunk| event_member::ActiveModel {
            directory_id: Set(by.directory.as_uuid()),
            resource_id: Set(entry.resource.as_uuid()),
            version: Set(entry.version),
            chunk: Set(i32::try_from(chunk).unwrap_or(i32::MAX)),
            added: Set(piece(&added, chunk)),
            removed: Set(piece(&removed, chunk)),
        })
        .collect();
    for some in rows.chunks(50) {
        event_member::Entity::insert_many(some.to_vec()).exec_without_returning(transaction).await?;
    }
    Ok(())
}
