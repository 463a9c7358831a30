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
use rollcall_store::{MOST_NAMES_A_DAY, Store, StoreError, ToleratedUse, UNMAPPED};

use crate::Call;

/// How often it is written down.
const EVERY: Duration = Duration::from_secs(5);
/// The most entries between two times: what is beyond them is not counted for its directory.
const MOST: usize = 10_000;
/// The most entries that are written in one transaction.
const AT_ONCE: usize = 500;
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

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
    pub(crate) fn used(&self, call: &Call, now: Timestamp) -> Option<String> {
        let (quirks, mut names) = (call.leniency.used(), call.leniency.unmapped());
        names.retain(|(name, _)| is_name(name));
        if quirks.is_empty() && names.is_empty() {
            return None;
        }
        let directory = call.authenticated.directory();
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
            let _one_at_a_time = log.writing.lock().await;
            log.write(&store).await;
        }));
        // A panic in it has been reported where it happened.
        let _ = written.await;
    }

    async fn write(&self, store: &Store) {
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
        let jobs = store.jobs(&JobScope::of_service("tolerated"));
        let mut parts = uses.chunks(AT_ONCE);
        while let Some(part) = parts.next() {
            match jobs.record_tolerated(part.to_vec()).await {
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
        let day = (directory, at.as_micros().div_euclid(DAY));
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
