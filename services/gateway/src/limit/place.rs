//! What is known of each directory and tenant that was heard of lately.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rollcall_base::{Id, Meter, Timestamp, marker};
use rollcall_runtime::config::RequestLimits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Limits, bucket::Bucket, reason::Reason};

/// One tenant.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) id: Id<marker::Tenant>,
    /// Who holds it is the tenant's next: the line before it is fair, and one request of each directory at most stands in it.
    pub(super) turn: tokio::sync::Mutex<Bucket>,
    /// KiB of answers that may be held until their clients have read them.
    pub(super) unsent: Arc<Semaphore>,
}

/// One directory.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) id: Id<marker::Directory>,
    pub(super) tenant: Arc<Tenant>,
    guaranteed: Mutex<Meter>,
    /// Places for guaranteed requests that are not over.
    guaranteed_in_flight: Arc<Semaphore>,
    most_guaranteed: usize,
    /// Places for those that are worked on, before the next one waits for them a little.
    pub(super) lane: Arc<Semaphore>,
    /// Who holds it is the directory's next. `None`: all that the directory may have is guaranteed.
    pub(super) turn: tokio::sync::Mutex<Option<Bucket>>,
    waiting: AtomicUsize,
    /// What the directory's next waits for.
    short_of: AtomicU8,
}

/// A request in a directory's line.
#[derive(Debug)]
pub(super) struct InLine<'a>(&'a AtomicUsize);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Directory {
    /// Takes one of the guaranteed requests, which is over when its place is dropped.
    ///
    /// # Errors
    /// After how long to look again.
    pub(super) fn take_guaranteed(&self, now: Timestamp) -> Result<OwnedSemaphorePermit, Duration> {
        let place = Arc::clone(&self.guaranteed_in_flight).try_acquire_owned().map_err(|_| EACH_GUARANTEED)?;
        Limits::GUARANTEED.take(&mut lock(&self.guaranteed), now)?;
        Ok(place)
    }

    /// Whether so many of its guaranteed requests are not over that there is no place for another.
    pub(super) fn is_full(&self) -> bool {
        self.guaranteed_in_flight.available_permits() == 0
    }

    /// A place in the line, if it is not longer than `most`.
    pub(super) fn line_up(&self, most: usize) -> Option<InLine<'_>> {
        let next = |waiting: usize| (waiting < most).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()?;
        Some(InLine(&self.waiting))
    }

    /// Notes what the directory's next waits for, for those behind it.
    pub(super) fn waits_for(&self, reason: Reason) {
        self.short_of.store(reason as u8, Ordering::Relaxed);
    }

    /// What those wait for who are not the next.
    pub(super) fn short_of(&self) -> Reason {
        let noted = self.short_of.load(Ordering::Relaxed);
        Reason::ALL.into_iter().find(|reason| *reason as u8 == noted).unwrap_or(Reason::DirectoryRate)
    }

    /// What a whole line waits for: its turn, unless somebody still stands where permits are handed out.
    pub(super) fn longest_wait(&self) -> Reason {
        if self.turn.try_lock().is_ok() { Reason::InFlight } else { self.short_of() }
    }

    fn is_idle(&self, now: Timestamp) -> bool {
        let metered = || self.turn.try_lock().is_ok_and(|bucket| bucket.as_ref().is_none_or(|one| one.is_idle(now)));
        let is_over = self.guaranteed_in_flight.available_permits() == self.most_guaranteed;
        is_over && lock(&self.guaranteed).is_idle(now) && metered()
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    directories: HashMap<Id<marker::Directory>, Arc<Directory>>,
    tenants: HashMap<Id<marker::Tenant>, Arc<Tenant>>,
    /// When there are so many, idle ones are forgotten.
    sweep_at: usize,
}

/// So many guaranteed requests of a directory are worked on at once before the next one waits for them a little: enough for 25
/// a second if each takes 40 ms, and so few that the bursts of many directories are no flood for other tenants.
const LANE: usize = 1;
/// After so long there is another guaranteed request.
const EACH_GUARANTEED: Duration = Duration::from_millis(1_000 / RequestLimits::GUARANTEED as u64);

/// So many are kept without looking whether they are needed.
const FEW: usize = 1_024;

impl Places {
    /// The directory `id` of `tenant`.
    pub(super) fn of(
        &self,
        tenant: Id<marker::Tenant>,
        id: Id<marker::Directory>,
        now: Timestamp,
        limits: &Limits,
    ) -> Arc<Directory> {
        let mut known = lock(&self.0);
        if let Some(directory) = known.directories.get(&id) {
            return Arc::clone(directory);
        }
        if known.directories.len() >= known.sweep_at.max(FEW) {
            known.sweep(now);
        }
        let tenant = known.tenants.entry(tenant).or_insert_with(|| {
            let unsent = Arc::new(Semaphore::new(kib(limits.unsent_bytes) as usize));
            Arc::new(Tenant { id: tenant, turn: tokio::sync::Mutex::new(Bucket::new(limits.tenant)), unsent })
        });
        let directory = Arc::new(Directory {
            id,
            tenant: Arc::clone(tenant),
            guaranteed: Mutex::default(),
            guaranteed_in_flight: Arc::new(Semaphore::new(limits.guaranteed_in_flight)),
            most_guaranteed: limits.guaranteed_in_flight,
            lane: Arc::new(Semaphore::new(LANE)),
            turn: tokio::sync::Mutex::new(limits.directory.without(Limits::GUARANTEED).map(Bucket::new)),
            waiting: AtomicUsize::new(0),
            short_of: AtomicU8::new(Reason::DirectoryRate as u8),
        });
        known.directories.insert(id, Arc::clone(&directory));
        directory
    }
}

impl Known {
    /// Forgets what is in nobody's hands and would be the same if it were made anew.
    fn sweep(&mut self, now: Timestamp) {
        self.directories.retain(|_, directory| Arc::strong_count(directory) > 1 || !directory.is_idle(now));
        let idle = |tenant: &Tenant| tenant.turn.try_lock().is_ok_and(|one| one.is_idle(now));
        self.tenants.retain(|_, tenant| Arc::strong_count(tenant) > 1 || !idle(tenant));
        self.sweep_at = self.directories.len() * 2;
    }
}

/// So many KiB, of which there is one at least.
pub(super) fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX >> 4).clamp(1, u32::MAX >> 4)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is made whole before the lock is let go.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use rollcall_base::{Rate, SeededEntropy};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

    #[test]
    fn what_is_idle_is_forgotten_and_what_is_under_way_is_not() {
        let limits = Limits::default();
        let (places, entropy) = (Places::default(), SeededEntropy::new(1));
        let (tenant, busy) = (Id::new(NOW, &entropy), Id::new(NOW, &entropy));
        let guaranteed = places.of(tenant, busy, NOW, &limits).take_guaranteed(NOW).unwrap();
        let held = places.of(Id::new(NOW, &entropy), Id::new(NOW, &entropy), NOW, &limits);
        let later = NOW.plus(Duration::from_secs(60));
        for _ in 0..2 * FEW {
            places.of(Id::new(NOW, &entropy), Id::new(NOW, &entropy), later, &limits);
        }
        let known = lock(&places.0);
        assert!(known.directories.len() <= FEW + 2 && known.tenants.len() <= FEW + 2, "{}", known.directories.len());
        assert!(known.directories.contains_key(&held.id));
        assert!(known.directories.contains_key(&busy) && known.tenants.contains_key(&tenant));
        drop(guaranteed);
    }

    #[test]
    fn a_directory_that_was_just_metered_is_not_forgotten() {
        let limits = Limits { directory: Rate::new(25, 25), ..Limits::default() };
        let (places, entropy) = (Places::default(), SeededEntropy::new(1));
        let (tenant, id) = (Id::new(NOW, &entropy), Id::new(NOW, &entropy));
        for _ in 0..25 {
            drop(places.of(tenant, id, NOW, &limits).take_guaranteed(NOW).unwrap());
        }
        for _ in 0..2 * FEW {
            places.of(Id::new(NOW, &entropy), Id::new(NOW, &entropy), NOW, &limits);
        }
        assert!(places.of(tenant, id, NOW, &limits).take_guaranteed(NOW).is_err());
    }
}
