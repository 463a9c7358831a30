//! Counters that tell whether something was invalidated since a load began.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

const STRIPES: usize = 256;

/// One counter for every 256th part of the keys: as good as one per key, at a fixed size. An invalidation also makes
/// the few other keys of its stripe load again, which is harmless.
pub(crate) struct Stripes {
    stripes: [Stripe; STRIPES],
    /// Moments are counted from here.
    begin: Instant,
}

struct Stripe {
    generation: AtomicU64,
    /// Milliseconds after `begin` until when Redis is not believed.
    distrusted_until: AtomicU64,
}

impl Default for Stripes {
    fn default() -> Self {
        let stripe = || Stripe { generation: AtomicU64::new(0), distrusted_until: AtomicU64::new(0) };
        Self { stripes: std::array::from_fn(|_| stripe()), begin: Instant::now() }
    }
}

impl Stripes {
    /// The present generation of what hashes to `hash`.
    pub(crate) fn of(&self, hash: u64) -> u64 {
        self.stripe(hash).generation.load(Ordering::SeqCst)
    }

    /// Makes everything loaded for it so far stale.
    pub(crate) fn advance(&self, hash: u64) {
        self.stripe(hash).generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Makes everything loaded so far stale.
    pub(crate) fn advance_all(&self) {
        for stripe in &self.stripes {
            stripe.generation.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// What Redis has for it may be older than an invalidation that Redis was not told: not to be believed for `span`.
    pub(crate) fn distrust(&self, hash: u64, span: Duration) {
        self.stripe(hash).distrusted_until.fetch_max(self.millis_from_now(span), Ordering::SeqCst);
    }

    /// The same for everything.
    pub(crate) fn distrust_all(&self, span: Duration) {
        let until = self.millis_from_now(span);
        for stripe in &self.stripes {
            stripe.distrusted_until.fetch_max(until, Ordering::SeqCst);
        }
    }

    /// Whether what Redis has for it may be believed.
    pub(crate) fn trusts(&self, hash: u64) -> bool {
        let until = self.stripe(hash).distrusted_until.load(Ordering::SeqCst);
        until == 0 || self.millis_from_now(Duration::ZERO) > until
    }

    fn millis_from_now(&self, span: Duration) -> u64 {
        u64::try_from((self.begin.elapsed() + span).as_millis()).unwrap_or(u64::MAX)
    }

    fn stripe(&self, hash: u64) -> &Stripe {
        &self.stripes[usize::try_from(hash % STRIPES as u64).unwrap_or(0)]
    }
}
