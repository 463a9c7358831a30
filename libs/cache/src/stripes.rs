//! Counters that tell whether something was invalidated since a load began.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hash},
    sync::atomic::{AtomicU64, Ordering},
};

const STRIPES: usize = 256;

/// One counter for every 256th part of the keys: as good as one per key, at a fixed size. An invalidation also makes
/// the few other keys of its stripe load again, which is harmless.
pub(crate) struct Stripes {
    counters: [AtomicU64; STRIPES],
    hasher: RandomState,
}

impl Default for Stripes {
    fn default() -> Self {
        Self { counters: [const { AtomicU64::new(0) }; STRIPES], hasher: RandomState::new() }
    }
}

impl Stripes {
    /// The present generation of `key`.
    pub(crate) fn of<K: Hash>(&self, key: &K) -> u64 {
        self.counter(key).load(Ordering::SeqCst)
    }

    /// Makes everything loaded for `key` so far stale.
    pub(crate) fn advance<K: Hash>(&self, key: &K) {
        self.counter(key).fetch_add(1, Ordering::SeqCst);
    }

    /// Makes everything loaded so far stale.
    pub(crate) fn advance_all(&self) {
        for counter in &self.counters {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn counter<K: Hash>(&self, key: &K) -> &AtomicU64 {
        let stripe = usize::try_from(self.hasher.hash_one(key)).unwrap_or(usize::MAX) % STRIPES;
        &self.counters[stripe]
    }
}
