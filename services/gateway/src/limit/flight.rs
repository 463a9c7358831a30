//! Requests of one tenant under way at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use prometheus::IntGauge;
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// The count. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Flight(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    count: AtomicUsize,
    /// A request has ended. One waits at a time.
    ended: Notify,
    /// All tenants' together.
    total: IntGauge,
}

/// One request under way: it counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    flight: Flight,
    /// Its place among the guaranteed requests of its directory.
    _lane: Option<OwnedSemaphorePermit>,
}

impl Flight {
    pub(super) fn new(total: IntGauge) -> Self {
        Self(Arc::new(Inner { count: AtomicUsize::new(0), ended: Notify::new(), total }))
    }

    /// However many there are, on a place of the `lane` of guaranteed requests if there is one.
    pub(super) fn enter(&self, lane: Option<OwnedSemaphorePermit>) -> Ticket {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        self.ticket(lane)
    }

    /// If there are fewer than `most`.
    pub(super) fn try_enter(&self, most: usize) -> Option<Ticket> {
        let next = |count: usize| (count < most).then_some(count + 1);
        self.0.count.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()?;
        Some(self.ticket(None))
    }

    /// When there are fewer than `most`. For one caller at a time.
    pub(super) async fn wait_to_enter(&self, most: usize) -> Ticket {
        loop {
            if let Some(ticket) = self.try_enter(most) {
                return ticket;
            }
            // An end between the question and this is remembered.
            self.0.ended.notified().await;
        }
    }

    fn ticket(&self, lane: Option<OwnedSemaphorePermit>) -> Ticket {
        self.0.total.inc();
        Ticket { flight: self.clone(), _lane: lane }
    }

    pub(super) fn count(&self) -> usize {
        self.0.count.load(Ordering::Acquire)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let flight = &self.flight.0;
        flight.count.fetch_sub(1, Ordering::AcqRel);
        flight.total.dec();
        flight.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beyond_the_most_one_waits_until_another_has_ended() {
        let gauge = IntGauge::new("under_way", "x").unwrap();
        let flight = Flight::new(gauge.clone());
        let (first, _second) = (flight.try_enter(2).unwrap(), flight.try_enter(2).unwrap());
        assert!(flight.try_enter(2).is_none());
        let waiting = tokio::spawn({
            let flight = flight.clone();
            async move { drop(flight.wait_to_enter(2).await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap();
        assert_eq!(gauge.get(), 1);
    }

    #[test]
    fn who_enters_whatever_the_count_is_counted_too() {
        let flight = Flight::new(IntGauge::new("under_way", "x").unwrap());
        let guaranteed: Vec<Ticket> = (0..3).map(|_| flight.enter(None)).collect();
        assert!(flight.try_enter(2).is_none());
        drop(guaranteed);
        assert!(flight.count() == 0 && flight.try_enter(1).is_some());
    }
}
