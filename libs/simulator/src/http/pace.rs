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
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept_by_many_at_once_and_evenly() {
        let begin = Instant::now();
        let pace = Pace::new(50);
        let sender = || async {
            let mut sent = Vec::new();
            for _ in 0..25 {
                pace.turn().await;
                sent.push(begin.elapsed());
            }
            sent
        };
        let mut sent: Vec<Duration> = join_all([sender(), sender(), sender(), sender()]).await.concat();
        sent.sort();
        assert_eq!(sent.len(), 100);
        for (number, at) in sent.iter().enumerate() {
            let due = Duration::from_millis(20) * u32::try_from(number).unwrap();
            assert!(*at >= due && *at <= due + Duration::from_millis(2), "request {number} at {at:?}, due at {due:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_not_made_up_for_by_a_flood() {
        let pace = Pace::new(1_000);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let begin = Instant::now();
        for _ in 0..1_000 {
            pace.turn().await;
        }
        let took = begin.elapsed();
        assert!(took >= Duration::from_millis(979) && took <= Duration::from_millis(1_001), "{took:?}");
    }
}
