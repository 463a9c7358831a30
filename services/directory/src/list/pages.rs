//! Pages by index, by cursor, and how a list is known again.

use rollcall_access::Read;
use rollcall_store::{DirectoryStore, PageKey, Position};
use sha2::{Digest, Sha256};

use super::{Page, Part, crawl::Crawl, cursor::Cursor};
use crate::{Call, DirectoryService, failure::Failure};

impl DirectoryService {
    pub(super) async fn page_by_index(
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

    pub(super) async fn page_by_cursor(
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
