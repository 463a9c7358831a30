//! What is seen of credentials' use, added up until it is reported. Nothing of it is in a request's way.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rollcall_base::{Id, Timestamp, marker};
use rollcall_tokens::{GoodUses, RefusedUses, Report, Source, Span, Tokens, Uses};

pub(crate) use self::refused::RefusedKey;
use self::refused::{Refused, RefusedCount};

/// How often it is reported.
const EVERY: Duration = Duration::from_secs(5);
/// The most entries of each kind (good uses, refused ones of what exists, other refused ones) between two reports: what is beyond
/// them is not recorded.
const MOST: usize = 5_000;
/// The most places that one credential, and the most entries that one stranger's address, has between two reports: beyond
/// them a credential's uses are added up without their place, a stranger's are not recorded. Whoever changes his User-Agent with
/// each request takes nobody else's room.
const MOST_EACH: u32 = 20;
/// The most entries that the credentials of one tenant have between two reports: from a half of them on without their places, and
/// beyond them not recorded. An OAuth client can have any number of access tokens, and use each.
const MOST_OF_TENANT: u32 = 500;
/// The most entries in one report.
const AT_ONCE: usize = 500;

/// What was seen since the last report, and the reports that nobody has answered yet.
#[derive(Debug)]
pub(crate) struct UseLog {
    seen: Mutex<Seen>,
    /// In their order. While there is one nothing is taken from what was seen, which goes on being added up, so that neither
    /// grows without bound.
    unanswered: Mutex<VecDeque<Uses>>,
    /// The last report of this process.
    last: Mutex<Report>,
}

#[derive(Debug, Default)]
struct Seen {
    good: HashMap<GoodKey, GoodCount>,
    refused: Refused,
    places: HashMap<Id<marker::Credential>, u32>,
    tenants: HashMap<Id<marker::Tenant>, u32>,
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

/// A request that was let through.
pub(crate) struct GoodUse {
    pub(crate) tenant: Id<marker::Tenant>,
    pub(crate) directory: Id<marker::Directory>,
    pub(crate) credential: Id<marker::Credential>,
    pub(crate) from: Source,
    pub(crate) outside: bool,
    pub(crate) changes: bool,
}

impl UseLog {
    /// What `reporter` saw: nothing yet.
    pub(crate) fn new(reporter: Id<marker::Reporter>) -> Self {
        let last = Mutex::new(Report { reporter, seq: 0 });
        Self { seen: Mutex::default(), unanswered: Mutex::default(), last }
    }

    pub(crate) fn good(&self, used: GoodUse, now: Timestamp) {
        let (reads, writes) = if used.changes { (0, 1) } else { (1, 0) };
        let count = GoodCount { reads, writes, span: Span::of(now.as_micros()) };
        let GoodUse { tenant, directory, credential, from, outside, .. } = used;
        self.lock().add_good(tenant, GoodKey { directory, credential, from, outside }, count);
    }

    pub(crate) fn refused(&self, refused: RefusedKey, agent: &str, now: Timestamp) {
        let agent = Source::new(refused.address, agent).agent;
        let count = RefusedCount { times: 1, span: Span::of(now.as_micros()), agent };
        let seen = &mut *self.lock();
        seen.refused.add(refused, count, &mut seen.lost);
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    /// Reports to `tokens` from time to time; until it is dropped.
    pub(crate) async fn report_to(&self, tokens: &dyn Tokens) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.report_once(tokens).await;
        }
    }

    /// Reports what there is. What was not answered is sent again the next time as it is, because nobody knows whether it was
    /// kept.
    pub(crate) async fn report_once(&self, tokens: &dyn Tokens) {
        if self.send(tokens).await {
            self.take();
            self.send(tokens).await;
        }
    }

    /// Whether all was answered.
    async fn send(&self, tokens: &dyn Tokens) -> bool {
        loop {
            let first = lock(&self.unanswered).front().cloned();
            let Some(report) = first else { return true };
            if let Err(error) = tokens.report(report).await {
                tracing::warn!(error = %error, "the uses of tokens could not be reported; trying again later");
                return false;
            }
            lock(&self.unanswered).pop_front();
        }
    }

    /// Makes reports of what was seen.
    fn take(&self) {
        let Seen { good, refused, lost, .. } = mem::take(&mut *self.lock());
        if lost > 0 {
            tracing::warn!(uses = lost, "more different uses than can be recorded: these were not");
        }
        let good: Vec<GoodUses> = good.into_iter().map(|(key, count)| key.with(count)).collect();
        let refused: Vec<RefusedUses> = refused.into_uses();
        let of_good = good.chunks(AT_ONCE).map(|some| (some.to_vec(), Vec::new()));
        let of_refused = refused.chunks(AT_ONCE).map(|some| (Vec::new(), some.to_vec()));
        let (mut last, mut unanswered) = (lock(&self.last), lock(&self.unanswered));
        for (good, refused) in of_good.chain(of_refused) {
            last.seq += 1;
            unanswered.push_back(Uses { report: Some(*last), good, refused });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is made whole before the lock is let go.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seen {
    fn add_good(&mut self, tenant: Id<marker::Tenant>, mut key: GoodKey, count: GoodCount) {
        if !self.good.contains_key(&key) {
            let (places, entries) =
                (self.places.entry(key.credential).or_default(), self.tenants.entry(tenant).or_default());
            if *places >= MOST_EACH || *entries >= MOST_OF_TENANT / 2 {
                key.from = Source::unknown();
            }
            *places += 1;
            if !self.good.contains_key(&key) {
                if *entries >= MOST_OF_TENANT {
                    self.lost += 1;
                    return;
                }
                *entries += 1;
            }
        }
        add(&mut self.good, &mut self.lost, key, count);
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

mod refused;

#[cfg(test)]
mod tests;
