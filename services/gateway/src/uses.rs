//! What is seen of credentials' use, added up until it is reported. Nothing of it is in a request's way.

use std::{
    collections::HashMap,
    hash::Hash,
    mem,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rollcall_base::{Id, Timestamp, marker};
use rollcall_tokens::{GoodUses, RefusedReason, RefusedUses, Source, Span, Tokens, Uses};

/// How often it is reported.
const EVERY: Duration = Duration::from_secs(5);
/// The most entries of each kind between two reports: what is beyond them is not recorded.
const MOST: usize = 5_000;
/// The most places that one credential, and the most entries that one stranger's address, has between two reports: beyond
/// them a credential's uses are added up without their place, a stranger's are not recorded. Whoever changes his User-Agent with
/// each request takes nobody else's room.
const MOST_EACH: u32 = 20;
/// The most entries in one report.
const AT_ONCE: usize = 500;

/// What was seen since the last report.
#[derive(Debug, Default)]
pub(crate) struct UseLog(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    good: HashMap<GoodKey, GoodCount>,
    refused: HashMap<RefusedKey, RefusedCount>,
    places: HashMap<Id<marker::Credential>, u32>,
    strangers: HashMap<IpAddr, u32>,
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
    pub(crate) address: IpAddr,
}

#[derive(Debug, Clone)]
struct RefusedCount {
    times: u32,
    span: Span,
    /// The last one's.
    agent: String,
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
        self.lock().add_good(GoodKey { directory, credential, from, outside }, count);
    }

    pub(crate) fn refused(&self, refused: RefusedKey, agent: &str, now: Timestamp) {
        let agent = Source::new(refused.address, agent).agent;
        self.lock().add_refused(refused, RefusedCount { times: 1, span: Span::of(now.as_micros()), agent });
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
        let Seen { good, refused, lost, .. } = mem::take(&mut *self.lock());
        let good: Vec<GoodUses> = good.into_iter().map(|(key, count)| key.with(count)).collect();
        let refused: Vec<RefusedUses> = refused.into_iter().map(|(key, count)| key.with(count)).collect();
        let of_good = good.chunks(AT_ONCE).map(|some| Uses { good: some.to_vec(), refused: Vec::new() });
        let of_refused = refused.chunks(AT_ONCE).map(|some| Uses { good: Vec::new(), refused: some.to_vec() });
        (of_good.chain(of_refused).collect(), lost)
    }

    fn put_back(&self, uses: Uses) {
        let mut seen = self.lock();
        for GoodUses { directory, credential, from, outside, reads, writes, span } in uses.good {
            seen.add_good(GoodKey { directory, credential, from, outside }, GoodCount { reads, writes, span });
        }
        for RefusedUses { reason, credential, url, from, times, span } in uses.refused {
            let Source { address, agent } = from;
            seen.add_refused(RefusedKey { reason, credential, url, address }, RefusedCount { times, span, agent });
        }
    }
}

impl Seen {
    fn add_good(&mut self, mut key: GoodKey, count: GoodCount) {
        if !self.good.contains_key(&key) {
            let places = self.places.entry(key.credential).or_default();
            if *places >= MOST_EACH {
                key.from = Source::unknown();
            }
            *places += 1;
        }
        add(&mut self.good, &mut self.lost, key, count);
    }

    fn add_refused(&mut self, key: RefusedKey, count: RefusedCount) {
        if !self.refused.contains_key(&key) {
            let entries = self.strangers.entry(key.address).or_default();
            if *entries >= MOST_EACH {
                self.lost += 1;
                return;
            }
            *entries += 1;
        }
        add(&mut self.refused, &mut self.lost, key, count);
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

impl Count for RefusedCount {
    fn add(&mut self, other: Self) {
        self.times = self.times.saturating_add(other.times);
        self.span.extend(other.span);
        self.agent = other.agent;
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
    fn with(self, RefusedCount { times, span, agent }: RefusedCount) -> RefusedUses {
        let Self { reason, credential, url, address } = self;
        RefusedUses { reason, credential, url, from: Source { address, agent }, times, span }
    }
}

#[cfg(test)]
mod tests {
    use rollcall_base::SeededEntropy;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

    fn used(credential: Id<marker::Credential>, agent: &str) -> GoodUse {
        let from = Source::new("192.0.2.1".parse().unwrap(), agent);
        GoodUse { directory: Id::new(NOW, &SeededEntropy::new(1)), credential, from, outside: false, changes: false }
    }

    fn all(log: &UseLog) -> Uses {
        let mut all = Uses::default();
        for uses in log.take().0 {
            all.good.extend(uses.good);
            all.refused.extend(uses.refused);
        }
        all
    }

    #[test]
    fn whoever_changes_his_agent_each_time_is_counted_whole_and_takes_no_room_of_others() {
        let (log, entropy) = (UseLog::default(), SeededEntropy::new(2));
        let (loud, quiet) = (Id::new(NOW, &entropy), Id::new(NOW, &entropy));
        for number in 0..20_000 {
            log.good(used(loud, &format!("agent/{number}")), NOW);
        }
        log.good(used(quiet, "Okta/1"), NOW);
        let seen = all(&log);
        let reads = |id| seen.good.iter().filter(|uses| uses.credential == id).map(|uses| uses.reads).sum::<u32>();
        assert_eq!((reads(loud), reads(quiet)), (20_000, 1));
        assert_eq!(seen.good.len() as u32, MOST_EACH + 2, "twenty places, the rest without, and the other one");
    }

    #[test]
    fn a_stranger_takes_no_room_of_others_and_what_was_not_reported_is_there_the_next_time() {
        let log = UseLog::default();
        let refused = |address: &str, tenant: String| RefusedKey {
            reason: RefusedReason::NoToken,
            credential: None,
            url: Some((tenant, "d".to_owned())),
            address: address.parse().unwrap(),
        };
        for number in 0..20_000 {
            log.refused(refused("192.0.2.1", format!("t{number}")), "x", NOW);
        }
        log.refused(refused("192.0.2.2", "acme".to_owned()), "first", NOW);
        log.refused(refused("192.0.2.2", "acme".to_owned()), "last", NOW);
        let seen = all(&log);
        assert_eq!(seen.refused.len() as u32, MOST_EACH + 1);
        let honest = |seen: &Uses| {
            let found = seen.refused.iter().find(|refused| refused.from.address.to_string() == "192.0.2.2").unwrap();
            (found.times, found.from.agent.clone())
        };
        assert_eq!(honest(&seen), (2, "last".to_owned()));
        log.put_back(seen);
        assert_eq!(honest(&all(&log)), (2, "last".to_owned()));
    }
}
