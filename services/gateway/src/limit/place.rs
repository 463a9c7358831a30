//! What is known of each directory and tenant that was heard of lately.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
};

use prometheus::IntGauge;
use rollcall_base::{Id, Meter, Timestamp, marker};
use tokio::sync::Semaphore;

use super::{Limits, bucket::Bucket, flight::Flight, reason::Reason};

/// One tenant.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) id: Id<marker::Tenant>,
    /// Who holds it is the tenant's next: the line before it is fair, and one request of each directory at most stands in it.
    pub(super) turn: tokio::sync::Mutex<Bucket>,
    pub(super) flight: Flight,
}

/// One directory.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) id: Id<marker::Directory>,
    pub(super) tenant: Arc<Tenant>,
    guaranteed: Mutex<Meter>,
    /// Places for guaranteed requests at once.
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
    /// Takes one of the guaranteed requests.
    ///
    /// # Errors
    /// After how long there will be one.
    pub(super) fn take_guaranteed(&self, now: Timestamp) -> Result<(), std::time::Duration> {
        Limits::GUARANTEED.take(&mut lock(&self.guaranteed), now)
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

    fn is_idle(&self, now: Timestamp) -> bool {
        let metered = || self.turn.try_lock().is_ok_and(|bucket| bucket.as_ref().is_none_or(|one| one.is_idle(now)));
        lock(&self.guaranteed).is_idle(now) && metered()
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
        in_flight: &IntGauge,
    ) -> Arc<Directory> {
        let mut known = lock(&self.0);
        if let Some(directory) = known.directories.get(&id) {
            return Arc::clone(directory);
        }
        if known.directories.len() >= known.sweep_at.max(FEW) {
            known.sweep(now);
        }
        let tenant = known.tenants.entry(tenant).or_insert_with(|| {
            Arc::new(Tenant {
                id: tenant,
                turn: tokio::sync::Mutex::new(Bucket::new(limits.tenant)),
                flight: Flight::new(in_flight.clone()),
            })
        });
        let directory = Arc::new(Directory {
            id,
            tenant: Arc::clone(tenant),
            guaranteed: Mutex::default(),
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
        let idle =
            |tenant: &Tenant| tenant.flight.count() == 0 && tenant.turn.try_lock().is_ok_and(|one| one.is_idle(now));
        self.tenants.retain(|_, tenant| Arc::strong_count(tenant) > 1 || !idle(tenant));
        self.sweep_at = self.directories.len() * 2;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is made whole before the lock is let go.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rollcall_base::{Rate, SeededEntropy};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

    #[test]
    fn what_is_idle_is_forgotten_and_what_is_under_way_is_not() {
        let limits = Limits::default();
        let (places, gauge, entropy) = (Places::default(), IntGauge::new("x", "x").unwrap(), SeededEntropy::new(1));
        let (tenant, busy) = (Id::new(NOW, &entropy), Id::new(NOW, &entropy));
        let ticket = places.of(tenant, busy, NOW, &limits, &gauge).tenant.flight.enter(None);
        let held = places.of(Id::new(NOW, &entropy), Id::new(NOW, &entropy), NOW, &limits, &gauge);
        let later = NOW.plus(Duration::from_secs(60));
        for _ in 0..2 * FEW {
            places.of(Id::new(NOW, &entropy), Id::new(NOW, &entropy), later, &limits, &gauge);
        }
        let known = lock(&places.0);
        assert!(known.directories.len() <= FEW + 1 && known.tenants.len() <= FEW + 2, "{}", known.directories.len());
        assert!(known.directories.contains_key(&held.id));
        assert!(known.tenants.get(&tenant).is_some_and(|tenant| tenant.flight.count() == 1));
        drop(known);
        drop(ticket);
    }

    #[test]
    fn a_directory_that_was_just_metered_is_not_forgotten() {
        let limits = Limits { directory: Rate::new(25, 25), ..Limits::default() };
        let (places, gauge, entropy) = (Places::default(), IntGauge::new("x", "x").unwrap(), SeededEntropy::new(1));
        let (tenant, id) = (Id::new(NOW, &entropy), Id::new(NOW, &entropy));
        for _ in 0..25 {
            places.of(tenant, id, NOW, &limits, &gauge).take_guaranteed(NOW).unwrap();
        }
        for _ in 0..2 * FEW {
            places.of(Id::new(NOW, &entropy), Id::new(NOW, &entropy), NOW, &limits, &gauge);
        }
        assert!(places.of(tenant, id, NOW, &limits, &gauge).take_guaranteed(NOW).is_err());
    }
}
