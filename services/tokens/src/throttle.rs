//! How often unknown tokens may reach the database, and secrets be guessed.
//!
//! Two meters: one per client address, so that one attacker stops nobody else, and a common one for all addresses, so that many
//! attackers do not stop the database: one for tokens, one for OAuth clients. What turns out good gives back what it took, and
//! its address is trusted for an hour: the common meters, which attackers can exhaust, do not hold for it. A credential that was
//! good, or that was issued here, is known for a week and not metered at all, wherever it comes from.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rollcall_base::{Clock, DAY, HOUR, Id, Meter, Rate, Timestamp, marker};

use crate::{ThrottleLimits, bounded::Bounded};

/// Addresses remembered, and credentials that were good. Beyond it, and only while that many are active, a new address is
/// metered with all others, and a credential's question as a stranger's.
const MOST_REMEMBERED: usize = 100_000;
const TRUST: Duration = HOUR;
/// How long it is known that a credential was good, or that a client came from an address: long enough for an IdP that has nothing
/// to say over a weekend.
pub(crate) const KNOWN: Duration = DAY.saturating_mul(7);

/// What is asked about. Of each there is a common meter, so that a flood of one holds none of the other up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// A token, or the URL that it is sent to.
    Token,
    /// An OAuth client.
    Client,
}

/// What a question took: to be given back if it was an honest one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// The common meter that it was taken from, too.
    from_all: Option<About>,
}

/// All meters.
#[derive(Debug)]
pub(crate) struct Throttle {
    clock: Arc<dyn Clock>,
    each: Rate,
    all: Rate,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    addresses: Bounded<IpAddr, Address>,
    /// Credentials that are good or were within [`KNOWN`], and until when that counts.
    good: Bounded<Id<marker::Credential>, Timestamp>,
    all_tokens: Meter,
    all_clients: Meter,
}

#[derive(Debug, Clone, Copy, Default)]
struct Address {
    meter: Meter,
    trusted_until: Timestamp,
}

impl Throttle {
    pub(crate) fn new(limits: ThrottleLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            each: Rate::new(limits.per_second, limits.burst),
            all: Rate::new(limits.total_per_second, limits.total_burst),
            state: Mutex::new(State {
                addresses: Bounded::new(MOST_REMEMBERED, Address::is_over),
                good: Bounded::new(MOST_REMEMBERED, |until, now| *until <= now),
                all_tokens: Meter::default(),
                all_clients: Meter::default(),
            }),
        }
    }

    /// Lets a question about a credential pass that is known to be good: whoever shares its address with somebody who guesses is
    /// not held up by him, nor by any number of strangers.
    pub(crate) fn knows(&self, id: Id<marker::Credential>) -> bool {
        let now = self.clock.now();
        self.lock().good.get(&id).is_some_and(|until| *until > now)
    }

    /// This credential is good, and no longer than until `ends_at`.
    pub(crate) fn remember(&self, id: Id<marker::Credential>, ends_at: Timestamp) {
        let now = self.clock.now();
        self.lock().good.keep(id, now.plus(KNOWN).min(ends_at), now);
    }

    /// Lets one question from `from` pass, or says after how long to try again.
    pub(crate) fn admit(&self, about: About, from: IpAddr) -> Result<Taken, Duration> {
        let now = self.clock.now();
        let mut state = self.lock();
        let key = network(from);
        let mut address = state.addresses.get(&key).copied().unwrap_or_default();
        self.each.take(&mut address.meter, now)?;
        let from_all = (address.trusted_until <= now).then_some(about);
        if from_all.is_some() {
            self.all.take(state.all(about), now)?;
        }
        state.addresses.keep(key, address, now);
        Ok(Taken { from_all })
    }

    /// What concerns `from` alone: a guess at the secret of a credential that is in memory, which costs no question, or a client
    /// that is known there. It is let pass, or is told after how long to try again.
    pub(crate) fn admit_alone(&self, from: IpAddr) -> Result<Taken, Duration> {
        let now = self.clock.now();
        let mut state = self.lock();
        let key = network(from);
        let mut address = state.addresses.get(&key).copied().unwrap_or_default();
        self.each.take(&mut address.meter, now)?;
        state.addresses.keep(key, address, now);
        Ok(Taken { from_all: None })
    }

    /// A token or secret from `from` was good: what was `taken` is given back, if something was. Who waited for another's question,
    /// or was let pass without, has nothing to be given back: it would pay for somebody's guesses.
    pub(crate) fn was_good(&self, from: IpAddr, taken: Option<Taken>) {
        let now = self.clock.now();
        let mut state = self.lock();
        let key = network(from);
        let mut address = state.addresses.get(&key).copied().unwrap_or_default();
        if let Some(Taken { from_all }) = taken {
            if let Some(about) = from_all {
                self.all.give_back(state.all(about));
            }
            self.each.give_back(&mut address.meter);
        }
        address.trusted_until = now.plus(TRUST);
        state.addresses.keep(key, address, now);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is made whole before the lock is let go, so that a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    const fn all(&mut self, about: About) -> &mut Meter {
        match about {
            About::Token => &mut self.all_tokens,
            About::Client => &mut self.all_clients,
        }
    }
}

impl Address {
    fn is_over(&self, now: Timestamp) -> bool {
        self.meter.is_idle(now) && self.trusted_until <= now
    }
}

/// Who counts as one: an IPv6 network of /64, which any subscriber has to himself.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use rollcall_base::ManualClock;

    use super::*;

    const LIMITS: ThrottleLimits = ThrottleLimits { per_second: 2, burst: 4, total_per_second: 10, total_burst: 20 };

    fn throttle() -> (Throttle, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_000_000_000)));
        (Throttle::new(LIMITS, clock.clone()), clock)
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn admitted(throttle: &Throttle, from: IpAddr, tries: usize) -> usize {
        (0..tries).filter(|_| throttle.admit(About::Token, from).is_ok()).count()
    }

    #[test]
    fn an_address_has_its_burst_and_then_its_rate() {
        let (throttle, clock) = throttle();
        assert_eq!(admitted(&throttle, address(1), 100), 4);
        let wait = throttle.admit(About::Token, address(1)).unwrap_err();
        assert_eq!(wait, Duration::from_millis(500));
        clock.advance(wait);
        assert_eq!(admitted(&throttle, address(1), 100), 1);
        clock.advance(Duration::from_secs(3600));
        assert_eq!(admitted(&throttle, address(1), 100), 4);
    }

    #[test]
    fn one_attacker_leaves_the_others_their_share() {
        let (throttle, _) = throttle();
        admitted(&throttle, address(1), 1_000_000);
        assert_eq!(admitted(&throttle, address(2), 4), 4);
    }

    #[test]
    fn many_attackers_share_a_bound_that_does_not_hold_for_who_was_good_before() {
        let (throttle, clock) = throttle();
        let taken = throttle.admit(About::Token, address(200)).unwrap();
        throttle.was_good(address(200), Some(taken));
        clock.advance(Duration::from_secs(60));
        let all: usize = (0..100).map(|last| admitted(&throttle, address(last), 4)).sum();
        assert_eq!(all, 20);
        assert_eq!(admitted(&throttle, address(100), 1), 0);
        assert_eq!(admitted(&throttle, address(200), 4), 4);
        clock.advance(TRUST);
        for last in 0..100 {
            admitted(&throttle, address(last), 4);
        }
        assert_eq!(admitted(&throttle, address(200), 4), 0);
    }

    #[test]
    fn good_tokens_cost_nothing() {
        let (throttle, _) = throttle();
        for _ in 0..1_000 {
            let taken = throttle.admit(About::Token, address(1)).unwrap();
            throttle.was_good(address(1), Some(taken));
        }
        assert_eq!(admitted(&throttle, address(1), 100), 4);
    }

    #[test]
    fn a_good_token_that_took_nothing_gives_nothing_back_and_is_trusted_all_the_same() {
        let (throttle, _) = throttle();
        assert_eq!(admitted(&throttle, address(1), 3), 3);
        for _ in 0..1_000 {
            throttle.was_good(address(1), None);
        }
        assert!(throttle.lock().addresses.get(&network(address(1))).unwrap().trusted_until > throttle.clock.now());
        assert_eq!(admitted(&throttle, address(1), 100), 1);
    }

    #[test]
    fn floods_of_tokens_and_of_clients_leave_each_other_alone() {
        for (flooded, other) in [(About::Token, About::Client), (About::Client, About::Token)] {
            let (throttle, _) = throttle();
            let asked = |about| (0..100).filter(|last| throttle.admit(about, address(*last)).is_ok()).count();
            assert_eq!((asked(flooded), asked(flooded), asked(other)), (20, 0, 20));
        }
    }

    #[test]
    fn what_is_given_back_is_what_was_taken() {
        let (throttle, _) = throttle();
        let alone = throttle.admit_alone(address(1)).unwrap();
        let taken: Vec<_> = (2..22).map(|last| throttle.admit(About::Client, address(last)).unwrap()).collect();
        // That one took nothing from the common meter, and the address that it made a trusted one did.
        throttle.was_good(address(1), Some(alone));
        assert!(throttle.admit(About::Client, address(30)).is_err());
        throttle.was_good(address(2), None);
        throttle.was_good(address(2), Some(taken[0]));
        assert!(
            throttle.admit(About::Client, address(30)).is_ok() && throttle.admit(About::Client, address(30)).is_err()
        );
    }

    #[test]
    fn a_credential_is_known_for_a_week_and_no_longer_than_it_is_good() {
        let (throttle, clock) = throttle();
        let entropy = rollcall_base::SeededEntropy::new(1);
        let now = clock.now();
        let (long, short, unknown) = (Id::new(now, &entropy), Id::new(now, &entropy), Id::new(now, &entropy));
        let hour = Duration::from_secs(3600);
        throttle.remember(long, now.plus(100 * KNOWN));
        throttle.remember(short, now.plus(hour));
        assert!(throttle.knows(long) && throttle.knows(short) && !throttle.knows(unknown));
        clock.advance(hour);
        assert!(throttle.knows(long) && !throttle.knows(short));
        clock.advance(KNOWN - hour);
        assert!(!throttle.knows(long));
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let (throttle, _) = throttle();
        let inside = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]);
        let all: usize = (0..50).map(|last| admitted(&throttle, inside(last), 1)).sum();
        assert_eq!(all, 4);
        assert_eq!(admitted(&throttle, IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1]), 1), 1);
    }

    #[test]
    fn the_table_of_addresses_is_bounded() {
        let (throttle, clock) = throttle();
        let mut state = throttle.lock();
        let now = clock.now();
        for number in 0..MOST_REMEMBERED + 10 {
            let key = IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
            let mut busy = Address::default();
            throttle.each.take(&mut busy.meter, now).unwrap();
            state.addresses.keep(key, busy, now);
        }
        assert_eq!(state.addresses.len(), MOST_REMEMBERED);
        let later = now.plus(Duration::from_secs(2));
        state.addresses.keep(IpAddr::from([255, 255, 255, 255]), Address::default(), later);
        assert_eq!(state.addresses.len(), 1);
    }
}
