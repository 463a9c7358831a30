//! Creating a resource.

use async_trait::async_trait;
use rollcall_scim::{Document, MemberOp, schema::GROUP};
use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::OnConflict};
use serde_json::Value;

use super::{
    Author, draft, index_rows,
    member_ops::{self, Group},
    outbox::{self, MemberChanges},
    revive,
    row::Columns,
    skipped,
};
use crate::{
    Arrival, ChangeFn, Created, NewResource, Operation, StoreError, StoredResource,
    door::{Mutation, Proof},
    entity::{member_set, resource},
    statement::inserted,
    transaction::Transaction,
};

pub(super) struct Create {
    pub(super) new: NewResource,
    /// What becomes of a user that is there already, if the policies let it come back.
    pub(super) revival: Option<ChangeFn>,
    pub(super) by: Author,
}

#[async_trait]
impl Mutation for Create {
    type Output = Created;

    fn bytes(&self) -> usize {
        // A guess that needs no serialising: what counts is that groups of big writes stay small. The document is
        // written twice, to its row and to the event.
        let members = self.new.members.as_ref().map_or(0, |members| members.len() * 64);
        512 + members + self.new.document.attributes().values().map(weight).sum::<usize>() * 2
    }

    fn proof(&self, created: &Created) -> Proof {
        let Created { resource, changed, .. } = created;
        if !changed {
            return Proof::NothingWritten;
        }
        Proof::Entry(self.by.mark(resource.id, resource.version, resource.modified_at, &self.new.request_id))
    }

    async fn run(&self, transaction: &Transaction) -> Result<Created, StoreError> {
        let Self { new, by, .. } = self;
        draft::check(transaction, by).await?;
        let now = by.now();
        if let Some(created) = Box::pin(revive::deleted(self, transaction, now)).await? {
            return Ok(created);
        }
        let created = StoredResource {
            id: by.new_id(now),
            kind: new.resource_type.kind,
            version: 1,
            created_at: now,
            modified_at: now,
            document: new.document.clone(),
            // Nobody could have put it into one yet.
            groups: by.with_groups.then(Vec::new),
        };
        let columns = Columns::of(created.kind, &new.document)?;
        let name_key = columns.name_key.clone();
        let row = resource::ActiveModel {
            directory_id: Set(by.directory.as_uuid()),
            id: Set(created.id.as_uuid()),
            kind: Set(created.kind.0),
            name_key: Set(columns.name_key),
            display: Set(columns.display),
            external_id: Set(columns.external_id),
            active: Set(columns.active),
            version: Set(1),
            created_at: Set(now.as_micros()),
            modified_at: Set(now.as_micros()),
            document: Set(columns.document),
        };
        let nothing = OnConflict::new().do_nothing().to_owned();
        let kept = resource::Entity::insert(row).on_conflict(nothing).exec_without_returning(transaction).await;
        if inserted(kept)? == 0 {
            // The id is fresh: the only other unique index is the one on userName.
            return Box::pin(revive::inactive(self, transaction, &name_key)).await;
        }
        index_rows::claim(transaction, by, &new.resource_type, created.id, new.document.external_id()).await?;
        index_rows::claim_display_name(transaction, by, &new.resource_type, created.id, &name_key).await?;
        let values = index_rows::values(&new.resource_type, &new.document);
        index_rows::insert(transaction, by, created.id, values.iter()).await?;
        let mut members = MemberChanges::default();
        if created.kind == GROUP {
            let anchor = member_set::ActiveModel {
                directory_id: Set(by.directory.as_uuid()),
                group_id: Set(created.id.as_uuid()),
            };
            member_set::Entity::insert(anchor).exec_without_returning(transaction).await?;
            let ops = [MemberOp::Add(new.members.clone().unwrap_or_default())];
            let group = Group { transaction, by, id: created.id };
            member_ops::apply(&group, &ops, &mut members).await?;
            skipped::note(transaction, by, created.id, &members.skipped, now).await?;
        }
        let entry = outbox::Entry {
            resource: created.id,
            kind: created.kind,
            operation: Operation::Create,
            version: 1,
            request_id: &new.request_id,
            at: now,
            password_sent: new.password_sent,
            changes: outbox::changes(&Document::default(), &new.document),
            members: &members,
        };
        outbox::write(transaction, by, entry).await?;
        Ok(Created { resource: created, arrival: Arrival::New, changed: true, skipped: members.skipped.len() })
    }
}

/// About how many bytes a value has as JSON.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(values) => values.iter().map(weight).sum::<usize>() + 2,
        Value::Object(map) => map.iter().map(|(name, value)| name.len() + 4 + weight(value)).sum::<usize>() + 2,
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}
