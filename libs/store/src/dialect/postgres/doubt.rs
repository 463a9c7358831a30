//! Whether the connections that stand can be relied on.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// Once one connection was lost, or its server turned out to accept no writes, all others that were made before are of
/// a server that is going, gone, or no longer the right one: they are closed when they are next looked at.
#[derive(Debug, Default)]
pub(crate) struct Doubt {
    since: Mutex<Option<Instant>>,
    raised: Notify,
}

impl Doubt {
    /// Connections that stand now are not used again.
    pub(crate) fn raise(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.raised.notify_one();
    }

    /// Whether a connection of this age is older than the last doubt.
    pub(super) fn covers(&self, age: Duration) -> bool {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() <= age)
    }

    /// Waits for the next doubt.
    pub(super) async fn raised(&self) {
        self.raised.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_covers_what_stood_before_it_and_nothing_that_came_later() {
        let doubt = Doubt::default();
        assert!(!doubt.covers(Duration::from_secs(3600)));
        doubt.raise();
        assert!(doubt.covers(Duration::from_secs(3600)));
        assert!(!doubt.covers(Duration::ZERO));
    }
}
