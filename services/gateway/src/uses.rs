//! What is seen of credentials' use, added up until it is reported. Nothing of it is in a request's way.

use std::{
    collections::HashMap,
    hash::Hash,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rollcall_base::{Id, Timestamp, marker};
use rollcall_tokens::{GoodUses, RefusedReason, RefusedUses, Source, Span, Tokens, Uses};

/// How often it is reported.
const EVERY: Duration = Duration::from_secs(5);
/// The most entries of each kind between two reports: what is beyond them is not recorded.
const MOST: usize = 5_000;
/// The most entries in one report.
const AT_ONCE: usize = 500;

/// What was seen since the last report.
#[derive(Debug, Default)]
pub(crate) struct UseLog(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    good: HashMap<GoodKey, GoodCount>,
    refused: HashMap<RefusedKey, (u32, Span)>,
    /// Not recorded for want of room.
    lost: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct GoodKey {
    directory: Id<marker::Directory>,
    credential: Id<marker::Credential>,
    from: Source,
    outside: bool,
}

#[derive(Debug, Clone, Copy)]
struct GoodCount {
    reads: u32,
    writes: u32,
    span: Span,
}

/// What a refused request says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RefusedKey {
    pub(crate) reason: RefusedReason,
    pub(crate) credential: Option<Id<marker::Credential>>,
    pub(crate) url: Option<(String, String)>,
    pub(crate) from: Source,
}

/// A request that was let through.
pub(crate) struct GoodUse {
    pub(crate) directory: Id<marker::Directory>,
    pub(crate) credential: Id<marker::Credential>,
    pub(crate) from: Source,
    pub(crate) outside: bool,
    pub(crate) changes: bool,
}

impl UseLog {
    pub(crate) fn good(&self, used: GoodUse, now: Timestamp) {
        let (reads, writes) = if used.changes { (0, 1) } else { (1, 0) };
        let count = GoodCount { reads, writes, span: Span::of(now.as_micros()) };
        let GoodUse { directory, credential, from, outside, .. } = used;
        let mut seen = self.lock();
        let Seen { good, lost, .. } = &mut *seen;
        add(good, lost, GoodKey { directory, credential, from, outside }, count);
    }

    pub(crate) fn refused(&self, refused: RefusedKey, now: Timestamp) {
        let mut seen = self.lock();
        let Seen { refused: known, lost, .. } = &mut *seen;
        add(known, lost, refused, (1, Span::of(now.as_micros())));
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports to `tokens` from time to time; until it is dropped.
    pub(crate) async fn report_to(&self, tokens: &dyn Tokens) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.report_once(tokens).await;
        }
    }

    /// Reports what there is. What could not be reported is kept for the next time.
    pub(crate) async fn report_once(&self, tokens: &dyn Tokens) {
        let (reports, lost) = self.take();
        if lost > 0 {
            tracing::warn!(uses = lost, "more different uses than can be recorded: these were not");
        }
        let mut reports = reports.into_iter();
        while let Some(report) = reports.next() {
            if let Err(error) = tokens.report(report.clone()).await {
                tracing::warn!(error = %error, "the uses of tokens could not be reported; trying again later");
                self.put_back(report);
                reports.by_ref().for_each(|rest| self.put_back(rest));
            }
        }
    }

    fn take(&self) -> (Vec<Uses>, u64) {
        let Seen { good, refused, lost } = mem::take(&mut *self.lock());
        let good: Vec<GoodUses> = good.into_iter().map(|(key, count)| key.with(count)).collect();
        let refused: Vec<RefusedUses> = refused.into_iter().map(|(key, count)| key.with(count)).collect();
        let of_good = good.chunks(AT_ONCE).map(|some| Uses { good: some.to_vec(), refused: Vec::new() });
        let of_refused = refused.chunks(AT_ONCE).map(|some| Uses { good: Vec::new(), refused: some.to_vec() });
        (of_good.chain(of_refused).collect(), lost)
    }

    fn put_back(&self, uses: Uses) {
        let mut seen = self.lock();
        let Seen { good, refused, lost } = &mut *seen;
        for GoodUses { directory, credential, from, outside, reads, writes, span } in uses.good {
            add(good, lost, GoodKey { directory, credential, from, outside }, GoodCount { reads, writes, span });
        }
        for RefusedUses { reason, credential, url, from, times, span } in uses.refused {
            add(refused, lost, RefusedKey { reason, credential, url, from }, (times, span));
        }
    }
}

trait Count {
    fn add(&mut self, other: Self);
}

impl Count for GoodCount {
    fn add(&mut self, other: Self) {
        self.reads = self.reads.saturating_add(other.reads);
        self.writes = self.writes.saturating_add(other.writes);
        self.span.extend(other.span);
    }
}

impl Count for (u32, Span) {
    fn add(&mut self, (times, span): Self) {
        self.0 = self.0.saturating_add(times);
        self.1.extend(span);
    }
}

fn add<K: Eq + Hash, C: Count>(known: &mut HashMap<K, C>, lost: &mut u64, key: K, count: C) {
    if let Some(sum) = known.get_mut(&key) {
        sum.add(count);
    } else if known.len() < MOST {
        known.insert(key, count);
    } else {
        *lost += 1;
    }
}

impl GoodKey {
    fn with(self, count: GoodCount) -> GoodUses {
        let Self { directory, credential, from, outside } = self;
        GoodUses { directory, credential, from, outside, reads: count.reads, writes: count.writes, span: count.span }
    }
}

impl RefusedKey {
    fn with(self, (times, span): (u32, Span)) -> RefusedUses {
        let Self { reason, credential, url, from } = self;
        RefusedUses { reason, credential, url, from, times, span }
    }
}
