//! A rate as one process meters it: with permits that it leased, or alone.

use std::time::Duration;

use rollcall_base::{Meter, Rate, Timestamp};
use rollcall_cache::Lease;

/// How long leased permits may be used. What is left then is lost: others could have had it.
const LIFE: Duration = Duration::from_secs(1);
/// The least time from a lease that was not all that was wanted to the next one: when a rate is exhausted, each answer of
/// Redis is worth several requests.
const PAUSE: Duration = Duration::from_millis(20);
/// So many leases a second use a rate up.
const LEASES_PER_SECOND: u32 = 20;

/// One rate. Whoever takes from it holds it alone, so that there is one lease at a time.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Rate,
    /// All that was taken here. It decides when there is nobody to share with.
    own: Meter,
    leased: Leased,
}

/// Permits that Redis let this process have.
#[derive(Debug, Default)]
struct Leased {
    left: u32,
    until: Timestamp,
    /// Used of the last lease.
    used: u32,
    /// To be asked for next. Follows the demand, so that little is lost where little is needed.
    next: u32,
    not_before: Timestamp,
}

/// Why there is no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Short {
    /// After so long there may be one.
    For(Duration),
    /// So many are to be leased.
    OfLease(u32),
}

impl Bucket {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, own: Meter::default(), leased: Leased { next: 1, ..Leased::default() } }
    }

    pub(super) const fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes one permit: of the lease if the rate is `shared`, else of what this process may take by itself.
    pub(super) fn take(&mut self, now: Timestamp, shared: bool) -> Result<(), Short> {
        if !shared {
            return self.rate.take(&mut self.own, now).map_err(Short::For);
        }
        let leased = &mut self.leased;
        if leased.left > 0 && now < leased.until {
            leased.left -= 1;
            leased.used += 1;
            self.rate.charge(&mut self.own, now);
            return Ok(());
        }
        // A clock that was set back is no reason to wait.
        if now < leased.not_before && leased.not_before.since(now) <= LIFE {
            return Err(Short::For(leased.not_before.since(now)));
        }
        Err(Short::OfLease(self.wanted()))
    }

    /// Twice the last lease if that was used up in time, else as many as were used of it.
    fn wanted(&mut self) -> u32 {
        let most = (self.rate.per_second() / LEASES_PER_SECOND).max(1);
        let leased = &mut self.leased;
        if leased.left > 0 {
            leased.next = leased.used;
            leased.left = 0;
        }
        leased.next = leased.next.clamp(1, most);
        leased.next
    }

    /// A lease came, for as many as were `wanted`.
    pub(super) fn lease(&mut self, now: Timestamp, wanted: u32, lease: Lease) {
        let pause = if lease.permits < wanted { lease.wait.max(PAUSE) } else { Duration::ZERO };
        self.leased = Leased {
            left: lease.permits,
            until: now.plus(LIFE),
            used: 0,
            next: wanted.saturating_mul(2),
            not_before: now.plus(pause),
        };
    }

    /// A permit that was taken is not needed.
    pub(super) fn give_back(&mut self, shared: bool) {
        self.rate.give_back(&mut self.own);
        if shared && self.leased.used > 0 {
            self.leased.left += 1;
            self.leased.used -= 1;
        }
    }

    /// Whether it may be forgotten: a new one would admit no more than this one.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        self.own.is_idle(now) && self.leased.until <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

    fn full(permits: u32) -> Lease {
        Lease { permits, wait: Duration::ZERO }
    }

    /// Takes all there is, leasing from what grants all that is wanted; how many were taken of each lease.
    fn leases(bucket: &mut Bucket, now: Timestamp, count: usize) -> Vec<u32> {
        let mut sizes = Vec::new();
        while sizes.len() < count {
            if let Err(Short::OfLease(wanted)) = bucket.take(now, true) {
                bucket.lease(now, wanted, full(wanted));
                sizes.push(wanted);
            }
        }
        sizes
    }

    #[test]
    fn leases_grow_with_the_demand_up_to_a_twentieth_of_the_rate() {
        let mut bucket = Bucket::new(Rate::new(475, 1_975));
        assert_eq!(leases(&mut bucket, START, 7), [1, 2, 4, 8, 16, 23, 23]);
        assert_eq!(leases(&mut Bucket::new(Rate::new(5, 5)), START, 3), [1, 1, 1]);
    }

    #[test]
    fn what_is_left_of_a_lease_is_gone_after_a_second_and_the_next_one_is_smaller() {
        let mut bucket = Bucket::new(Rate::new(475, 1_975));
        leases(&mut bucket, START, 6);
        for _ in 0..3 {
            bucket.take(START, true).unwrap();
        }
        bucket.take(START.plus(LIFE - Duration::from_micros(1)), true).unwrap();
        assert_eq!(bucket.take(START.plus(LIFE), true), Err(Short::OfLease(4)));
        bucket.lease(START.plus(LIFE), 4, full(4));
        assert_eq!(bucket.take(START.plus(2 * LIFE), true), Err(Short::OfLease(1)), "none of the four was used");
    }

    #[test]
    fn an_exhausted_rate_is_asked_for_again_after_a_pause() {
        let mut bucket = Bucket::new(Rate::new(475, 1_975));
        assert_eq!(bucket.take(START, true), Err(Short::OfLease(1)));
        bucket.lease(START, 1, Lease { permits: 0, wait: Duration::from_millis(2) });
        assert_eq!(bucket.take(START, true), Err(Short::For(PAUSE)));
        let wait = Duration::from_millis(90);
        bucket.lease(START, 2, Lease { permits: 1, wait });
        bucket.take(START, true).unwrap();
        assert_eq!(bucket.take(START, true), Err(Short::For(wait)));
        assert_eq!(bucket.take(START.plus(wait), true), Err(Short::OfLease(4)));
    }

    #[test]
    fn what_was_taken_together_counts_when_this_process_is_alone_again() {
        let mut bucket = Bucket::new(Rate::new(100, 10));
        leases(&mut bucket, START, 5);
        let alone = (0..100).filter(|_| bucket.take(START, false).is_ok()).count();
        assert_eq!(alone, 0, "the burst was used by leased permits");
        assert!(matches!(bucket.take(START, false), Err(Short::For(_))));
    }

    #[test]
    fn a_permit_given_back_can_be_taken_again() {
        let mut bucket = Bucket::new(Rate::new(100, 10));
        bucket.lease(START, 2, full(2));
        bucket.take(START, true).unwrap();
        bucket.take(START, true).unwrap();
        bucket.give_back(true);
        bucket.take(START, true).unwrap();
        assert!(bucket.take(START, true).is_err());
        assert!(!bucket.is_idle(START) && bucket.is_idle(START.plus(LIFE)));
    }
}
