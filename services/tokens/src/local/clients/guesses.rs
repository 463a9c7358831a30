//! How often secrets may be tried for one client.
//!
//! Who floods the service from one address is met by the throttle of addresses; this one meets who tries one client's
//! secret from many. It does not hold for an address from which that client's right secret came lately, so that nobody locks
//! an honest client out by sending wrong secrets in its name; what else is good from there says nothing about this client.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rollcall_base::{Id, Meter, Rate, Timestamp, marker};

use super::secrets::Asker;
use crate::{
    bounded::Bounded,
    throttle::{TRUST, network},
};

/// Tries for one client: one a second, and ten at once.
const EACH: Rate = Rate::new(1, 10);
/// Clients remembered. Beyond it, and only while that many are being tried, further ones are met by the throttle of
/// addresses alone.
const MOST_CLIENTS: usize = 100_000;

/// Clients and the addresses from which their right secrets came that are remembered. Beyond it who comes anew is a stranger
/// each time.
const MOST_TRUSTED: usize = 100_000;

/// Meters of clients, whether or not they exist: who tries learns nothing of that.
#[derive(Debug)]
pub(in crate::local) struct Guesses(Mutex<State>);

#[derive(Debug)]
struct State {
    meters: Bounded<Id<marker::OAuthClient>, Meter>,
    /// Until when an address is trusted with a client.
    trusted: Bounded<(IpAddr, Id<marker::OAuthClient>), Timestamp>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self(Mutex::new(State {
            meters: Bounded::new(MOST_CLIENTS, |meter: &Meter, now| meter.is_idle(now)),
            trusted: Bounded::new(MOST_TRUSTED, |until, now| *until <= now),
        }))
    }
}

impl Guesses {
    /// Lets one try from `from` pass, and says who asks; or after how long to come again.
    pub(super) fn admit(
        &self,
        client: Id<marker::OAuthClient>,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Asker, Duration> {
        let mut state = self.lock();
        if state.trusted.get(&(network(from), client)).is_some_and(|until| *until > now) {
            return Ok(Asker::Known);
        }
        let mut meter = state.meters.get(&client).copied().unwrap_or_default();
        EACH.take(&mut meter, now)?;
        state.meters.keep(client, meter, now);
        Ok(Asker::Stranger)
    }

    /// The secret was right: what it took is given back, and the address is trusted with this client for an hour.
    pub(super) fn was_good(&self, client: Id<marker::OAuthClient>, from: IpAddr, asker: Asker, now: Timestamp) {
        let mut state = self.lock();
        if asker == Asker::Stranger
            && let Some(meter) = state.meters.get_mut(&client)
        {
            EACH.give_back(meter);
        }
        state.trusted.keep((network(from), client), now.plus(TRUST), now);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is made whole before the lock is let go.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rollcall_base::SeededEntropy;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_client_is_tried_ten_times_and_then_once_a_second_and_its_neighbours_are_not_concerned() {
        let (guesses, entropy) = (Guesses::default(), SeededEntropy::new(1));
        let (client, neighbour) = (Id::new(NOW, &entropy), Id::new(NOW, &entropy));
        let here = address(1);
        assert_eq!((0..100).filter(|last| guesses.admit(client, address(*last), NOW).is_ok()).count(), 10);
        assert_eq!(guesses.admit(client, here, NOW), Err(Duration::from_secs(1)));
        assert_eq!(guesses.admit(client, here, NOW.plus(Duration::from_secs(1))), Ok(Asker::Stranger));
        assert_eq!(guesses.admit(neighbour, here, NOW), Ok(Asker::Stranger));
    }

    #[test]
    fn an_address_is_trusted_with_the_client_whose_secret_came_from_it_and_with_no_other() {
        let (guesses, entropy) = (Guesses::default(), SeededEntropy::new(2));
        let (client, other) = (Id::new(NOW, &entropy), Id::new(NOW, &entropy));
        for _ in 0..100 {
            let asker = guesses.admit(client, address(1), NOW).unwrap();
            guesses.was_good(client, address(1), asker, NOW);
        }
        for _ in 0..10 {
            assert_eq!(guesses.admit(client, address(2), NOW), Ok(Asker::Stranger));
            assert_eq!(guesses.admit(other, address(1), NOW), Ok(Asker::Stranger), "it is another client");
        }
        assert!(guesses.admit(client, address(2), NOW).is_err() && guesses.admit(other, address(1), NOW).is_err());
        assert_eq!(guesses.admit(client, address(1), NOW), Ok(Asker::Known));
        let an_hour_later = NOW.plus(TRUST);
        assert_eq!(guesses.admit(client, address(1), an_hour_later), Ok(Asker::Stranger));
    }

    fn lengths(guesses: &Guesses) -> (usize, usize) {
        let state = guesses.lock();
        (state.meters.len(), state.trusted.len())
    }

    #[test]
    fn the_tables_of_clients_are_bounded() {
        let (guesses, entropy) = (Guesses::default(), SeededEntropy::new(1));
        for _ in 0..MOST_CLIENTS + 10 {
            let client = Id::new(NOW, &entropy);
            let asker = guesses.admit(client, address(1), NOW).unwrap();
            guesses.was_good(client, address(1), Asker::Known, NOW);
            assert_eq!(asker, Asker::Stranger);
        }
        assert_eq!(lengths(&guesses), (MOST_CLIENTS, MOST_TRUSTED));
        let later = NOW.plus(TRUST);
        let client = Id::new(later, &entropy);
        guesses.admit(client, address(1), later).unwrap();
        guesses.was_good(client, address(1), Asker::Stranger, later);
        assert_eq!(lengths(&guesses), (1, 1));
    }
}
