//! What somebody changed in a directory, found by walking back through its events: a question that is asked so seldom that
//! no index is kept for it.

use std::collections::{BTreeSet, VecDeque};

use rollcall_access::Actor;
use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, Directory, Resource},
};
use rollcall_scim::schema::KindId;
use sea_orm::QueryResult;
use uuid::Uuid;

use super::TenantStore;
use crate::{Operation, StoreError, statement::Sql};

/// One change that somebody made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeBy {
    /// When.
    pub at: Timestamp,
    /// What was changed.
    pub resource: Id<Resource>,
    /// Its type.
    pub kind: KindId,
    /// How.
    pub operation: Operation,
    /// Its version since.
    pub version: i64,
    /// With which request.
    pub request_id: String,
}

/// What somebody changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangesBy {
    /// How many changes there were in all.
    pub total: u64,
    /// The last of them, latest first.
    pub last: Vec<ChangeBy>,
}

/// How many rows one statement reads.
const PAGE: u32 = 2_000;

const COLUMNS: &str = "SELECT resource_id, version, kind, operation, at, request_id, actor";

impl TenantStore {
    /// What was changed with a credential since `since`: the count of all, and the last `most` of them. Reads the whole
    /// directory's changes since then, in pages, and keeps no more than it returns.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn changes_by(
        &self,
        directory: Id<Directory>,
        credential: Id<Credential>,
        since: Timestamp,
        most: usize,
    ) -> Result<ChangesBy, StoreError> {
        self.owns(directory).await?;
        let actor = Actor::Credential(credential).to_string();
        // What gets its number in between is seen twice and counted once; the other way round it would be missed.
        let mut found = Found { since, most, total: 0, last: VecDeque::new() };
        let waiting = self.waiting_changes(directory, &actor, &mut found).await?;
        let mut before = i64::MAX;
        loop {
            let sql = Sql::new(COLUMNS).text(", seq FROM event WHERE directory_id = ").id(directory);
            let sql = sql.text(" AND seq < ").value(before).text(" ORDER BY seq DESC LIMIT ").value(i64::from(PAGE));
            let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
            let Some(last) = rows.last() else { break };
            before = last.try_get("", "seq")?;
            let mut is_over = true;
            for row in &rows {
                let change = change(row)?;
                is_over &= change.at < since;
                let key = (change.resource.as_uuid(), change.version);
                if row.try_get::<String>("", "actor")? == actor && !waiting.contains(&key) {
                    found.add(change);
                }
            }
            // Numbers are in the order of time but for what was committed at about the same moment.
            if is_over {
                break;
            }
        }
        Ok(ChangesBy { total: found.total, last: found.last.into() })
    }

    /// Those that have no number yet.
    async fn waiting_changes(
        &self,
        directory: Id<Directory>,
        actor: &str,
        found: &mut Found,
    ) -> Result<BTreeSet<(Uuid, i64)>, StoreError> {
        let (mut keys, mut after) = (BTreeSet::new(), (Uuid::nil(), 0_i64));
        loop {
            let sql = Sql::new(COLUMNS).text(" FROM outbox WHERE directory_id = ").id(directory);
            let sql = sql.text(" AND (resource_id, version) > (").value(after.0).text(", ").value(after.1);
            let sql = sql.text(") ORDER BY resource_id, version LIMIT ").value(i64::from(PAGE));
            let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
            for row in &rows {
                let change = change(row)?;
                after = (change.resource.as_uuid(), change.version);
                if row.try_get::<String>("", "actor")? == actor {
                    keys.insert(after);
                    found.add(change);
                }
            }
            if rows.len() < PAGE as usize {
                return Ok(keys);
            }
        }
    }
}

struct Found {
    since: Timestamp,
    most: usize,
    total: u64,
    /// The latest, latest first.
    last: VecDeque<ChangeBy>,
}

impl Found {
    fn add(&mut self, change: ChangeBy) {
        if change.at < self.since {
            return;
        }
        self.total += 1;
        let place = self.last.partition_point(|other| other.at >= change.at);
        self.last.insert(place, change);
        self.last.truncate(self.most);
    }
}

fn change(row: &QueryResult) -> Result<ChangeBy, StoreError> {
    Ok(ChangeBy {
        at: Timestamp::from_micros(row.try_get("", "at")?),
        resource: Id::from_uuid(row.try_get("", "resource_id")?),
        kind: KindId(row.try_get("", "kind")?),
        operation: Operation::from_number(row.try_get("", "operation")?)
            .ok_or_else(|| StoreError::internal("a change with an unknown operation"))?,
        version: row.try_get("", "version")?,
        request_id: row.try_get("", "request_id")?,
    })
}
