//! Where a crawl by `startIndex` left off, so that the next page is read from there and not counted to.
//!
//! Nothing depends on it being there: without it the store skips to the index instead.

use std::time::Duration;

use rollcall_base::{Id, marker};
use rollcall_scim::schema::KindId;
use rollcall_store::PageKey;

/// One list of one directory, as a client walks through it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Crawl {
    pub(crate) directory: Id<marker::Directory>,
    pub(crate) kind: KindId,
    /// Digest of the filter and the order.
    pub(crate) query: [u8; 16],
}

/// The last places that crawls reached.
#[derive(Clone)]
pub(crate) struct CrawlMemory(moka::sync::Cache<(Crawl, u64), PageKey>);

impl CrawlMemory {
    /// Long enough for the slowest client between two pages.
    const KEPT: Duration = Duration::from_secs(300);
    const PLACES: u64 = 100_000;

    pub(crate) fn new() -> Self {
        Self(moka::sync::Cache::builder().max_capacity(Self::PLACES).time_to_live(Self::KEPT).build())
    }

    /// The key of the row before the one with this many rows ahead of it.
    pub(crate) fn place(&self, crawl: &Crawl, skip: u64) -> Option<PageKey> {
        self.0.get(&(crawl.clone(), skip))
    }

    /// `next` is where the row with `skip` rows ahead of it begins.
    pub(crate) fn remember(&self, crawl: Crawl, skip: u64, next: PageKey) {
        self.0.insert((crawl, skip), next);
    }
}
