//! The one connection for commands: made in the background, so that no request waits for it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use rollcall_base::Entropy;
use tokio::sync::watch;

use super::{Outage, Shared, connector, connector::Connection};

/// The connection, while there is one.
pub(crate) struct Link {
    current: watch::Sender<Option<Held>>,
    made: std::sync::atomic::AtomicU64,
}

/// A connection, and which one it is.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) connection: Connection,
    pub(crate) number: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self { current: watch::channel(None).0, made: 0.into() }
    }
}

impl Link {
    pub(crate) fn current(&self) -> Option<Held> {
        self.current.borrow().clone()
    }

    /// Until there is one, and for `most` at most.
    pub(crate) async fn wait(&self, most: Duration) {
        if self.current.borrow().is_none() {
            // Whoever waited in vain finds that out by the missing connection.
            let _ = tokio::time::timeout(most, self.current.subscribe().wait_for(Option::is_some)).await;
        }
    }

    /// The connection `number` is of no use any more.
    pub(crate) fn lose(&self, number: u64) {
        self.current.send_if_modified(|held| held.take_if(|held| held.number == number).is_some());
    }

    fn set(&self, connection: Connection) {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        self.current.send_replace(Some(Held { connection, number }));
    }
}

/// Pauses between attempts, each about twice the last, with jitter, so that the processes of an installation do not all
/// come back in the same moment.
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(2);

    pub(super) const fn new() -> Self {
        Self { next: Self::FIRST }
    }

    /// Half of the pause is certain, half is chance.
    pub(super) fn pause(&mut self, entropy: &dyn Entropy) -> Duration {
        let half = self.next / 2;
        self.next = (self.next * 2).min(Self::LONGEST);
        let mut byte = [0];
        entropy.fill(&mut byte);
        half + half * u32::from(byte[0]) / 255
    }
}

/// Connects whenever there is no connection.
pub(super) async fn keep(shared: Arc<Shared>) {
    let mut watched = shared.link.current.subscribe();
    let mut backoff = Backoff::new();
    loop {
        let within = connector::attempt_within(&shared.settings);
        match tokio::time::timeout(within, shared.connector.connect()).await {
            Ok(Ok(connection)) => {
                shared.link.set(connection);
                shared.breaker.try_soon(Instant::now());
                let made = Instant::now();
                if watched.wait_for(Option::is_none).await.is_err() {
                    return;
                }
                // One that is lost at once is not made again at once.
                if made.elapsed() > Backoff::LONGEST {
                    backoff = Backoff::new();
                }
                tokio::time::sleep(backoff.pause(&*shared.entropy)).await;
                continue;
            }
            Ok(Err(error)) => {
                shared.metrics.failed(Outage::Connection.kind());
                tracing::debug!(%error, "Redis cannot be connected to");
            }
            Err(_) => shared.metrics.failed(Outage::Timeout.kind()),
        }
        tokio::time::sleep(backoff.pause(&*shared.entropy)).await;
    }
}

#[cfg(test)]
mod tests {
    use rollcall_base::SeededEntropy;

    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_are_never_quite_the_same() {
        let (mut backoff, entropy) = (Backoff::new(), SeededEntropy::new(1));
        let mut whole = Backoff::FIRST;
        for _ in 0..20 {
            let pause = backoff.pause(&entropy);
            assert!(pause >= whole / 2 && pause <= whole, "{pause:?} of {whole:?}");
            whole = (whole * 2).min(Backoff::LONGEST);
        }
    }
}
