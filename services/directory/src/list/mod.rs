//! Lists: GET on a collection and `/.search` (RFC 7644 §3.4.2, §3.4.3, RFC 9865).

mod crawl;
mod cursor;
mod pages;
mod request;

use std::sync::Arc;

use rollcall_access::Read;
use rollcall_scim::{
    Projection, ScimError,
    filter::{Condition, Filter, ResolvedPath},
    messages::ListResponse,
    schema::ResourceType,
};
use rollcall_store::{DirectoryStore, ListQuery, Listing, Position, Sort};
use serde_json::Value;

pub use self::cursor::CursorKey;
pub(crate) use self::{crawl::CrawlMemory, request::ListRequest};
use crate::{Call, DirectoryService, failure::Failure, represent::shows_groups};

/// One resource type's share of a list.
struct Part {
    kind: Arc<ResourceType>,
    condition: Option<Condition>,
    /// The filter's canonical text, by which a list is known again.
    filter: String,
    sort: Option<Sort>,
    projection: Projection,
}

/// Resources as JSON, with what the answer says around them.
struct Page {
    resources: Vec<Value>,
    total: u64,
    next_cursor: Option<String>,
}

impl DirectoryService {
    /// A page of the resources of these `kinds` that fit. Several kinds come one after the other, each in the order
    /// asked for.
    pub(crate) async fn list(
        &self,
        call: &Call,
        kinds: &[Arc<ResourceType>],
        request: &ListRequest,
    ) -> Result<Value, Failure> {
        for kind in kinds {
            call.may_read(kind)?;
        }
        let parts = self.parts(call, kinds, request)?;
        let store = self.store.directory(&call.authenticated.answer());
        let size = self.limits.page.size(request.count);
        if let Some(cursor) = &request.cursor {
            let page = self.page_by_cursor(call, &store, &parts, cursor, size).await?;
            return Ok(ListResponse {
                total_results: page.total,
                next_cursor: page.next_cursor,
                resources: page.resources,
                ..ListResponse::default()
            }
            .to_json());
        }
        let start_index = u64::try_from(request.start_index.unwrap_or(1)).unwrap_or(1).max(1);
        let page = self.page_by_index(call, &store, &parts, start_index - 1, size).await?;
        Ok(ListResponse {
            total_results: page.total,
            start_index: Some(start_index),
            resources: page.resources,
            ..ListResponse::default()
        }
        .to_json())
    }

    fn parts(&self, call: &Call, kinds: &[Arc<ResourceType>], request: &ListRequest) -> Result<Vec<Part>, ScimError> {
        let filter = request.filter.as_deref().map(|text| Filter::parse(text, &self.limits.scim)).transpose()?;
        let mut parts = Vec::with_capacity(kinds.len());
        let mut refused = None;
        for kind in kinds {
            match self.part(call, kind, filter.as_ref(), request) {
                Ok(part) => parts.push(part),
                // In a search over several types an attribute that one type lacks only means: none of these.
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        match refused {
            Some(error) if parts.is_empty() => Err(error),
            _ => Ok(parts),
        }
    }

    fn part(
        &self,
        call: &Call,
        kind: &Arc<ResourceType>,
        filter: Option<&Filter>,
        request: &ListRequest,
    ) -> Result<Part, ScimError> {
        let sort = request.sort_by.as_deref().map(|text| {
            ResolvedPath::find(kind, text, &call.leniency)
                .and_then(ResolvedPath::comparable)
                .map(|path| Sort { path, descending: request.descending })
        });
        Ok(Part {
            kind: Arc::clone(kind),
            condition: filter.map(|filter| filter.resolve(kind, &call.leniency)).transpose()?,
            filter: filter.map(Filter::to_string).unwrap_or_default(),
            sort: sort.transpose()?,
            projection: request.projection(call, kind)?,
        })
    }

    async fn fetch(
        &self,
        store: &DirectoryStore<Read>,
        part: &Part,
        position: Position,
        count: u32,
    ) -> Result<Listing, Failure> {
        let query = ListQuery {
            resource_type: Arc::clone(&part.kind),
            condition: part.condition.clone(),
            sort: part.sort.clone(),
            position,
            count,
        };
        let with_groups = shows_groups(&part.kind, &part.projection);
        Ok(store.clone().with_groups(with_groups).list(&query).await?)
    }

    async fn append(
        &self,
        call: &Call,
        store: &DirectoryStore<Read>,
        part: &Part,
        listing: &Listing,
        page: &mut Page,
    ) -> Result<(), Failure> {
        page.total += listing.total;
        let presented = self.present_all(call, store, &part.kind, &listing.resources, &part.projection).await?;
        page.resources.extend(presented.into_iter().map(|shown| Value::Object(shown.body)));
        Ok(())
    }
}
