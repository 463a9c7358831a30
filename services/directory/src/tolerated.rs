//! What was tolerated of directories' clients, added up until it is written down. Nothing of it is in a request's way.

use std::{
    collections::HashMap,
    fmt::Write as _,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus::{IntCounterVec, Opts, Registry};
use rollcall_access::JobScope;
use rollcall_base::{Id, Timestamp, marker::Directory};
use rollcall_scim::quirks::Leniency;
use rollcall_store::{MOST_NAMES_A_DAY, Store, StoreError, ToleratedUse, UNMAPPED};

/// How often it is written down.
const EVERY: Duration = Duration::from_secs(5);
/// The most entries between two times: what is beyond them is not counted for its directory.
const MOST: usize = 10_000;
/// The most entries that are written in one transaction.
const AT_ONCE: usize = 500;

/// What was tolerated since it was last written down.
#[derive(Debug)]
pub(crate) struct ToleratedLog {
    metric: IntCounterVec,
    seen: Mutex<Seen>,
    /// Held while it is being written, so that the last writing waits for the one before.
    writing: tokio::sync::Mutex<()>,
}

type DayOf = (Id<Directory>, i64);

#[derive(Debug, Default)]
struct Seen {
    counts: HashMap<(DayOf, String), (u64, Timestamp)>,
    /// How many names of attributes there are of each directory and day.
    names: HashMap<DayOf, usize>,
    /// Not counted for want of room.
    lost: u64,
}

impl ToleratedLog {
    pub(crate) fn new(metrics: &Registry) -> Result<Self, prometheus::Error> {
        let options = Opts::new("scim_tolerated_total", "Deviations from the RFCs that were tolerated, by quirk.");
        let metric = IntCounterVec::new(options, &["quirk"])?;
        metrics.register(Box::new(metric.clone()))?;
        Ok(Self { metric, seen: Mutex::default(), writing: tokio::sync::Mutex::default() })
    }

    /// Counts what a request made use of, and says it in words for the log: nothing if it kept to the RFCs.
    pub(crate) fn used(&self, directory: Id<Directory>, leniency: &Leniency, now: Timestamp) -> Option<String> {
        let (quirks, mut names) = (leniency.used(), leniency.unmapped());
        names.retain(|(name, _)| is_name(name));
        if quirks.is_empty() && names.is_empty() {
            return None;
        }
        let mut text = String::new();
        let mut seen = self.lock();
        for (quirk, times) in quirks {
            self.metric.with_label_values(&[quirk.as_str()]).inc_by(times.into());
            seen.add(directory, quirk.as_str().to_owned(), times.into(), now);
            item(&mut text, quirk.as_str(), times);
        }
        for (at, (name, times)) in names.iter().enumerate() {
            seen.add(directory, format!("{UNMAPPED}{name}"), (*times).into(), now);
            text.push_str(if at == 0 { "; not in the schema: " } else { ", " });
            text.push_str(name);
        }
        Some(text)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes it to `store` from time to time; until it is dropped.
    pub(crate) async fn write_to(self: Arc<Self>, store: Store) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.write_once(&store).await;
        }
    }

    /// Writes what there is, and is not stopped halfway when its caller is. What could not be written is kept for the next
    /// time; of what may have been written nothing is written again, so that nothing is counted twice.
    pub(crate) async fn write_once(self: &Arc<Self>, store: &Store) {
        let (log, store) = (Arc::clone(self), store.clone());
        let written = tokio::spawn(Box::pin(async move {
            let jobs = store.jobs(&JobScope::of_service("tolerated"));
            log.write(|uses| jobs.record_tolerated(uses)).await;
        }));
        // A panic in it has been reported where it happened.
        let _ = written.await;
    }

    async fn write<W>(&self, record: impl Fn(Vec<ToleratedUse>) -> W)
    where
        W: Future<Output = Result<(), StoreError>>,
    {
        let _one_at_a_time = self.writing.lock().await;
        let Seen { counts, lost, .. } = mem::take(&mut *self.lock());
        if lost > 0 {
            tracing::warn!(
                uses = lost,
                "more different tolerated things than can be counted by directory: these were not"
            );
        }
        let uses: Vec<ToleratedUse> = counts
            .into_iter()
            .map(|(((directory, _), what), (times, last_at))| ToleratedUse { directory, what, times, last_at })
            .collect();
        let mut parts = uses.chunks(AT_ONCE);
        while let Some(part) = parts.next() {
            match record(part.to_vec()).await {
                Ok(()) => {}
                Err(error @ StoreError::OutcomeUnknown(_)) => {
                    tracing::warn!(%error, "some of what was tolerated may not have been written down");
                }
                Err(error) => {
                    tracing::warn!(%error, "what was tolerated could not be written down; trying again later");
                    std::iter::once(part).chain(parts.by_ref()).for_each(|part| self.put_back(part));
                }
            }
        }
    }

    fn put_back(&self, uses: &[ToleratedUse]) {
        let mut seen = self.lock();
        for ToleratedUse { directory, what, times, last_at } in uses {
            seen.add(*directory, what.clone(), *times, *last_at);
        }
    }
}

impl Seen {
    fn add(&mut self, directory: Id<Directory>, mut what: String, times: u64, at: Timestamp) {
        let day = (directory, at.day());
        let is_name = what.len() > UNMAPPED.len() && what.starts_with(UNMAPPED);
        let mut key = (day, what);
        if is_name && !self.counts.contains_key(&key) {
            let names = self.names.entry(day).or_default();
            if *names < MOST_NAMES_A_DAY {
                *names += 1;
            } else {
                what = UNMAPPED.to_owned();
                key = (day, what);
            }
        }
        if let Some((sum, last_at)) = self.counts.get_mut(&key) {
            (*sum, *last_at) = (sum.saturating_add(times), (*last_at).max(at));
        } else if self.counts.len() < MOST {
            self.counts.insert(key, (times, at));
        } else {
            self.lost = self.lost.saturating_add(times);
        }
    }
}

fn item(text: &mut String, name: &str, times: u32) {
    text.push_str(if text.is_empty() { "" } else { ", " });
    text.push_str(name);
    if times > 1 {
        // Writing to a text cannot fail.
        let _ = write!(text, "×{times}");
    }
}

/// Whether a client's name for an attribute can be one. What is not could be anything, a person's data too, and is neither
/// logged nor counted by name.
fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '$' | '-' | '_' | '.' | ':' | '/'))
}

#[cfg(test)]
mod tests {
    use std::{
        future::ready,
        io,
        sync::atomic::{AtomicU64, Ordering},
    };

    use rollcall_base::SeededEntropy;
    use rollcall_scim::{Limits, accept, schema};
    use serde_json::{Value, json};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

    fn directory(seed: u64) -> Id<Directory> {
        Id::new(NOW, &SeededEntropy::new(seed))
    }

    fn log() -> Arc<ToleratedLog> {
        Arc::new(ToleratedLog::new(&Registry::new()).unwrap())
    }

    /// What a user's body makes use of.
    fn leniency(body: Value) -> Leniency {
        let leniency = Leniency::lenient();
        let registry = schema::Registry::standard();
        accept(registry.by_name("User").unwrap(), body, &Limits::default(), &leniency).unwrap();
        leniency
    }

    fn body() -> Value {
        json!({"userName": "ann", "active": "True", "emails": [{"value": "a", "primary": "true"}], "badge": "red",
            "ann@example.com": 1, "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]})
    }

    async fn written(log: &ToleratedLog) -> Vec<ToleratedUse> {
        let all = Mutex::new(Vec::new());
        log.write(|uses| {
            all.lock().unwrap().extend(uses);
            ready(Ok(()))
        })
        .await;
        let mut all = all.into_inner().unwrap();
        all.sort();
        all
    }

    #[test]
    fn the_log_gets_names_and_counts_and_no_values() {
        let log = log();
        let text = log.used(directory(1), &leniency(body()), NOW).unwrap();
        assert_eq!(text, "boolean_as_text×2, unknown_attribute×2; not in the schema: badge");
        assert_eq!(log.used(directory(1), &Leniency::lenient(), NOW), None);
    }

    #[tokio::test]
    async fn each_directorys_uses_add_up_and_are_written_once() {
        let log = log();
        for seed in [1, 1, 2] {
            log.used(directory(seed), &leniency(body()), NOW);
        }
        let all = written(&log).await;
        let of = |seed, what: &str| {
            all.iter().find(|used| used.directory == directory(seed) && used.what == what).map(|used| used.times)
        };
        assert_eq!(
            (of(1, "boolean_as_text"), of(1, "unmapped:badge"), of(2, "boolean_as_text")),
            (Some(4), Some(2), Some(2))
        );
        assert_eq!(all.len(), 6);
        assert_eq!(written(&log).await, []);
    }

    #[tokio::test]
    async fn what_could_not_be_written_is_written_later_and_what_may_have_been_is_not_written_twice() {
        let log = log();
        log.used(directory(1), &leniency(body()), NOW);
        let lost = || Arc::new(io::Error::other("lost")) as rollcall_store::Source;
        log.write(|_| ready(Err(StoreError::Unavailable(lost())))).await;
        log.used(directory(1), &leniency(body()), NOW);
        let times: u64 = written(&log).await.iter().map(|used| used.times).sum();
        assert_eq!(times, 2 * (2 + 2 + 1));
        log.used(directory(1), &leniency(body()), NOW);
        log.write(|_| ready(Err(StoreError::OutcomeUnknown(lost())))).await;
        assert_eq!(written(&log).await, []);
    }

    #[tokio::test]
    async fn of_many_parts_each_is_written_once_though_one_of_them_fails() {
        let log = log();
        for seed in 0..2_000 {
            log.used(directory(seed), &leniency(body()), NOW);
        }
        let (calls, sum) = (AtomicU64::new(0), AtomicU64::new(0));
        log.write(|uses| {
            if calls.fetch_add(1, Ordering::Relaxed) == 3 {
                return ready(Err(StoreError::Unavailable(Arc::new(io::Error::other("lost")))));
            }
            sum.fetch_add(uses.iter().map(|used| used.times).sum(), Ordering::Relaxed);
            ready(Ok(()))
        })
        .await;
        let rest: u64 = written(&log).await.iter().map(|used| used.times).sum();
        assert_eq!(sum.into_inner() + rest, 2_000 * 5);
    }

    #[tokio::test]
    async fn a_client_that_makes_names_up_fills_no_memory_and_is_counted_whole() {
        let log = log();
        for part in 0..50 {
            let names = (0..60).map(|name| (format!("name{part}-{name}"), json!(1)));
            let mut body = body();
            body.as_object_mut().unwrap().extend(names);
            log.used(directory(1), &leniency(body), NOW);
        }
        let all = written(&log).await;
        assert_eq!(all.len(), MOST_NAMES_A_DAY + 1 + 2, "the names, the rest of them, and two quirks");
        let names: u64 = all.iter().filter(|used| used.what.starts_with(UNMAPPED)).map(|used| used.times).sum();
        assert_eq!(names, 50 * 61);
    }
}
