//! So many requests a second, evenly.

use std::{sync::Mutex, time::Duration};

use tokio::time::Instant;

/// Lateness up to this is caught up with: timers are a millisecond coarse, and a rate of thousands must still be met.
const SLACK: Duration = Duration::from_millis(20);

/// A token bucket that holds what falls due in [`SLACK`]: whoever wants to send takes the next moment that nobody has.
#[derive(Debug)]
pub(crate) struct Pace {
    each: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { each: Duration::from_secs(1) / per_second.max(1), next: Mutex::new(Instant::now()) }
    }

    /// Waits for this request's turn.
    pub(crate) async fn turn(&self) {
        tokio::time::sleep_until(self.take(Instant::now())).await;
    }

    fn take(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let turn = (*next).max(now.checked_sub(SLACK).unwrap_or(now));
        *next = turn + self.each;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of `count` requests goes that `senders` send one after another, each of which is answered in `answer`:
    /// time since the first, with a clock that only this test moves.
    fn sent(pace: &Pace, begin: Instant, senders: usize, count: usize, answer: Duration) -> Vec<Duration> {
        let mut free = vec![begin; senders];
        let mut sent = Vec::new();
        for _ in 0..count {
            let next = free.iter_mut().min().unwrap();
            let at = pace.take(*next).max(*next);
            sent.push(at - begin);
            *next = at + answer;
        }
        sent
    }

    #[test]
    fn a_rate_is_kept_by_many_at_once_and_evenly() {
        let pace = Pace::new(50);
        let begin = *pace.next.lock().unwrap();
        for (number, at) in sent(&pace, begin, 4, 100, Duration::from_millis(7)).into_iter().enumerate() {
            assert_eq!(at, Duration::from_millis(20) * u32::try_from(number).unwrap());
        }
    }

    #[test]
    fn a_pause_is_not_made_up_for_by_a_flood_and_a_late_timer_is() {
        let pace = Pace::new(1_000);
        let begin = *pace.next.lock().unwrap() + Duration::from_secs(60);
        let after_a_pause = sent(&pace, begin, 64, 1_000, Duration::ZERO);
        let at_once = after_a_pause.iter().filter(|at| at.is_zero()).count();
        assert_eq!((at_once, after_a_pause[999]), (21, Duration::from_millis(979)));
    }

    #[test]
    fn a_server_that_is_slower_than_the_rate_sets_the_pace() {
        let pace = Pace::new(1_000);
        let begin = *pace.next.lock().unwrap();
        let sent = sent(&pace, begin, 2, 100, Duration::from_millis(10));
        assert!(sent[99] >= Duration::from_millis(490), "{:?}", sent[99]);
    }
}
