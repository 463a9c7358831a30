//! Counts requests under way, so that a stop can wait for them and for nothing else: idle connections that a client
//! keeps open would otherwise hold it up.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::watch;

/// The requests under way. Cloning shares the count.
#[derive(Debug, Clone)]
pub(super) struct InFlight {
    count: watch::Sender<usize>,
    draining: Arc<AtomicBool>,
}

/// One request under way.
#[derive(Debug)]
pub(super) struct Ticket(watch::Sender<usize>);

impl InFlight {
    pub(super) fn new() -> Self {
        Self { count: watch::Sender::new(0), draining: Arc::default() }
    }

    pub(super) fn enter(&self) -> Ticket {
        self.count.send_modify(|count| *count += 1);
        Ticket(self.count.clone())
    }

    /// Whether the server is stopping, so that connections are to be closed after their answer.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    pub(super) fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// From now on every answer closes its connection.
    pub(super) fn begin_to_drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Waits until nothing is under way.
    pub(super) async fn drained(&self) {
        // Fails only when the sender is gone, and it is held here.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
