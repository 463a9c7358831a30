//! Stops asking a Redis that does not answer.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use prometheus::IntGauge;

/// So many failures in a row, and nobody asks any more.
const FAILURES: u32 = 5;
/// After so long one command is tried again.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed {
        failures: u32,
    },
    /// Nobody asks before `next`.
    Open {
        next: Instant,
    },
    /// One command is under way.
    Trying,
}

/// Closed: commands pass. Open: none does. In between one is tried.
pub(crate) struct Breaker {
    phase: Mutex<Phase>,
    gauge: IntGauge,
}

/// What a settled command changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Opened,
    Closed,
    None,
}

/// The right to send one command. Dropped without an outcome (whoever asked went away), it changes nothing.
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    settled: bool,
}

impl Breaker {
    /// A closed one that shows its state in `gauge`: 0 closed, 1 trying, 2 open.
    pub(crate) fn new(gauge: IntGauge) -> Self {
        Self { phase: Mutex::new(Phase::Closed { failures: 0 }), gauge }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, phase: &mut Phase, next: Phase) {
        *phase = next;
        self.gauge.set(match next {
            Phase::Closed { .. } => 0,
            Phase::Trying => 1,
            Phase::Open { .. } => 2,
        });
    }

    /// Whether a command may be sent at `now`.
    pub(crate) fn admit(&self, now: Instant) -> Option<Permit<'_>> {
        let mut phase = self.phase();
        match *phase {
            Phase::Closed { .. } => {}
            Phase::Open { next } if next <= now => self.enter(&mut phase, Phase::Trying),
            Phase::Open { .. } | Phase::Trying => return None,
        }
        Some(Permit { breaker: self, settled: false })
    }

    /// A permit whatever the state: for what must not be left untried.
    pub(crate) const fn insist(&self) -> Permit<'_> {
        Permit { breaker: self, settled: false }
    }

    /// There is a new connection: the next command may try it.
    pub(crate) fn try_soon(&self, now: Instant) {
        let mut phase = self.phase();
        if matches!(*phase, Phase::Open { .. }) {
            self.enter(&mut phase, Phase::Open { next: now });
        }
    }
}

impl Permit<'_> {
    /// The command was answered.
    pub(crate) fn good(mut self) -> Turn {
        self.settled = true;
        let mut phase = self.breaker.phase();
        let was_closed = matches!(*phase, Phase::Closed { .. });
        self.breaker.enter(&mut phase, Phase::Closed { failures: 0 });
        if was_closed { Turn::None } else { Turn::Closed }
    }

    /// It was not, as was clear at `now`.
    pub(crate) fn bad(mut self, now: Instant) -> Turn {
        self.settled = true;
        let mut phase = self.breaker.phase();
        let open = Phase::Open { next: now + PAUSE };
        match *phase {
            Phase::Closed { failures } if failures + 1 < FAILURES => {
                *phase = Phase::Closed { failures: failures + 1 };
                Turn::None
            }
            Phase::Closed { .. } => {
                self.breaker.enter(&mut phase, open);
                Turn::Opened
            }
            Phase::Trying | Phase::Open { .. } => {
                self.breaker.enter(&mut phase, open);
                Turn::None
            }
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let mut phase = self.breaker.phase();
            if *phase == Phase::Trying {
                // The next one tries at once.
                self.breaker.enter(&mut phase, Phase::Open { next: Instant::now() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(IntGauge::new("state", "state").unwrap())
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_a_second_later_one_command_tries() {
        let (breaker, now) = (breaker(), Instant::now());
        for _ in 0..4 {
            assert_eq!(breaker.admit(now).unwrap().bad(now), Turn::None);
        }
        assert_eq!(breaker.admit(now).unwrap().good(), Turn::None, "an answer in between starts the count anew");
        for _ in 0..4 {
            assert_eq!(breaker.admit(now).unwrap().bad(now), Turn::None);
        }
        assert_eq!(breaker.admit(now).unwrap().bad(now), Turn::Opened);
        assert_eq!(breaker.gauge.get(), 2);
        assert!(breaker.admit(now + PAUSE / 2).is_none());
        let trial = breaker.admit(now + PAUSE).unwrap();
        assert!(breaker.admit(now + PAUSE).is_none(), "only one tries");
        assert_eq!(trial.bad(now + PAUSE), Turn::None, "it was open already");
        assert_eq!(breaker.admit(now + 2 * PAUSE).unwrap().good(), Turn::Closed);
        assert_eq!(breaker.gauge.get(), 0);
        assert!(breaker.admit(now).is_some());
    }

    #[test]
    fn a_trial_that_nobody_waits_for_any_more_leaves_the_next_one_free() {
        let (breaker, now) = (breaker(), Instant::now());
        for _ in 0..5 {
            let _ = breaker.admit(now).unwrap().bad(now);
        }
        drop(breaker.admit(now + PAUSE).unwrap());
        assert!(breaker.admit(Instant::now() + PAUSE).is_some());
    }

    #[test]
    fn a_new_connection_is_tried_without_waiting() {
        let (breaker, now) = (breaker(), Instant::now());
        for _ in 0..5 {
            let _ = breaker.admit(now).unwrap().bad(now);
        }
        breaker.try_soon(now);
        assert_eq!(breaker.admit(now).unwrap().good(), Turn::Closed);
    }
}
