//! Requests of one tenant under way at once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use prometheus::IntGauge;
use tokio::sync::Notify;

/// The count. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Flight(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    count: AtomicUsize,
    /// A request has ended. One waits at a time.
    ended: Notify,
    /// All tenants' together.
    total: IntGauge,
}

/// One request under way: it counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket(Flight);

impl Flight {
    pub(super) fn new(most: usize, total: IntGauge) -> Self {
        Self(Arc::new(Inner { most, count: AtomicUsize::new(0), ended: Notify::new(), total }))
    }

    /// However many there are.
    pub(super) fn enter(&self) -> Ticket {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        self.ticket()
    }

    /// If there are not too many.
    pub(super) fn try_enter(&self) -> Option<Ticket> {
        let next = |count: usize| (count < self.0.most).then_some(count + 1);
        self.0.count.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()?;
        Some(self.ticket())
    }

    /// When there are not too many. For one caller at a time.
    pub(super) async fn wait_to_enter(&self) -> Ticket {
        loop {
            if let Some(ticket) = self.try_enter() {
                return ticket;
            }
            // An end between the question and this is remembered.
            self.0.ended.notified().await;
        }
    }

    fn ticket(&self) -> Ticket {
        self.0.total.inc();
        Ticket(self.clone())
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.count.load(Ordering::Acquire) >= self.0.most
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.count.load(Ordering::Acquire) == 0
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let flight = &self.0.0;
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
        let flight = Flight::new(2, gauge.clone());
        let (first, _second) = (flight.try_enter().unwrap(), flight.try_enter().unwrap());
        assert!(flight.try_enter().is_none());
        let waiting = tokio::spawn({
            let flight = flight.clone();
            async move { drop(flight.wait_to_enter().await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(first);
        waiting.await.unwrap();
        assert_eq!(gauge.get(), 1);
    }

    #[test]
    fn who_enters_whatever_the_count_is_counted_too() {
        let flight = Flight::new(1, IntGauge::new("under_way", "x").unwrap());
        let guaranteed: Vec<Ticket> = (0..3).map(|_| flight.enter()).collect();
        assert!(flight.try_enter().is_none());
        drop(guaranteed);
        assert!(flight.is_empty() && flight.try_enter().is_some());
    }
}
