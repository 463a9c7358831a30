//! What somebody changed in a directory, found by walking back through its events: a question that is asked so seldom that
//! no index is kept for it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    str::FromStr,
};

use rollcall_access::Actor;
use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, Directory, Resource},
};
use rollcall_scim::schema::KindId;
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{Holder, TenantStore};
use crate::{
    Operation, StoreError,
    statement::{BATCH, Sql},
    store::Inner,
};

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
    /// With which credential.
    pub credential: Id<Credential>,
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
    /// What somebody changed since `since`: the count of all, and the last `most` of them. Reads the whole directory's
    /// changes since then, in pages, and keeps no more than it returns.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn changes_by(
        &self,
        directory: Id<Directory>,
        holder: impl Into<Holder>,
        since: Timestamp,
        most: usize,
    ) -> Result<ChangesBy, StoreError> {
        self.owns(directory).await?;
        let mut authors = Authors { directory, holder: holder.into(), known: BTreeMap::new() };
        // What gets its number in between is seen twice and counted once; the other way round it would be missed.
        let mut found = Found { since, most, total: 0, last: VecDeque::new() };
        let waiting = self.waiting_changes(&mut authors, &mut found).await?;
        let mut before = i64::MAX;
        loop {
            let sql = Sql::new(COLUMNS).text(", seq FROM event WHERE directory_id = ").id(directory);
            let sql = sql.text(" AND seq < ").value(before).text(" ORDER BY seq DESC LIMIT ").value(i64::from(PAGE));
            let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
            let Some(last) = rows.last() else { break };
            before = last.try_get("", "seq")?;
            let mut is_over = true;
            for row in &rows {
                is_over &= Timestamp::from_micros(row.try_get("", "at")?) < since;
            }
            for change in authors.changes(&self.inner, &rows).await? {
                if !waiting.contains(&(change.resource.as_uuid(), change.version)) {
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
        authors: &mut Authors,
        found: &mut Found,
    ) -> Result<BTreeSet<(Uuid, i64)>, StoreError> {
        let (mut keys, mut after) = (BTreeSet::new(), (Uuid::nil(), 0_i64));
        loop {
            let sql = Sql::new(COLUMNS).text(" FROM outbox WHERE directory_id = ").id(authors.directory);
            let sql = sql.text(" AND (resource_id, version) > (").value(after.0).text(", ").value(after.1);
            let sql = sql.text(") ORDER BY resource_id, version LIMIT ").value(i64::from(PAGE));
            let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
            if let Some(last) = rows.last() {
                after = (last.try_get("", "resource_id")?, last.try_get("", "version")?);
            }
            for change in authors.changes(&self.inner, &rows).await? {
                keys.insert((change.resource.as_uuid(), change.version));
                found.add(change);
            }
            if rows.len() < PAGE as usize {
                return Ok(keys);
            }
        }
    }
}

/// Whose changes are looked for: an event names the token, and of an OAuth client's tokens there are many, known as they are
/// met.
struct Authors {
    directory: Id<Directory>,
    holder: Holder,
    /// The credentials that were met, and whether their changes are looked for.
    known: BTreeMap<Uuid, bool>,
}

impl Authors {
    /// Those of `rows` that are looked for, in their order.
    async fn changes(&mut self, inner: &Inner, rows: &[QueryResult]) -> Result<Vec<ChangeBy>, StoreError> {
        let mut by_credential = Vec::new();
        for row in rows {
            if let Some(credential) = credential(&row.try_get::<String>("", "actor")?) {
                by_credential.push((row, credential));
            }
        }
        let met: BTreeSet<Uuid> = by_credential.iter().map(|(_, credential)| credential.as_uuid()).collect();
        let new: Vec<Uuid> = met.into_iter().filter(|credential| !self.known.contains_key(credential)).collect();
        self.learn(inner, &new).await?;
        let wanted = by_credential.into_iter().filter(|(_, credential)| self.known[&credential.as_uuid()]);
        wanted.map(|(row, credential)| change(row, credential)).collect()
    }

    async fn learn(&mut self, inner: &Inner, credentials: &[Uuid]) -> Result<(), StoreError> {
        self.known.extend(credentials.iter().map(|credential| (*credential, false)));
        let client = match self.holder {
            Holder::Token(token) => {
                self.known.insert(token.as_uuid(), true);
                return Ok(());
            }
            Holder::Client(client) => client,
        };
        for some in credentials.chunks(BATCH) {
            // The erased ones last: what is erased in between is seen there.
            let live = Sql::new("SELECT id FROM credential WHERE oauth_client_id = ").id(client);
            let live = live.text(" AND id IN ").ids(some);
            let past = Sql::new("SELECT credential_id AS id FROM past_access_token WHERE directory_id = ");
            let past = past.id(self.directory).text(" AND oauth_client_id = ").id(client);
            let past = past.text(" AND credential_id IN ").ids(some);
            for sql in [live, past] {
                for row in inner.rows(sql.build(inner.backend())).await? {
                    self.known.insert(row.try_get("", "id")?, true);
                }
            }
        }
        Ok(())
    }
}

/// The credential that is meant by an actor as [`Actor`] spells it.
fn credential(actor: &str) -> Option<Id<Credential>> {
    let id = Id::from_str(actor.strip_prefix("credential:")?).ok()?;
    (Actor::Credential(id).to_string() == actor).then_some(id)
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

fn change(row: &QueryResult, credential: Id<Credential>) -> Result<ChangeBy, StoreError> {
    Ok(ChangeBy {
        at: Timestamp::from_micros(row.try_get("", "at")?),
        resource: Id::from_uuid(row.try_get("", "resource_id")?),
        kind: KindId(row.try_get("", "kind")?),
        operation: Operation::from_number(row.try_get("", "operation")?)
            .ok_or_else(|| StoreError::internal("a change with an unknown operation"))?,
        version: row.try_get("", "version")?,
        request_id: row.try_get("", "request_id")?,
        credential,
    })
}
