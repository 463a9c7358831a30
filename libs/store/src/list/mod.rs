//! Lists: pages in a stable order, with exact totals.

mod indexed;
mod order;
mod scan;
mod too_many;
mod total;

use rollcall_access::Access;

use crate::{DirectoryStore, ListQuery, Listing, PageKey, StoreError, StoredResource, filter::Context};

/// Lists from an index where one serves the condition and the order; else from a bounded scan.
pub(crate) async fn run<A: Access>(store: &DirectoryStore<A>, query: &ListQuery) -> Result<Listing, StoreError> {
    let context = Context { backend: store.backend(), directory: store.directory, resource_type: &query.resource_type };
    let narrowing = query.condition.as_ref().and_then(|condition| context.narrow(condition));
    let exact = query.condition.is_none() || narrowing.as_ref().is_some_and(|narrowing| narrowing.exact);
    let order = order::Order::of(&query.resource_type, query.sort.as_ref());
    match order.column() {
        Some(column) if exact => indexed::run(store, query, narrowing.as_ref(), &order, column).await,
        _ => scan::run(store, context, query, narrowing.as_ref(), &order).await,
    }
}

/// Cuts the one row too many that tells that there is a next page.
fn page(
    mut resources: Vec<StoredResource>,
    count: u32,
    key: impl Fn(&StoredResource) -> PageKey,
) -> (Vec<StoredResource>, Option<PageKey>) {
    let more = resources.len() > count as usize;
    resources.truncate(count as usize);
    let next = resources.last().filter(|_| more).map(key);
    (resources, next)
}
