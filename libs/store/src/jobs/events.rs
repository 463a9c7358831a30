//! For tests: reading a directory's events. Nothing that is served does so yet.

use std::collections::BTreeMap;

use rollcall_base::{
    Id, Timestamp,
    marker::{Directory, Resource},
};
use rollcall_scim::schema::KindId;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;

use super::Operation;
use crate::{
    StoreError,
    entity::{event, event_member},
    store::Inner,
};

/// What a user was called before a change and since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// The `userName` before.
    pub from: String,
    /// The `userName` since.
    pub to: String,
}

/// One accepted change, in its directory's order.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    /// Its place in the directory's order: 1, 2, 3 …
    pub seq: i64,
    /// What was changed.
    pub resource: Id<Resource>,
    /// The resource's type.
    pub kind: KindId,
    /// How.
    pub operation: Operation,
    /// The resource's version since.
    pub version: i64,
    /// The one before; none if it was created.
    pub previous_version: Option<i64>,
    /// Who.
    pub actor: String,
    /// With which request.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
    /// Whether a password came (and was dropped).
    pub password_sent: bool,
    /// Each changed path: a list of `{"path", "before", "after"}`. Of a resource that was erased only
    /// `{"path", "erased": true}` is left.
    pub changes: Value,
    /// For [`Operation::Rename`], until the user is erased.
    pub renamed: Option<Renamed>,
    /// Members that came.
    pub members_added: Vec<Id<Resource>>,
    /// Members that went. The members of a group that was deleted or restored are not listed: they went or came with it.
    pub members_removed: Vec<Id<Resource>>,
}

type Ids = Vec<Id<Resource>>;

pub(super) async fn read(
    inner: &Inner,
    directory: Id<Directory>,
    after_seq: i64,
    limit: u32,
) -> Result<Vec<EventRecord>, StoreError> {
    let rows = event::Entity::find()
        .filter(event::Column::DirectoryId.eq(directory.as_uuid()))
        .filter(event::Column::Seq.gt(after_seq))
        .order_by_asc(event::Column::Seq)
        .limit(u64::from(limit))
        .all(inner.reader())
        .await?;
    let mut events = Vec::with_capacity(rows.len());
    for some in rows.chunks(200) {
        let wanted = some.iter().fold(Condition::any(), |wanted, row| {
            let one = Condition::all().add(event_member::Column::ResourceId.eq(row.resource_id));
            wanted.add(one.add(event_member::Column::Version.eq(row.version)))
        });
        let members = event_member::Entity::find()
            .filter(event_member::Column::DirectoryId.eq(directory.as_uuid()))
            .filter(wanted)
            .order_by_asc(event_member::Column::Chunk)
            .all(inner.reader())
            .await?;
        let mut lists: BTreeMap<_, (Ids, Ids)> = BTreeMap::new();
        for row in members {
            let (added, removed) = lists.entry((row.resource_id, row.version)).or_default();
            added.extend(json::<Ids>(&row.added)?);
            removed.extend(json::<Ids>(&row.removed)?);
        }
        for row in some {
            let (added, removed) = lists.remove(&(row.resource_id, row.version)).unwrap_or_default();
            events.push(record(row, added, removed)?);
        }
    }
    Ok(events)
}

fn record(
    row: &event::Model,
    members_added: Vec<Id<Resource>>,
    members_removed: Vec<Id<Resource>>,
) -> Result<EventRecord, StoreError> {
    let operation = Operation::from_number(row.operation)
        .ok_or_else(|| StoreError::internal("an event with an unknown operation"))?;
    let changes: Value = json(&row.changes)?;
    Ok(EventRecord {
        seq: row.seq,
        resource: Id::from_uuid(row.resource_id),
        kind: KindId(row.kind),
        operation,
        version: row.version,
        previous_version: row.previous_version,
        actor: row.actor.clone(),
        request_id: row.request_id.clone(),
        at: Timestamp::from_micros(row.at),
        password_sent: row.password_sent,
        renamed: (operation == Operation::Rename).then(|| renamed(&changes)).flatten(),
        changes,
        members_added,
        members_removed,
    })
}

fn renamed(changes: &Value) -> Option<Renamed> {
    let name = changes.as_array()?.iter().find(|change| change["path"] == "userName")?;
    let text = |field: &str| name[field].as_str().map(str::to_owned);
    Some(Renamed { from: text("before")?, to: text("after")? })
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::internal(format!("a stored event is not JSON: {error}")))
}
