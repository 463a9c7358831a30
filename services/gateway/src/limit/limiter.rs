//! Who is next.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use prometheus::Registry;
use rollcall_access::Authenticated;
use rollcall_base::{Clock, Id, Timestamp, marker};
use rollcall_cache::Leases;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{
    Limits,
    bucket::{Bucket, Short},
    metrics::{LimitMetrics, Refused},
    place::{Directory, Places},
    reason::Reason,
    ticket::{Guarantee, Ticket},
    turn::Turns,
};
use crate::Api;

/// So long nobody asks for a lease after one that did not come.
const ALONE: Duration = Duration::from_secs(1);

/// Limits the requests of a process. Cheap to clone.
#[derive(Clone)]
pub struct Limiter(Arc<Inner>);

struct Inner {
    limits: Limits,
    clock: Arc<dyn Clock>,
    leases: Option<Leases>,
    /// Until then, in microseconds, this process meters alone. `i64::MIN`: the last lease came.
    alone_until: AtomicI64,
    /// Until then, in microseconds, nobody warns of it again.
    quiet_until: AtomicI64,
    scim: Surface,
    /// What enforces access does not wait for what an IdP sends, nor the other way round.
    lookups: Surface,
    metrics: LimitMetrics,
}

/// What is limited by itself.
struct Surface {
    places: Places,
    turns: Turns,
}

/// Warnings are so far apart at least.
const QUIET: Duration = Duration::from_secs(60);
/// The most that a guaranteed request waits for others of its directory before it is one of its tenant's.
const LANE_PATIENCE: Duration = Duration::from_millis(100);

/// A request, and where it stands.
struct Asked<'a> {
    api: Api,
    place: &'a Arc<Directory>,
    turns: &'a Turns,
    /// Many changes in one request: it has a guarantee as one, and no lane.
    is_bulk: bool,
}

/// What a directory's next may go by.
enum Pass {
    /// One of the guaranteed requests.
    Guaranteed(OwnedSemaphorePermit),
    /// A permit of the directory's rate, which the tenant's limits are still to be asked for.
    OfRate,
}

impl Limiter {
    /// Keeps to `limits`, with others if there are `leases`; what it counts shows in `registry`.
    ///
    /// # Errors
    /// If these counts are there already.
    pub fn new(
        limits: Limits,
        leases: Option<Leases>,
        clock: Arc<dyn Clock>,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        let (alone_until, quiet_until) = (AtomicI64::new(i64::MIN), AtomicI64::new(i64::MIN));
        let surface = |working| Surface { places: Places::default(), turns: Turns::new(working, limits.in_flight) };
        // A lookup is answered from memory mostly, and none takes long.
        let (scim, lookups) = (surface(limits.working), surface(usize::MAX));
        let metrics = LimitMetrics::new(registry)?;
        Ok(Self(Arc::new(Inner { limits, clock, leases, alone_until, quiet_until, scim, lookups, metrics })))
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Somebody refused a request on `surface` that was beyond what is his to bound.
    pub(crate) fn refused(&self, why: Refused, surface: &str) {
        self.0.metrics.refused(why, surface);
    }

    pub(super) fn metrics(&self) -> &LimitMetrics {
        &self.0.metrics
    }

    /// Takes a request, at once or after a while. It is under way until the ticket is dropped.
    ///
    /// # Errors
    /// What it is beyond; said after [`Limits::patience`], so that a client that repeats itself at once costs little, unless too
    /// many wait already.
    pub(super) async fn admit(&self, api: Api, who: &Authenticated, is_bulk: bool) -> Result<Ticket, Reason> {
        self.0.admit(api, who.tenant(), who.directory(), is_bulk).await
    }
}

/// What a directory's rate is called among those that share it.
const fn of_directory(api: Api) -> &'static str {
    match api {
        Api::Scim | Api::Guide => "directory",
        Api::Lookup => "directory-lookups",
    }
}

/// The same of a tenant's.
const fn of_tenant(api: Api) -> &'static str {
    match api {
        Api::Scim | Api::Guide => "tenant",
        Api::Lookup => "tenant-lookups",
    }
}

impl Inner {
    async fn admit(
        &self,
        api: Api,
        tenant: Id<marker::Tenant>,
        directory: Id<marker::Directory>,
        is_bulk: bool,
    ) -> Result<Ticket, Reason> {
        let now = self.clock.now();
        let Surface { places, turns } = match api {
            Api::Scim | Api::Guide => &self.scim,
            Api::Lookup => &self.lookups,
        };
        let place = places.of(tenant, directory, now, &self.limits);
        turns.heard_of(tenant, now);
        let request = Asked { api, place: &place, turns, is_bulk };
        if let Ok(guaranteed) = place.take_guaranteed(now) {
            return Ok(self.guaranteed(&request, guaranteed).await);
        }
        // A line of no length still lets through what needs no waiting.
        let Some(_in_line) = place.line_up(self.limits.waiting.max(1)) else { return Err(place.longest_wait()) };
        let begin = Instant::now();
        let outcome = self.queue(&request, begin).await;
        match &outcome {
            Ok(_) if begin.elapsed() >= NOTICEABLE => self.metrics.delayed.inc(),
            Ok(_) => {}
            Err(_) => sleep_until(begin + self.limits.patience).await,
        }
        outcome
    }

    /// Never refused. In its directory's lane nobody else's requests keep it waiting.
    async fn guaranteed(&self, request: &Asked<'_>, guaranteed: OwnedSemaphorePermit) -> Ticket {
        let within = (!request.is_bulk).then(|| self.limits.patience.min(LANE_PATIENCE));
        let guarantee = Guarantee::begin(request.turns, request.place, guaranteed, within).await;
        Ticket::guaranteed(guarantee, &self.metrics.in_flight)
    }

    /// In line for permits of the directory's rate and the tenant's, and then for a turn.
    async fn queue(&self, request: &Asked<'_>, begin: Instant) -> Result<Ticket, Reason> {
        let Asked { api, place, turns, .. } = *request;
        if let Pass::Guaranteed(guaranteed) = self.permit(api, place, begin + self.limits.patience).await? {
            return Ok(self.guaranteed(request, guaranteed).await);
        }
        let turn = timeout_at(begin + self.limits.turn_within, turns.enter(place.tenant.id, place.id)).await;
        Ok(Ticket::of_turn(turn.map_err(|_| Reason::InFlight)?, &place.tenant, &self.metrics.in_flight))
    }

    /// In line of the directory, and then, as the directory's next, in line of the tenant.
    async fn permit(&self, api: Api, place: &Directory, deadline: Instant) -> Result<Pass, Reason> {
        let Ok(mut turn) = timeout_at(deadline, place.turn.lock()).await else { return Err(place.short_of()) };
        let short_of = if turn.is_none() && place.is_full() { Reason::InFlight } else { Reason::DirectoryRate };
        place.waits_for(short_of);
        let pass = self.of_directory(api, place, turn.as_mut(), deadline).await.ok_or(short_of)?;
        if matches!(pass, Pass::OfRate)
            && let Err(reason) = self.of_tenant(api, place, deadline).await
        {
            if let Some(bucket) = turn.as_mut() {
                bucket.give_back(self.is_shared(self.clock.now()));
            }
            return Err(reason);
        }
        Ok(pass)
    }

    /// Whichever comes first: a guaranteed request, or a permit of the rate.
    async fn of_directory(
        &self,
        api: Api,
        place: &Directory,
        mut bucket: Option<&mut Bucket>,
        deadline: Instant,
    ) -> Option<Pass> {
        loop {
            let now = self.clock.now();
            let mut wait = match place.take_guaranteed(now) {
                Ok(guaranteed) => return Some(Pass::Guaranteed(guaranteed)),
                Err(wait) => wait,
            };
            if let Some(bucket) = bucket.as_deref_mut() {
                match bucket.take(now, self.is_shared(now)) {
                    Ok(()) => return Some(Pass::OfRate),
                    Err(Short::For(span)) => wait = wait.min(span),
                    Err(Short::OfLease(wanted)) => {
                        self.lease(bucket, of_directory(api), &place.id.to_string(), wanted).await;
                        continue;
                    }
                }
            }
            self.pause(wait, deadline).await?;
        }
    }

    async fn of_tenant(&self, api: Api, place: &Directory, deadline: Instant) -> Result<(), Reason> {
        let tenant = &place.tenant;
        place.waits_for(Reason::TenantRate);
        let mut bucket = timeout_at(deadline, tenant.turn.lock()).await.map_err(|_| Reason::TenantRate)?;
        loop {
            let now = self.clock.now();
            match bucket.take(now, self.is_shared(now)) {
                Ok(()) => return Ok(()),
                Err(Short::For(wait)) => self.pause(wait, deadline).await.ok_or(Reason::TenantRate)?,
                Err(Short::OfLease(wanted)) => {
                    self.lease(&mut bucket, of_tenant(api), &tenant.id.to_string(), wanted).await
                }
            }
        }
    }

    /// Sleeps, if that is over before `deadline`.
    async fn pause(&self, wait: Duration, deadline: Instant) -> Option<()> {
        if Instant::now() + wait > deadline {
            return None;
        }
        sleep(wait).await;
        Some(())
    }

    /// Whether the rates are shared at the moment.
    fn is_shared(&self, now: Timestamp) -> bool {
        let (until, now) = (self.alone_until.load(Ordering::Relaxed), now.as_micros());
        // A clock that was set back is no reason to stay alone.
        let longest = i64::try_from(ALONE.as_micros()).unwrap_or(i64::MAX);
        self.leases.is_some() && (until <= now || until > now.saturating_add(longest))
    }

    /// Whether nothing was said for a while: a Redis that answers now and then is one trouble and not many.
    fn may_warn(&self, now: Timestamp) -> bool {
        let quiet = |until: i64| (until <= now.as_micros()).then(|| now.plus(QUIET).as_micros());
        self.quiet_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, quiet).is_ok()
    }

    /// Asks for `wanted` permits. Where nobody answers, this process meters alone for a while.
    async fn lease(&self, bucket: &mut Bucket, kind: &'static str, id: &str, wanted: u32) {
        let Some(leases) = &self.leases else { return };
        let lease = leases.take(kind, id, bucket.rate(), wanted).await;
        self.metrics.leased(lease.map(|lease| lease.permits));
        let now = self.clock.now();
        let Some(lease) = lease else {
            let until = now.plus(ALONE).as_micros();
            if self.alone_until.swap(until, Ordering::Relaxed) == i64::MIN && self.may_warn(now) {
                tracing::warn!(
                    "rates cannot be shared through Redis: until it answers each gateway allows what all together should"
                );
            }
            return;
        };
        bucket.lease(now, wanted, lease);
        if self.alone_until.swap(i64::MIN, Ordering::Relaxed) != i64::MIN {
            tracing::info!("rates are shared through Redis again");
        }
    }
}

/// What takes longer waited for more than a lock.
const NOTICEABLE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests;
