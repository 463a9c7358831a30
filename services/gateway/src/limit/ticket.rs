//! A request that was taken.

use std::sync::{Mutex, PoisonError};

use prometheus::IntGauge;
use tokio::sync::OwnedSemaphorePermit;

use super::turn::Turn;

/// One request under way: it counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    total: IntGauge,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Its place among the guaranteed requests of its directory, and the one in their lane while it is worked on.
    Guaranteed {
        lane: Mutex<Option<OwnedSemaphorePermit>>,
        _place: OwnedSemaphorePermit,
    },
    Turn(Turn),
}

impl Ticket {
    pub(super) fn guaranteed(
        place: OwnedSemaphorePermit,
        lane: Option<OwnedSemaphorePermit>,
        total: &IntGauge,
    ) -> Self {
        Self::new(Kind::Guaranteed { lane: Mutex::new(lane), _place: place }, total)
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
            Kind::Guaranteed { lane, .. } => drop(lane.lock().unwrap_or_else(PoisonError::into_inner).take()),
            Kind::Turn(turn) => turn.pause(),
        }
    }

    /// Whether it may be worked on.
    pub(super) fn is_on(&self) -> bool {
        match &self.kind {
            // Its lane is not waited for twice.
            Kind::Guaranteed { .. } => true,
            Kind::Turn(turn) => turn.is_on(),
        }
    }

    /// Waits until it is worked on again.
    pub(super) async fn resume(&self) {
        match &self.kind {
            Kind::Guaranteed { .. } => {}
            Kind::Turn(turn) => turn.resume().await,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.total.dec();
    }
}
