//! Lists: GET on a collection and `/.search` (RFC 7644 §3.4.2, §3.4.3, RFC 9865).

use std::sync::Arc;

use rollcall_access::Read;
use rollcall_scim::{
    Projection, ScimError, ScimType,
    filter::{Condition, Filter, ResolvedPath},
    messages::{ListResponse, SearchRequest},
    schema::ResourceType,
};
use rollcall_store::{DirectoryStore, ListQuery, Listing, PageKey, Position, Sort};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{Call, DirectoryService, crawl::Crawl, cursor::Cursor, failure::Failure};

/// The query parameters of a list, also of `/.search`.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListRequest {
    pub(crate) filter: Option<String>,
    pub(crate) sort_by: Option<String>,
    pub(crate) descending: bool,
    pub(crate) start_index: Option<i64>,
    pub(crate) count: Option<i64>,
    pub(crate) cursor: Option<String>,
    pub(crate) attributes: Option<Vec<String>>,
    pub(crate) excluded_attributes: Option<Vec<String>>,
}

impl ListRequest {
    /// From decoded name–value pairs. Names in any case (some clients send `startindex`); others are ignored, among
    /// them Entra's `aadOptscim062020`.
    pub(crate) fn from_parameters(parameters: &[(String, String)]) -> Result<Self, ScimError> {
        let mut request = Self::default();
        for (name, value) in parameters {
            match name.to_ascii_lowercase().as_str() {
                "filter" => request.filter = Some(value.clone()).filter(|text| !text.trim().is_empty()),
                "sortby" => request.sort_by = Some(value.clone()).filter(|text| !text.is_empty()),
                "sortorder" => request.descending = descending(value)?,
                "startindex" => request.start_index = Some(number("startIndex", value)?),
                "count" => request.count = Some(number("count", value)?),
                "cursor" => request.cursor = Some(value.clone()),
                "attributes" => request.attributes = Some(names(value)),
                "excludedattributes" => request.excluded_attributes = Some(names(value)),
                _ => {}
            }
        }
        Ok(request)
    }

    /// What of a resource the client wants to see.
    pub(crate) fn projection(&self, call: &Call, kind: &ResourceType) -> Result<Projection, ScimError> {
        let (attributes, excluded) = (self.attributes.as_deref(), self.excluded_attributes.as_deref());
        Projection::from_lists(kind, attributes, excluded, &call.leniency)
    }
}

impl From<SearchRequest> for ListRequest {
    fn from(search: SearchRequest) -> Self {
        Self {
            filter: search.filter.filter(|text| !text.trim().is_empty()),
            sort_by: search.sort_by.filter(|text| !text.is_empty()),
            descending: search.descending,
            start_index: search.start_index,
            count: search.count,
            cursor: search.cursor,
            attributes: search.attributes,
            excluded_attributes: search.excluded_attributes,
        }
    }
}

fn names(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn number(name: &str, value: &str) -> Result<i64, ScimError> {
    value.trim().parse().map_err(|_| {
        ScimError::bad_request(ScimType::InvalidValue, format!("The parameter {name} takes a whole number."))
    })
}

fn descending(value: &str) -> Result<bool, ScimError> {
    match value.to_ascii_lowercase().as_str() {
        "ascending" | "" => Ok(false),
        "descending" => Ok(true),
        _ => Err(ScimError::bad_request(
            ScimType::InvalidValue,
            "The parameter sortOrder is \"ascending\" or \"descending\".",
        )),
    }
}

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
        let parts = self.parts(call, kinds, request)?;
        let store = self.store.directory(&call.authenticated.read());
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

    async fn page_by_index(
        &self,
        call: &Call,
        store: &DirectoryStore<Read>,
        parts: &[Part],
        skip: u64,
        size: u32,
    ) -> Result<Page, Failure> {
        let mut page = Page { resources: Vec::new(), total: 0, next_cursor: None };
        let (mut skip, mut room) = (skip, size);
        for part in parts {
            let crawl = Crawl {
                directory: call.authenticated.directory(),
                kind: part.kind.kind,
                query: digest(std::slice::from_ref(part)),
            };
            let position = match (skip, self.crawl.place(&crawl, skip)) {
                (1.., Some(place)) if room > 0 => Position::After(place),
                _ => Position::Skip(skip),
            };
            let listing = self.fetch(store, part, position, room).await?;
            let found = u32::try_from(listing.resources.len()).unwrap_or(u32::MAX);
            if let Some(next) = &listing.next {
                self.crawl.remember(crawl, skip + u64::from(found), next.clone());
            }
            self.append(call, store, part, &listing, &mut page).await?;
            skip = skip.saturating_sub(listing.total);
            room -= found.min(room);
        }
        Ok(page)
    }

    async fn page_by_cursor(
        &self,
        call: &Call,
        store: &DirectoryStore<Read>,
        parts: &[Part],
        cursor: &str,
        size: u32,
    ) -> Result<Page, Failure> {
        let directory = call.authenticated.directory();
        let (query, now) = (digest(parts), self.clock.now());
        let start = match cursor {
            "" => Cursor { query, type_index: 0, after: None, expires_at: 0 },
            text => self.cursor_key.open(directory, query, text, now)?,
        };
        let mut page = Page { resources: Vec::new(), total: 0, next_cursor: None };
        let mut next: Option<(usize, Option<PageKey>)> = None;
        let mut room = size;
        for (index, part) in parts.iter().enumerate() {
            let passed = index < start.type_index;
            let position = match &start.after {
                Some(after) if index == start.type_index => Position::After(after.clone()),
                _ => Position::Skip(0),
            };
            let listing = self.fetch(store, part, position, if passed { 0 } else { room }).await?;
            let found = u32::try_from(listing.resources.len()).unwrap_or(u32::MAX);
            self.append(call, store, part, &listing, &mut page).await?;
            if passed || next.is_some() {
                continue;
            }
            if room > 0 && listing.next.is_some() {
                next = listing.next.map(|after| (index, Some(after)));
            } else if room == 0 && size > 0 && listing.total > 0 {
                next = Some((index, None));
            }
            room -= found.min(room);
        }
        if let Some((type_index, after)) = next {
            let expires_at = now.plus(self.limits.cursor_lifetime).as_micros();
            let cursor = Cursor { query, type_index, after, expires_at };
            page.next_cursor = Some(self.cursor_key.seal(directory, &cursor)?);
        }
        Ok(page)
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
        Ok(store.list(&query).await?)
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
        self.limits.check_page(listing.resources.iter().map(|resource| &resource.document))?;
        let presented = self.present_all(call, store, &part.kind, &listing.resources, &part.projection).await?;
        page.resources.extend(presented.into_iter().map(|shown| Value::Object(shown.body)));
        Ok(())
    }
}

/// What makes two lists the same list: types, filter and order. Not the page size, which may change on the way.
fn digest(parts: &[Part]) -> [u8; 16] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.kind.endpoint.as_bytes());
        digest.update([0]);
        digest.update(&part.filter);
        digest.update([0]);
        if let Some(sort) = &part.sort {
            digest.update(sort.path.to_string());
            digest.update([u8::from(sort.descending)]);
        }
        digest.update([0]);
    }
    let mut short = [0; 16];
    short.copy_from_slice(&digest.finalize()[..16]);
    short
}
