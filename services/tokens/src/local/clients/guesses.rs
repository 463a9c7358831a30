//! How often secrets may be tried for one client.
//!
//! Who floods the service from one address is met by the throttle of addresses; this one meets who tries one client's
//! secret from many. It does not hold for an address from which a right credential came lately, so that nobody locks an
//! honest client out by sending wrong secrets in its name.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rollcall_base::{Id, Meter, Rate, Timestamp, marker};

/// Tries for one client: one a second, and ten at once.
const EACH: Rate = Rate::new(1, 10);
/// Clients remembered. Beyond it, and only while that many are being tried, further ones are met by the throttle of
/// addresses alone.
const MOST_CLIENTS: usize = 100_000;

/// Meters of clients, whether or not they exist: who tries learns nothing of that.
#[derive(Debug, Default)]
pub(in crate::local) struct Guesses(Mutex<HashMap<Id<marker::OAuthClient>, Meter>>);

impl Guesses {
    /// Lets one try pass, or says after how long to come again.
    pub(super) fn admit(&self, client: Id<marker::OAuthClient>, now: Timestamp) -> Result<(), Duration> {
        let mut meters = self.lock();
        let mut meter = meters.get(&client).copied().unwrap_or_default();
        EACH.take(&mut meter, now)?;
        if meters.len() >= MOST_CLIENTS && !meters.contains_key(&client) {
            meters.retain(|_, meter| !meter.is_idle(now));
            if meters.len() >= MOST_CLIENTS {
                return Ok(());
            }
        }
        meters.insert(client, meter);
        Ok(())
    }

    /// The secret was right: what it took is given back.
    pub(super) fn was_good(&self, client: Id<marker::OAuthClient>) {
        if let Some(meter) = self.lock().get_mut(&client) {
            EACH.give_back(meter);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id<marker::OAuthClient>, Meter>> {
        // Every change is made whole before the lock is let go.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rollcall_base::SeededEntropy;

    use super::*;

    #[test]
    fn a_client_is_tried_ten_times_and_then_once_a_second_and_its_neighbours_are_not_concerned() {
        let (guesses, entropy, now) =
            (Guesses::default(), SeededEntropy::new(1), Timestamp::from_micros(1_000_000_000));
        let (client, neighbour) = (Id::new(now, &entropy), Id::new(now, &entropy));
        assert_eq!((0..100).filter(|_| guesses.admit(client, now).is_ok()).count(), 10);
        assert_eq!(guesses.admit(client, now), Err(Duration::from_secs(1)));
        assert_eq!(guesses.admit(client, now.plus(Duration::from_secs(1))), Ok(()));
        assert_eq!(guesses.admit(neighbour, now), Ok(()));
        for _ in 0..100 {
            guesses.admit(neighbour, now).unwrap();
            guesses.was_good(neighbour);
        }
    }

    #[test]
    fn the_table_of_clients_is_bounded() {
        let (guesses, entropy, now) =
            (Guesses::default(), SeededEntropy::new(1), Timestamp::from_micros(1_000_000_000));
        for _ in 0..MOST_CLIENTS + 10 {
            guesses.admit(Id::new(now, &entropy), now).unwrap();
        }
        assert_eq!(guesses.lock().len(), MOST_CLIENTS);
        let later = now.plus(Duration::from_secs(2));
        guesses.admit(Id::new(later, &entropy), later).unwrap();
        assert_eq!(guesses.lock().len(), 1);
    }
}
