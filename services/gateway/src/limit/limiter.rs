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
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::{
    Limits,
    bucket::{Bucket, Short},
    company::Company,
    flight::Ticket,
    metrics::{self, LimitMetrics},
    place::{Directory, Places},
    reason::Reason,
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
    places: Places,
    /// What enforces access does not wait for what an IdP sends, nor the other way round.
    of_lookups: Places,
    company: Company,
    metrics: LimitMetrics,
}

/// Warnings are so far apart at least.
const QUIET: Duration = Duration::from_secs(60);
/// The most that a guaranteed request waits for others of its directory.
const LANE_PATIENCE: Duration = Duration::from_millis(100);

/// What a directory's next may go by.
enum Pass {
    /// One of the guaranteed requests.
    Guaranteed,
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
        let (places, of_lookups) = (Places::default(), Places::default());
        let (company, metrics) = (Company::default(), LimitMetrics::new(registry)?);
        Ok(Self(Arc::new(Inner {
            limits,
            clock,
            leases,
            alone_until,
            quiet_until,
            places,
            of_lookups,
            company,
            metrics,
        })))
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// An address that fails to authenticate too often was refused, by whoever meters that.
    pub(crate) fn throttled(&self, api: Api) {
        self.0.metrics.refused(metrics::AUTHENTICATION, api);
    }

    pub(super) fn metrics(&self) -> &LimitMetrics {
        &self.0.metrics
    }

    /// Takes a request, at once or after a while. It is under way until the ticket is dropped.
    ///
    /// # Errors
    /// What it is beyond; said after [`Limits::patience`], so that a client that repeats itself at once costs little, unless too
    /// many wait already.
    pub(super) async fn admit(&self, api: Api, who: &Authenticated) -> Result<Ticket, Reason> {
        self.0.admit(api, who.tenant(), who.directory()).await
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
    ) -> Result<Ticket, Reason> {
        let now = self.clock.now();
        let places = match api {
            Api::Scim | Api::Guide => &self.places,
            Api::Lookup => &self.of_lookups,
        };
        let place = places.of(tenant, directory, now, &self.limits, &self.metrics.in_flight);
        let has_company = self.company.of(tenant, now);
        let begin = Instant::now();
        let deadline = begin + self.limits.patience;
        if place.take_guaranteed(now).is_ok() {
            return Ok(self.guaranteed(&place).await);
        }
        // A line of no length still lets through what needs no waiting.
        let Some(_in_line) = place.line_up(self.limits.waiting.max(1)) else { return Err(place.short_of()) };
        // A lookup is answered from memory mostly, and none takes long.
        let is_shared = has_company && api != Api::Lookup;
        let most = if is_shared { self.limits.in_flight_shared } else { self.limits.in_flight };
        let outcome = self.queue(api, &place, most, deadline).await;
        match &outcome {
            Ok(_) if begin.elapsed() >= NOTICEABLE => self.metrics.delayed.inc(),
            Ok(_) => {}
            Err(_) => sleep_until(deadline).await,
        }
        outcome
    }

    /// Never refused, and kept waiting by nobody but the same directory's guaranteed requests; and by them not for long, as they
    /// may be long downloads.
    async fn guaranteed(&self, place: &Directory) -> Ticket {
        let within = self.limits.patience.min(LANE_PATIENCE);
        let lane = timeout(within, Arc::clone(&place.lane).acquire_owned()).await;
        place.tenant.flight.enter(lane.ok().and_then(Result::ok))
    }

    /// In line of the directory, and then, as the directory's next, in line of the tenant.
    async fn queue(&self, api: Api, place: &Directory, most: usize, deadline: Instant) -> Result<Ticket, Reason> {
        let Ok(mut turn) = timeout_at(deadline, place.turn.lock()).await else { return Err(place.short_of()) };
        place.waits_for(Reason::DirectoryRate);
        match self.of_directory(api, place, turn.as_mut(), deadline).await {
            None => Err(Reason::DirectoryRate),
            Some(Pass::Guaranteed) => Ok(self.guaranteed(place).await),
            Some(Pass::OfRate) => {
                let outcome = self.of_tenant(api, place, most, deadline).await;
                if let (Err(_), Some(bucket)) = (&outcome, turn.as_mut()) {
                    bucket.give_back(self.is_shared(self.clock.now()));
                }
                outcome
            }
        }
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
            let Err(mut wait) = place.take_guaranteed(now) else { return Some(Pass::Guaranteed) };
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

    async fn of_tenant(&self, api: Api, place: &Directory, most: usize, deadline: Instant) -> Result<Ticket, Reason> {
        let tenant = &place.tenant;
        // What those wait for who are not the tenant's next.
        let short_of = || if tenant.flight.count() >= most { Reason::InFlight } else { Reason::TenantRate };
        place.waits_for(short_of());
        let Ok(mut bucket) = timeout_at(deadline, tenant.turn.lock()).await else { return Err(short_of()) };
        loop {
            let now = self.clock.now();
            match bucket.take(now, self.is_shared(now)) {
                Ok(()) => break,
                Err(Short::For(wait)) => {
                    place.waits_for(Reason::TenantRate);
                    self.pause(wait, deadline).await.ok_or(Reason::TenantRate)?;
                }
                Err(Short::OfLease(wanted)) => {
                    self.lease(&mut bucket, of_tenant(api), &tenant.id.to_string(), wanted).await
                }
            }
        }
        if let Some(ticket) = tenant.flight.try_enter(most) {
            return Ok(ticket);
        }
        place.waits_for(Reason::InFlight);
        if let Ok(ticket) = timeout_at(deadline, tenant.flight.wait_to_enter(most)).await {
            return Ok(ticket);
        }
        bucket.give_back(self.is_shared(self.clock.now()));
        Err(Reason::InFlight)
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
