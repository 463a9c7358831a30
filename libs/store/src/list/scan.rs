//! A list that no index serves wholly: a bounded number of rows is looked at, each evaluated in memory. Never a partial
//! answer: above the bound the client is told.

use std::collections::HashMap;

use rollcall_access::Access;
use rollcall_base::{Id, marker::Resource};
use rollcall_scim::{Envelope, filter::Condition, represent};
use serde_json::{Map, Value, json};

use super::{indexed, order::Order, too_many, total};
use crate::{
    DirectoryStore, ListQuery, Listing, PageKey, Position, StoreError, StoredResource,
    directory::{element, select, stored},
    filter::{Context, Narrowing, mentions},
    statement::BATCH,
};

/// Rows of one statement.
const CHUNK: u32 = 200;

/// Groups that the users of one statement may be in, all together.
const GROUPS: u32 = 100_000;

pub(super) async fn run<A: Access>(
    store: &DirectoryStore<A>,
    context: Context<'_>,
    query: &ListQuery,
    narrowing: Option<&Narrowing>,
    order: &Order<'_>,
) -> Result<Listing, StoreError> {
    let most = store.inner.scan_rows;
    let too_many = || too_many::error(context, query, order.path(), most);
    // What is known to be too much is not begun.
    if narrowing.is_none() && total::of(store, &query.resource_type, None).await? > u64::from(most) {
        return Err(too_many());
    }
    let mut found: Vec<PageKey> = Vec::new();
    let (mut looked_at, mut after) = (0, None);
    loop {
        let limit = CHUNK.min(most + 1 - looked_at);
        let chunk = chunk(store, query, narrowing, after, limit).await?;
        looked_at += chunk.len() as u32;
        if looked_at > most {
            return Err(too_many());
        }
        after = chunk.last().map(|resource| resource.id);
        let last = (chunk.len() as u32) < limit;
        let derived = derived(store, query.condition.as_ref(), &chunk).await?.ok_or_else(too_many)?;
        for (resource, derived) in chunk.into_iter().zip(derived) {
            let representation = representation(query, &resource, derived);
            if query.condition.as_ref().is_none_or(|condition| condition.matches(&representation)) {
                found.push(order.key(&resource, Some(&representation)));
            }
        }
        if last {
            break;
        }
    }
    let total = found.len() as u64;
    let mut keys = cut(found, query, order);
    let more = keys.len() > query.count as usize;
    keys.truncate(query.count as usize);
    let next = keys.last().filter(|_| more).cloned();
    Ok(Listing { resources: read(store, &keys).await?, total, next })
}

/// The page of all that was found, and one more if there is one.
fn cut(mut found: Vec<PageKey>, query: &ListQuery, order: &Order<'_>) -> Vec<PageKey> {
    let place = |key: &PageKey| (key.value.clone(), key.id);
    found.sort_by_cached_key(place);
    if order.descending {
        found.reverse();
    }
    let begins = match &query.position {
        Position::Skip(skip) => usize::try_from(*skip).unwrap_or(usize::MAX),
        Position::After(last) if order.descending => found.partition_point(|key| place(key) >= place(last)),
        Position::After(last) => found.partition_point(|key| place(key) <= place(last)),
    };
    found.into_iter().skip(begins).take(query.count as usize + 1).collect()
}

/// The resources of the page, in its order. Only keys were kept while looking, so that a scan needs little memory; one
/// that was deleted since is left out.
async fn read<A: Access>(store: &DirectoryStore<A>, keys: &[PageKey]) -> Result<Vec<StoredResource>, StoreError> {
    let mut resources = HashMap::new();
    let ids: Vec<_> = keys.iter().map(|key| key.id.as_uuid()).collect();
    for some in ids.chunks(BATCH) {
        let sql = store.select().text(" FROM resource r WHERE r.directory_id = ");
        let sql = sql.id(store.directory).text(" AND r.id IN ").ids(some);
        let read = store.inner.resources_within_bounds(sql.build(store.backend())).await?;
        let read = read.ok_or_else(|| too_many::bytes(store.inner.list_bytes))?;
        resources.extend(read.into_iter().map(|resource| (resource.id, resource)));
    }
    Ok(keys.iter().filter_map(|key| resources.remove(&key.id)).collect())
}

async fn chunk<A: Access>(
    store: &DirectoryStore<A>,
    query: &ListQuery,
    narrowing: Option<&Narrowing>,
    after: Option<Id<Resource>>,
    limit: u32,
) -> Result<Vec<StoredResource>, StoreError> {
    let mut sql = select(store.backend(), store.directory, false).part(&indexed::from(store, query, narrowing));
    if let Some(after) = after {
        sql = sql.text(" AND r.id > ").id(after);
    }
    let sql = sql.text(" ORDER BY r.id LIMIT ").value(i64::from(limit));
    store.inner.rows(sql.build(store.backend())).await?.iter().map(stored).collect()
}

/// `members` or `groups` of each resource, where the condition names them. None if they are too many.
async fn derived<A: Access>(
    store: &DirectoryStore<A>,
    condition: Option<&Condition>,
    chunk: &[StoredResource],
) -> Result<Option<Vec<Map<String, Value>>>, StoreError> {
    let mut derived = vec![Map::new(); chunk.len()];
    let Some(condition) = condition else { return Ok(Some(derived)) };
    let ids: Vec<Id<Resource>> = chunk.iter().map(|resource| resource.id).collect();
    if mentions(condition, "members") {
        let Some(mut members) = store.members_of(&ids, store.inner.scan_rows).await? else { return Ok(None) };
        for (id, derived) in ids.iter().zip(&mut derived) {
            let members = members.remove(id).unwrap_or_default().into_iter();
            let elements: Vec<Value> =
                members.map(|member| element(member.id.as_uuid(), member.kind, member.display).into()).collect();
            derived.insert("members".to_owned(), elements.into());
        }
    }
    if mentions(condition, "groups") {
        let Some(mut groups) = store.groups_of(&ids, GROUPS).await? else { return Ok(None) };
        for (id, derived) in ids.iter().zip(&mut derived) {
            let groups = groups.remove(id).unwrap_or_default().into_iter();
            let elements: Vec<Value> = groups
                .map(|group| {
                    let kind = if group.direct { "direct" } else { "indirect" };
                    json!({ "value": group.id, "display": group.display, "type": kind })
                })
                .collect();
            derived.insert("groups".to_owned(), elements.into());
        }
    }
    Ok(Some(derived))
}

/// What conditions are evaluated on. Address and ETag are the edge's: no condition finds them here.
fn representation(query: &ListQuery, resource: &StoredResource, derived: Map<String, Value>) -> Value {
    let envelope = Envelope {
        id: &resource.id.to_string(),
        resource_type: &query.resource_type,
        version: "",
        created: resource.created_at,
        last_modified: resource.modified_at,
        location: "",
    };
    represent(&envelope, &resource.document, derived).into()
}
