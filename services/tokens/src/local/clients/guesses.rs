//! How often secrets may be tried for one client from one address, and from where which clients are known.
//!
//! A secret has 256 random bits: nobody finds it by trying, from however many addresses. What is bounded is what tries cost, so
//! that no meter is shared by an honest client and whoever knows its id; one address tries one client's secret no more often than
//! an honest client with a wrong one does. Where a client's right secret came from lately it is not metered here at all; what else
//! is good from there says nothing about this client.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rollcall_base::{Id, Meter, Rate, Timestamp, marker};

use super::secrets::Asker;
use crate::{
    bounded::Bounded,
    throttle::{KNOWN, network},
};

/// Tries for one client from one address: one a second, and ten at once.
const EACH: Rate = Rate::new(1, 10);
/// Clients and addresses that try are remembered. Beyond it, and only while that many try, further ones are met by the throttle
/// of addresses alone.
const MOST_TRIED: usize = 100_000;

/// Clients and the addresses from which their right secrets came that are remembered. Beyond it who comes anew is a stranger
/// each time.
const MOST_TRUSTED: usize = 100_000;

/// An address that tries a client's secret; an IPv6 network of /64 counts as one.
type Place = (IpAddr, Id<marker::OAuthClient>);

/// Meters of tries, whether or not the clients exist: who tries learns nothing of that.
#[derive(Debug)]
pub(in crate::local) struct Guesses(Mutex<State>);

#[derive(Debug)]
struct State {
    meters: Bounded<Place, Meter>,
    /// Until when a client is known at an address.
    trusted: Bounded<Place, Timestamp>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self(Mutex::new(State {
            meters: Bounded::new(MOST_TRIED, |meter: &Meter, now| meter.is_idle(now)),
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
        let (mut state, place) = (self.lock(), (network(from), client));
        if state.trusted.get(&place).is_some_and(|until| *until > now) {
            return Ok(Asker::Known);
        }
        let mut meter = state.meters.get(&place).copied().unwrap_or_default();
        EACH.take(&mut meter, now)?;
        state.meters.keep(place, meter, now);
        Ok(Asker::Stranger)
    }

    /// A try that was let pass was not made: what it took is given back.
    pub(super) fn give_back(&self, client: Id<marker::OAuthClient>, from: IpAddr, asker: Asker) {
        if asker == Asker::Stranger
            && let Some(meter) = self.lock().meters.get_mut(&(network(from), client))
        {
            EACH.give_back(meter);
        }
    }

    /// The secret was right: what it took is given back, and the client is known at that address for a week.
    pub(super) fn was_good(&self, client: Id<marker::OAuthClient>, from: IpAddr, asker: Asker, now: Timestamp) {
        self.give_back(client, from, asker);
        self.trust(client, from, now);
    }

    /// The client's right secret came from there lately.
    pub(in crate::local) fn trust(&self, client: Id<marker::OAuthClient>, from: IpAddr, now: Timestamp) {
        self.lock().trusted.keep((network(from), client), now.plus(KNOWN), now);
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

    fn tried(guesses: &Guesses, client: Id<marker::OAuthClient>, from: IpAddr, times: usize) -> usize {
        (0..times).filter(|_| guesses.admit(client, from, NOW).is_ok()).count()
    }

    #[test]
    fn an_address_tries_a_client_ten_times_and_then_once_a_second_and_nobody_else_is_concerned() {
        let (guesses, entropy) = (Guesses::default(), SeededEntropy::new(1));
        let (client, neighbour) = (Id::new(NOW, &entropy), Id::new(NOW, &entropy));
        assert_eq!(tried(&guesses, client, address(1), 100), 10);
        assert_eq!(guesses.admit(client, address(1), NOW), Err(Duration::from_secs(1)));
        assert_eq!(guesses.admit(client, address(1), NOW.plus(Duration::from_secs(1))), Ok(Asker::Stranger));
        assert_eq!(tried(&guesses, neighbour, address(1), 100), 10, "another client from there");
        for last in 2..=255 {
            assert_eq!(tried(&guesses, client, address(last), 100), 10, "the client from elsewhere");
        }
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_what_was_not_tried_is_given_back() {
        let (guesses, client) = (Guesses::default(), Id::new(NOW, &SeededEntropy::new(1)));
        let inside = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        assert_eq!((0..100).filter(|last| guesses.admit(client, inside(*last), NOW).is_ok()).count(), 10);
        guesses.give_back(client, inside(200), Asker::Known);
        assert_eq!(tried(&guesses, client, inside(1), 5), 0, "who is known took nothing");
        guesses.give_back(client, inside(200), Asker::Stranger);
        assert_eq!(tried(&guesses, client, inside(1), 5), 1);
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
        assert_eq!(guesses.admit(client, address(1), NOW.plus(KNOWN)), Ok(Asker::Stranger));
    }

    fn lengths(guesses: &Guesses) -> (usize, usize) {
        let state = guesses.lock();
        (state.meters.len(), state.trusted.len())
    }

    #[test]
    fn the_tables_of_clients_are_bounded() {
        let (guesses, entropy) = (Guesses::default(), SeededEntropy::new(1));
        for _ in 0..MOST_TRIED + 10 {
            let client = Id::new(NOW, &entropy);
            let asker = guesses.admit(client, address(1), NOW).unwrap();
            guesses.was_good(client, address(1), Asker::Known, NOW);
            assert_eq!(asker, Asker::Stranger);
        }
        assert_eq!(lengths(&guesses), (MOST_TRIED, MOST_TRUSTED));
        let later = NOW.plus(KNOWN);
        let client = Id::new(later, &entropy);
        guesses.admit(client, address(1), later).unwrap();
        guesses.was_good(client, address(1), Asker::Stranger, later);
        assert_eq!(lengths(&guesses), (1, 1));
    }
}
