//! A page whose condition and order indexes serve: reads what it shows, and one row to know whether more follow.

use rollcall_access::Access;
use sea_orm::Value;

use super::{
    order::{Column, Order},
    page, too_many, total,
};
use crate::{
    DirectoryStore, ListQuery, Listing, PageKey, Position, StoreError, filter::Narrowing, resource::SortKey,
    statement::Sql,
};

pub(super) async fn run<A: Access>(
    store: &DirectoryStore<A>,
    query: &ListQuery,
    narrowing: Option<&Narrowing>,
    order: &Order<'_>,
    column: Column,
) -> Result<Listing, StoreError> {
    if query.count == 0 {
        let total = total::of(store, &query.resource_type, narrowing).await?;
        return Ok(Listing { resources: Vec::new(), total, next: None });
    }
    let statement = sql(store, query, narrowing, order, column).build(store.backend());
    let read = store.inner.resources_within_bounds(statement).await?;
    let resources = read.ok_or_else(|| too_many::bytes(store.inner.list_bytes))?;
    let found = resources.len() as u64;
    let (resources, next) = page(resources, query.count, |resource| order.key(resource, None));
    let total = match &query.position {
        // The last page's end is the end of all.
        Position::Skip(skipped) if next.is_none() && (*skipped == 0 || found > 0) => skipped + found,
        _ => total::of(store, &query.resource_type, narrowing).await?,
    };
    Ok(Listing { resources, total, next })
}

fn sql<A: Access>(
    store: &DirectoryStore<A>,
    query: &ListQuery,
    narrowing: Option<&Narrowing>,
    order: &Order<'_>,
    column: Column,
) -> Sql {
    let limit = i64::from(query.count) + 1;
    let by = order_by(order, column);
    let sql = store.select();
    match &query.position {
        Position::Skip(skip) if *skip > 0 => {
            // Rows are skipped in the index; only those of the page are read.
            let skipped = from(store, query, narrowing).text(&by).text(" LIMIT ").value(limit).text(" OFFSET ");
            let skipped = skipped.value(i64::try_from(*skip).unwrap_or(i64::MAX));
            let sql = sql.text(" FROM resource r WHERE r.directory_id = ").id(store.directory);
            sql.text(" AND r.id IN (SELECT r.id").part(&skipped).text(")").text(&by)
        }
        Position::Skip(_) => sql.part(&from(store, query, narrowing)).text(&by).text(" LIMIT ").value(limit),
        Position::After(key) => {
            let sql = after(sql.part(&from(store, query, narrowing)), key, order, column);
            sql.text(&by).text(" LIMIT ").value(limit)
        }
    }
}

/// The rows that the condition leaves.
pub(super) fn from<A: Access>(store: &DirectoryStore<A>, query: &ListQuery, narrowing: Option<&Narrowing>) -> Sql {
    // The type stands in the text: a partial index is taken only for what the text says.
    let sql = Sql::new(" FROM resource r WHERE r.directory_id = ").id(store.directory).text(" AND r.kind = ");
    let sql = sql.text(&query.resource_type.kind.0.to_string());
    match narrowing {
        Some(narrowing) => sql.text(" AND ").part(&narrowing.sql),
        None => sql,
    }
}

fn order_by(order: &Order<'_>, column: Column) -> String {
    let direction = if order.descending { " DESC" } else { "" };
    match column.sql() {
        None => format!(" ORDER BY r.id{direction}"),
        Some(column) => format!(" ORDER BY {column}{direction}, r.id{direction}"),
    }
}

fn after(sql: Sql, key: &PageKey, order: &Order<'_>, column: Column) -> Sql {
    let sign = if order.descending { " < " } else { " > " };
    let value: Option<Value> = match &key.value {
        SortKey::Number(number) => Some((*number).into()),
        SortKey::Text(text) => Some(text.as_str().into()),
        SortKey::None => None,
    };
    match (column.sql(), value) {
        (Some(column), Some(value)) => {
            let sql = sql.text(" AND (").text(column).text(", r.id)").text(sign).text("(").value(value);
            sql.text(", ").id(key.id).text(")")
        }
        _ => sql.text(" AND r.id").text(sign).id(key.id),
    }
}
