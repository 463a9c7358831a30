//! A request that was taken.

use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::IntGauge;
use rollcall_base::{Id, marker};
use tokio::sync::OwnedSemaphorePermit;

use super::turn::{Guaranteed, Turn, Turns};

/// One request under way: it counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    total: IntGauge,
    kind: Kind,
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
    tenant: Id<marker::Tenant>,
    /// While it is worked on.
    working: Mutex<Option<Working>>,
    /// Among the guaranteed requests of its directory.
    _place: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Working {
    _guaranteed: Guaranteed,
    _lane: Option<OwnedSemaphorePermit>,
}

impl Guarantee {
    /// It is worked on, in its directory's `lane` unless it waited for that in vain.
    pub(super) fn new(
        turns: &Turns,
        tenant: Id<marker::Tenant>,
        place: OwnedSemaphorePermit,
        lane: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let working = Working { _guaranteed: turns.guaranteed(tenant), _lane: lane };
        Self { turns: turns.clone(), tenant, working: Mutex::new(Some(working)), _place: place }
    }

    fn pause(&self) {
        let working = self.lock().take();
        drop(working);
    }

    /// Waits for nothing: its lane it had before.
    fn resume(&self) {
        self.lock().get_or_insert_with(|| Working { _guaranteed: self.turns.guaranteed(self.tenant), _lane: None });
    }

    fn lock(&self) -> MutexGuard<'_, Option<Working>> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    pub(super) fn guaranteed(guarantee: Guarantee, total: &IntGauge) -> Self {
        Self::new(Kind::Guaranteed(guarantee), total)
    }

    pub(super) fn of_turn(turn: Turn, total: &IntGauge) -> Self {
        Self::new(Kind::Turn(turn), total)
    }

    fn new(kind: Kind, total: &IntGauge) -> Self {
        total.inc();
        Self { total: total.clone(), kind }
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
            Kind::Guaranteed(guarantee) => {
                guarantee.resume();
                true
            }
            Kind::Turn(turn) => turn.is_on(),
        }
    }

    /// Waits until it is worked on again.
    pub(super) async fn resume(&self) {
        match &self.kind {
            Kind::Guaranteed(guarantee) => guarantee.resume(),
            Kind::Turn(turn) => turn.resume().await,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.total.dec();
    }
}
