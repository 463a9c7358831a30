use std::sync::Mutex;

use rollcall_base::{ManualClock, Rate, SeededEntropy, SystemClock};
use tokio::task::JoinHandle;

use super::*;

const START: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);
const NONE: Duration = Duration::ZERO;
/// What takes so long has failed.
const LONG: Duration = Duration::from_secs(60);

/// A gateway's limiter on a clock that stands still.
struct Edge {
    limiter: Limiter,
    clock: Arc<ManualClock>,
    entropy: SeededEntropy,
}

type Who = (Id<marker::Tenant>, Id<marker::Directory>);

impl Edge {
    fn new(limits: Limits) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let limiter = Limiter::new(limits, None, clock.clone(), &Registry::new()).unwrap();
        Self { limiter, clock, entropy: SeededEntropy::new(1) }
    }

    fn someone(&self) -> Who {
        (Id::new(START, &self.entropy), Id::new(START, &self.entropy))
    }

    fn sibling(&self, (tenant, _): Who) -> Who {
        (tenant, Id::new(START, &self.entropy))
    }

    async fn admit(&self, (tenant, directory): Who) -> Result<Ticket, Reason> {
        self.limiter.0.admit(Api::Scim, tenant, directory, false).await
    }

    /// How many of `tries` at once are taken, each of which ends at once; and why not more.
    async fn taken(&self, who: Who, tries: usize) -> (usize, Option<Reason>) {
        let (mut taken, mut reason) = (0, None);
        for _ in 0..tries {
            match self.admit(who).await {
                Ok(_) => taken += 1,
                Err(why) => reason = Some(why),
            }
        }
        (taken, reason)
    }

    /// Uses the guarantee up.
    async fn unguarded(&self, who: Who) {
        assert_eq!(self.taken(who, 25).await, (25, None));
    }

    fn spawn(&self, (tenant, directory): Who) -> JoinHandle<Result<Ticket, Reason>> {
        let inner = Arc::clone(&self.limiter.0);
        tokio::spawn(async move { inner.admit(Api::Scim, tenant, directory, false).await })
    }

    fn waiting(&self, (tenant, directory): Who) -> bool {
        let inner = &self.limiter.0;
        let place = inner.scim.places.of(tenant, directory, START, &inner.limits);
        let line = place.line_up(1);
        line.is_none()
    }
}

/// Lets all other tasks go as far as they can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_directory_has_its_burst_and_then_its_rate_and_is_told_so() {
    let edge = Edge::new(Limits { directory: Rate::new(100, 50), patience: NONE, ..Limits::default() });
    let who = edge.someone();
    assert_eq!(edge.taken(who, 1_000).await, (50, Some(Reason::DirectoryRate)));
    assert_eq!(edge.taken(edge.someone(), 50).await, (50, None), "another tenant is not touched");
    assert_eq!(edge.taken(edge.sibling(who), 50).await, (50, None), "nor is another directory of the same");
    edge.clock.advance(Duration::from_millis(100));
    assert_eq!(edge.taken(who, 1_000).await.0, 10 - 1, "2 of 25 a second and 7 of the other 75, each whole");
}

#[tokio::test]
async fn a_directory_of_25_a_second_has_these_and_no_more() {
    let edge = Edge::new(Limits { directory: Rate::new(25, 25), patience: NONE, ..Limits::default() });
    let who = edge.someone();
    assert_eq!(edge.taken(who, 100).await, (25, Some(Reason::DirectoryRate)));
    edge.clock.advance(Duration::from_millis(40));
    assert_eq!(edge.taken(who, 100).await.0, 1);
}

#[tokio::test]
async fn the_directories_of_a_tenant_share_its_rate_beyond_what_is_guaranteed() {
    let edge = Edge::new(Limits { tenant: Rate::new(100, 30), patience: NONE, ..Limits::default() });
    let (one, other) = (edge.someone(), edge.someone());
    let sibling = edge.sibling(one);
    assert_eq!(edge.taken(one, 200).await, (55, Some(Reason::TenantRate)));
    assert_eq!(edge.taken(sibling, 200).await, (25, Some(Reason::TenantRate)));
    assert_eq!(edge.taken(other, 55).await, (55, None));
    edge.clock.advance(Duration::from_millis(100));
    assert_eq!(edge.taken(sibling, 200).await, (12, Some(Reason::TenantRate)));
}

#[tokio::test]
async fn what_the_tenant_refuses_costs_the_directory_nothing() {
    let limits =
        Limits { directory: Rate::new(26, 125), tenant: Rate::new(40, 30), patience: NONE, ..Limits::default() };
    let edge = Edge::new(limits);
    let who = edge.someone();
    assert_eq!(edge.taken(who, 200).await, (55, Some(Reason::TenantRate)));
    edge.clock.advance(Duration::from_secs(1));
    assert_eq!(edge.taken(who, 200).await, (55, Some(Reason::TenantRate)));
}

#[tokio::test]
async fn who_keeps_to_the_guarantee_is_taken_at_once_whatever_the_tenant_does() {
    let limits =
        Limits { tenant: Rate::new(25, 25), in_flight: 1, patience: LONG, waiting: 1_000, ..Limits::default() };
    let edge = Edge::new(limits);
    let flood = edge.someone();
    edge.unguarded(flood).await;
    let held = edge.admit(flood).await.unwrap();
    let waiting: Vec<_> = (0..100).map(|_| edge.spawn(flood)).collect();
    settle().await;
    let quiet = edge.sibling(flood);
    edge.unguarded(quiet).await;
    for _ in 0..1_000 {
        edge.clock.advance(Duration::from_millis(40));
        edge.admit(quiet).await.unwrap();
    }
    assert!(!waiting.iter().all(JoinHandle::is_finished));
    waiting.iter().for_each(JoinHandle::abort);
    drop(held);
    settle().await;
    assert_eq!(edge.limiter.0.metrics.in_flight.get(), 0);
}

#[tokio::test]
async fn guaranteed_requests_have_a_place_that_they_give_back() {
    let edge = Edge::new(Limits { in_flight: 1, ..Limits::default() });
    let who = edge.someone();
    let inner = &edge.limiter.0;
    let place = inner.scim.places.of(who.0, who.1, START, &inner.limits);
    let first = edge.admit(who).await.unwrap();
    assert_eq!(place.lane.available_permits(), 0);
    edge.admit(edge.sibling(who)).await.unwrap();
    drop(first);
    assert_eq!(place.lane.available_permits(), 1);
    let second = edge.admit(who).await.unwrap();
    assert_eq!(place.lane.available_permits(), 0);
    drop(second);
    assert_eq!((place.lane.available_permits(), inner.metrics.in_flight.get()), (1, 0));
}

#[tokio::test]
async fn guaranteed_requests_behind_long_downloads_of_the_same_directory_go_on_after_a_while() {
    let edge = Edge::new(Limits { in_flight: 1, patience: Duration::from_millis(5), ..Limits::default() });
    let who = edge.someone();
    let mut downloads = Vec::new();
    for _ in 0..25 {
        downloads.push(edge.admit(who).await.unwrap());
    }
    assert_eq!(edge.limiter.0.metrics.in_flight.get(), 25);
}

#[tokio::test]
async fn beyond_the_most_at_once_requests_wait_until_others_have_ended() {
    let edge = Edge::new(Limits { in_flight: 2, patience: LONG, ..Limits::default() });
    let who = edge.someone();
    edge.unguarded(who).await;
    let (first, second) = (edge.admit(who).await.unwrap(), edge.admit(who).await.unwrap());
    let third = edge.spawn(who);
    settle().await;
    assert!(!third.is_finished());
    assert_eq!(edge.taken(edge.someone(), 30).await, (30, None), "another tenant does not wait");
    drop(first);
    let third = third.await.unwrap().unwrap();
    assert_eq!(edge.limiter.0.metrics.in_flight.get(), 2);
    drop((second, third));
    assert_eq!(edge.limiter.0.metrics.in_flight.get(), 0);
}

#[tokio::test]
async fn lookups_do_not_wait_for_what_an_idp_sends() {
    let limits = Limits { in_flight: 1, turn_within: NONE, patience: NONE, ..Limits::default() };
    let edge = Edge::new(limits);
    let who = edge.someone();
    edge.unguarded(who).await;
    let _export = edge.admit(who).await.unwrap();
    assert_eq!(edge.admit(who).await.unwrap_err(), Reason::InFlight);
    for _ in 0..100 {
        edge.limiter.0.admit(Api::Lookup, who.0, who.1, false).await.unwrap();
    }
    assert_eq!(edge.admit(who).await.unwrap_err(), Reason::InFlight, "nor the other way round");
}

#[tokio::test]
async fn with_other_tenants_about_fewer_requests_are_worked_on_and_a_guaranteed_one_always_is() {
    let limits = Limits { in_flight: 4, working: 2, turn_within: NONE, patience: NONE, ..Limits::default() };
    let edge = Edge::new(limits);
    let who = edge.someone();
    edge.unguarded(who).await;
    let worked_on = async |who: Who, tries: usize| {
        let mut tickets = Vec::new();
        for _ in 0..tries {
            tickets.extend(edge.admit(who).await.ok());
        }
        tickets
    };
    assert_eq!(worked_on(who, 10).await.len(), 4);
    let other = edge.someone();
    edge.unguarded(other).await;
    let two = worked_on(who, 10).await;
    assert_eq!(two.len(), 2);
    assert_eq!(worked_on(other, 10).await.len(), 1, "who has none is not kept waiting");
    edge.clock.advance(Duration::from_millis(40));
    edge.admit(who).await.unwrap();
    drop(two);
    assert_eq!(worked_on(who, 10).await.len(), 2);
}

#[tokio::test]
async fn guaranteed_requests_that_are_not_over_take_no_place_of_the_others_and_are_bounded_themselves() {
    let limits = Limits { guaranteed_in_flight: 30, in_flight: 1, patience: NONE, ..Limits::default() };
    let edge = Edge::new(Limits { turn_within: NONE, ..limits });
    let who = edge.someone();
    let mut guaranteed = Vec::new();
    for _ in 0..25 {
        guaranteed.push(edge.admit(who).await.unwrap());
    }
    let other = edge.admit(who).await.unwrap();
    assert_eq!(edge.admit(who).await.unwrap_err(), Reason::InFlight);
    edge.clock.advance(Duration::from_secs(1));
    for _ in 0..5 {
        guaranteed.push(edge.admit(who).await.unwrap());
    }
    assert_eq!(
        edge.admit(who).await.unwrap_err(),
        Reason::InFlight,
        "30 are not over, and the next is one of the others"
    );
    edge.unguarded(edge.sibling(who)).await;
    drop(other);
    edge.admit(who).await.unwrap();
    guaranteed.pop();
    let again = edge.admit(who).await.unwrap();
    assert_eq!(edge.limiter.0.metrics.in_flight.get(), 30);
    drop((guaranteed, again));
    assert_eq!(edge.limiter.0.metrics.in_flight.get(), 0);
}

#[tokio::test]
async fn a_directory_without_any_rate_but_the_guarantee_is_told_what_is_too_much() {
    let limits = Limits { directory: Rate::new(25, 25), guaranteed_in_flight: 25, patience: NONE, ..Limits::default() };
    let edge = Edge::new(limits);
    let who = edge.someone();
    let mut open = Vec::new();
    for _ in 0..25 {
        open.push(edge.admit(who).await.unwrap());
    }
    edge.clock.advance(Duration::from_secs(1));
    assert_eq!(edge.admit(who).await.unwrap_err(), Reason::InFlight);
    open.pop();
    edge.admit(who).await.unwrap();
}

#[tokio::test]
async fn who_waits_in_vain_is_told_what_for() {
    let limits = Limits { in_flight: 1, turn_within: Duration::from_millis(5), patience: NONE, ..Limits::default() };
    let edge = Edge::new(limits);
    let who = edge.someone();
    edge.unguarded(who).await;
    let held = edge.admit(who).await.unwrap();
    let all: Vec<_> = (0..10).map(|_| edge.spawn(who)).collect();
    for one in all {
        assert_eq!(one.await.unwrap().unwrap_err(), Reason::InFlight);
    }
    drop(held);
    assert!(edge.admit(who).await.is_ok(), "they have left the line");
}

#[tokio::test]
async fn what_is_within_the_rate_a_moment_later_waits_for_it() {
    let limits = Limits { directory: Rate::new(100, 26), patience: LONG, ..Limits::default() };
    let limiter = Limiter::new(limits, None, Arc::new(SystemClock), &Registry::new()).unwrap();
    let entropy = SeededEntropy::new(1);
    let (tenant, directory) = (Id::new(START, &entropy), Id::new(START, &entropy));
    for _ in 0..40 {
        limiter.0.admit(Api::Scim, tenant, directory, false).await.unwrap();
    }
    assert!(limiter.0.metrics.delayed.get() > 0);
}

#[tokio::test]
async fn the_line_is_bounded_and_who_leaves_makes_room() {
    let edge = Edge::new(Limits { in_flight: 1, waiting: 2, patience: LONG, ..Limits::default() });
    let who = edge.someone();
    edge.unguarded(who).await;
    let held = edge.admit(who).await.unwrap();
    let waiting = [edge.spawn(who), edge.spawn(who)];
    settle().await;
    assert_eq!(edge.admit(who).await.unwrap_err(), Reason::InFlight, "at once: nothing else goes on here");
    waiting[0].abort();
    settle().await;
    let third = edge.spawn(who);
    settle().await;
    assert!(!third.is_finished() && edge.waiting(who));
    drop(held);
    let [_, second] = waiting;
    drop(second.await.unwrap().unwrap());
    third.await.unwrap().unwrap();
    assert!(!edge.waiting(who));
}

#[tokio::test]
async fn directories_of_a_tenant_wait_in_turn_however_many_requests_each_has() {
    let edge = Edge::new(Limits { in_flight: 1, patience: LONG, ..Limits::default() });
    let loud = edge.someone();
    let quiet = edge.sibling(loud);
    edge.unguarded(loud).await;
    edge.unguarded(quiet).await;
    let held = edge.admit(loud).await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str, who: Who| {
        let (waiting, order) = (edge.spawn(who), Arc::clone(&order));
        tokio::spawn(async move {
            let ticket = waiting.await.unwrap().unwrap();
            order.lock().unwrap().push(name);
            drop(ticket);
        })
    };
    let mut all: Vec<_> = (0..10).map(|_| note("loud", loud)).collect();
    settle().await;
    all.extend((0..2).map(|_| note("quiet", quiet)));
    settle().await;
    drop(held);
    for one in all {
        one.await.unwrap();
    }
    let order = order.lock().unwrap();
    assert_eq!(order[..4], ["loud", "quiet", "loud", "quiet"], "{order:?}");
}

mod bursts;
mod shared;
