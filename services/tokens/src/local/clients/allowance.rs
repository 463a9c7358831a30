//! How often a client that is who it says may ask for access tokens.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rollcall_base::{Id, Meter, Rate, Timestamp, marker};

use crate::bounded::Bounded;

/// Clients remembered. Beyond it, and only while that many are busy, a further one is bounded by its tenant's requests under
/// way alone.
const MOST_CLIENTS: usize = 100_000;
/// What ends when requests that are under way end takes no longer than this as a rule.
const SOON: Duration = Duration::from_secs(1);

/// What each client and each tenant has, in this process.
#[derive(Debug)]
pub(in crate::local) struct Allowances {
    each: Rate,
    in_flight: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    clients: Bounded<Id<marker::OAuthClient>, Meter>,
    under_way: HashMap<Id<marker::Tenant>, usize>,
}

/// A request for an access token, under way until this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay<'a>(&'a Allowances, Id<marker::Tenant>);

impl Allowances {
    /// `each` client's rate, and how many requests of a tenant may be under way at once.
    pub(in crate::local) fn new(each: Rate, in_flight: usize) -> Self {
        let clients = Bounded::new(MOST_CLIENTS, |meter: &Meter, now| meter.is_idle(now));
        Self { each, in_flight, state: Mutex::new(State { clients, under_way: HashMap::new() }) }
    }

    /// Takes a request of the `client` of `tenant`, which has proved who it is.
    ///
    /// # Errors
    /// After how long to try again.
    pub(super) fn take(
        &self,
        client: Id<marker::OAuthClient>,
        tenant: Id<marker::Tenant>,
        now: Timestamp,
    ) -> Result<UnderWay<'_>, Duration> {
        let mut state = self.lock();
        if state.under_way.get(&tenant).is_some_and(|under_way| *under_way >= self.in_flight) {
            return Err(SOON);
        }
        let mut meter = state.clients.get(&client).copied().unwrap_or_default();
        self.each.take(&mut meter, now)?;
        state.clients.keep(client, meter, now);
        *state.under_way.entry(tenant).or_default() += 1;
        Ok(UnderWay(self, tenant))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is made whole before the lock is let go.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let counts = &mut self.0.lock().under_way;
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rollcall_base::SeededEntropy;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

    #[test]
    fn a_client_has_its_burst_and_then_its_rate_and_another_of_the_same_tenant_its_own() {
        let (allowances, entropy) = (Allowances::new(Rate::new(25, 100), 1), SeededEntropy::new(1));
        let tenant = Id::new(NOW, &entropy);
        let [one, other] = [(); 2].map(|()| Id::new(NOW, &entropy));
        assert_eq!((0..1_000).filter(|_| allowances.take(one, tenant, NOW).is_ok()).count(), 100);
        assert_eq!(allowances.take(one, tenant, NOW).unwrap_err(), Duration::from_millis(40));
        assert!(allowances.take(one, tenant, NOW.plus(Duration::from_millis(40))).is_ok());
        assert!(allowances.take(other, tenant, NOW).is_ok());
        assert!(allowances.lock().under_way.is_empty());
    }

    #[test]
    fn a_tenant_has_so_many_under_way_and_another_is_not_touched() {
        let (allowances, entropy) = (Allowances::new(Rate::new(25, 100), 2), SeededEntropy::new(1));
        let [tenant, neighbour] = [(); 2].map(|()| Id::new(NOW, &entropy));
        let [one, other, third] = [(); 3].map(|()| Id::new(NOW, &entropy));
        let _held = allowances.take(one, tenant, NOW).unwrap();
        let second = allowances.take(other, tenant, NOW).unwrap();
        assert_eq!(allowances.take(third, tenant, NOW).unwrap_err(), SOON);
        assert!(allowances.take(Id::new(NOW, &entropy), neighbour, NOW).is_ok());
        drop(second);
        assert!(allowances.take(third, tenant, NOW).is_ok());
    }
}
