//! A request that was taken.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus::IntGauge;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use super::{
    Limits,
    place::{Directory, Tenant, kib},
    turn::{Guaranteed, Seat, Turn, Turns},
};

/// One request under way: it counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    total: IntGauge,
    kind: Kind,
    tenant: Arc<Tenant>,
}

#[derive(Debug)]
enum Kind {
    Guaranteed(Guarantee),
    Turn(Turn),
}

/// A guaranteed request.
#[derive(Debug)]
pub(super) struct Guarantee {
    turns: Turns,
    directory: Arc<Directory>,
    /// How long it waits for its directory's lane. `None`: it has none to wait for, because of all that it may ask for.
    lane_within: Option<Duration>,
    /// While it is worked on.
    working: Mutex<Option<Working>>,
    /// Among the guaranteed requests of its directory.
    _place: OwnedSemaphorePermit,
}

/// How a guaranteed request is worked on.
#[derive(Debug)]
enum Working {
    InLane { _lane: OwnedSemaphorePermit, _guaranteed: Guaranteed },
    Seated { _seat: Seat },
}

impl Guarantee {
    /// Waits until it is worked on.
    pub(super) async fn begin(
        turns: &Turns,
        directory: &Arc<Directory>,
        place: OwnedSemaphorePermit,
        lane_within: Option<Duration>,
    ) -> Self {
        let (turns, directory, working) = (turns.clone(), Arc::clone(directory), Mutex::default());
        let guarantee = Self { turns, directory, lane_within, working, _place: place };
        guarantee.resume().await;
        guarantee
    }

    fn pause(&self) {
        let working = self.lock().take();
        drop(working);
    }

    /// Whether it is worked on, now if it was not and its lane is free.
    fn try_resume(&self) -> bool {
        if self.lock().is_some() {
            return true;
        }
        let lane = self.lane_within.and_then(|_| Arc::clone(&self.directory.lane).try_acquire_owned().ok());
        let Some(lane) = lane else { return false };
        *self.lock() = Some(self.in_lane(lane));
        true
    }

    /// In its lane, or where that is taken for long as one of those of its tenant that are worked on: what a guarantee is given for
    /// are requests, however much each is, and bursts of long ones are to be no flood for other tenants.
    async fn resume(&self) {
        if self.try_resume() {
            return;
        }
        let working = match self.wait_for_lane().await {
            Some(lane) => self.in_lane(lane),
            None => Working::Seated { _seat: self.turns.seat(self.directory.tenant.id, self.directory.id).await },
        };
        *self.lock() = Some(working);
    }

    async fn wait_for_lane(&self) -> Option<OwnedSemaphorePermit> {
        let lane = timeout(self.lane_within?, Arc::clone(&self.directory.lane).acquire_owned()).await;
        lane.ok().and_then(Result::ok)
    }

    fn in_lane(&self, lane: OwnedSemaphorePermit) -> Working {
        Working::InLane { _lane: lane, _guaranteed: self.turns.guaranteed(self.directory.tenant.id) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Working>> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    pub(super) fn guaranteed(guarantee: Guarantee, total: &IntGauge) -> Self {
        let tenant = Arc::clone(&guarantee.directory.tenant);
        Self::new(Kind::Guaranteed(guarantee), tenant, total)
    }

    pub(super) fn of_turn(turn: Turn, tenant: &Arc<Tenant>, total: &IntGauge) -> Self {
        Self::new(Kind::Turn(turn), Arc::clone(tenant), total)
    }

    fn new(kind: Kind, tenant: Arc<Tenant>, total: &IntGauge) -> Self {
        total.inc();
        Self { total: total.clone(), kind, tenant }
    }

    /// Room for `bytes` of an answer until they are sent, if the tenant's other answers leave any. One alone always has it.
    pub(super) fn hold(&self, bytes: u64, limits: &Limits) -> Option<OwnedSemaphorePermit> {
        let needed = kib(bytes).min(kib(limits.unsent_bytes));
        Arc::clone(&self.tenant.unsent).try_acquire_many_owned(needed).ok()
    }

    /// Nothing is done for it for now: it waits for its body, or its answer is being sent. Others may be worked on meanwhile.
    pub(super) fn pause(&self) {
        match &self.kind {
            Kind::Guaranteed(guarantee) => guarantee.pause(),
            Kind::Turn(turn) => turn.pause(),
        }
    }

    /// Works on it, unless [`Ticket::resume`] has to wait for that. Whether it is worked on.
    pub(super) fn try_resume(&self) -> bool {
        match &self.kind {
            Kind::Guaranteed(guarantee) => guarantee.try_resume(),
            Kind::Turn(turn) => turn.is_on(),
        }
    }

    /// Waits until it is worked on again.
    pub(super) async fn resume(&self) {
        match &self.kind {
            Kind::Guaranteed(guarantee) => guarantee.resume().await,
            Kind::Turn(turn) => turn.resume().await,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.total.dec();
    }
}
