//! Whose request is worked on next.
//!
//! A process works on so many requests at once as keep its processors busy. Who has fewest of them is next, so that a tenant that
//! sends little never stands behind one that sends much; and a tenant that has none is never kept waiting at all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rollcall_base::{Id, Timestamp, marker};
use tokio::sync::oneshot;

use super::{company::Company, queue::Queue};

type TenantId = Id<marker::Tenant>;
type DirectoryId = Id<marker::Directory>;

/// Hands turns out. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Turns(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Requests worked on at once while more than one tenant has some.
    working: usize,
    /// Requests of one tenant that are not over, whether or not they are worked on.
    in_flight: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    company: Company,
    /// Whether more than one tenant was heard of lately: else there is nobody to be kept waiting.
    is_shared: bool,
    seated: usize,
    lines: HashMap<TenantId, Line>,
    /// Turns handed out so far.
    turns: u64,
}

/// One tenant, while it has requests.
#[derive(Debug, Default)]
struct Line {
    open: usize,
    seated: usize,
    /// Its guaranteed requests that are worked on in their lanes. They wait for no turn, and others of the tenant wait for theirs
    /// meanwhile.
    guaranteed: usize,
    /// When it last had a turn: of two that have equally many, the one that waits longer is next.
    last: u64,
    /// Who is to be worked on and needs nothing else: is guaranteed, or had a turn before and gave it up for as long as it waited
    /// for its body.
    seats: Queue<Seat>,
    /// Who had no turn yet.
    turns: Queue<Turn>,
}

/// A place among the requests that are worked on, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat(Turns, TenantId);

/// A place among a tenant's requests that are not over.
#[derive(Debug)]
struct Open(Turns, TenantId);

/// A request whose turn it is, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    /// Gone before `_open` is.
    seat: Mutex<Option<Seat>>,
    directory: DirectoryId,
    _open: Open,
}

/// A guaranteed request that is worked on in its lane, until it is dropped.
#[derive(Debug)]
pub(super) struct Guaranteed(Turns, TenantId);

/// Who is to be told that it is their turn, once nothing is locked.
enum Next {
    Seat(oneshot::Sender<Seat>, Seat),
    Turn(oneshot::Sender<Turn>, Turn),
}

impl Turns {
    /// `working` requests at once, and `in_flight` of one tenant that are not over.
    pub(super) fn new(working: usize, in_flight: usize) -> Self {
        Self(Arc::new(Inner { working, in_flight, state: Mutex::default() }))
    }

    /// Notes that `tenant` is there.
    pub(super) fn heard_of(&self, tenant: TenantId, now: Timestamp) {
        let mut state = self.lock();
        state.is_shared = state.company.of(tenant, now);
    }

    /// Waits for a turn, for as long as the caller likes.
    pub(super) async fn enter(&self, tenant: TenantId, directory: DirectoryId) -> Turn {
        let turn = {
            let mut state = self.lock();
            let (give, turn) = oneshot::channel();
            state.line(tenant).turns.push(directory, give);
            self.hand_out(state);
            turn
        };
        // The other end is dropped by nobody but who hands turns out, after one was sent.
        match turn.await {
            Ok(turn) => turn,
            Err(_) => std::future::pending().await,
        }
    }

    /// Notes that a guaranteed request of `tenant` is worked on in its lane.
    pub(super) fn guaranteed(&self, tenant: TenantId) -> Guaranteed {
        self.lock().line(tenant).guaranteed += 1;
        Guaranteed(self.clone(), tenant)
    }

    /// Waits until one more request of `tenant` may be worked on: before those that wait for a turn.
    pub(super) async fn seat(&self, tenant: TenantId, directory: DirectoryId) -> Seat {
        let seat = {
            let mut state = self.lock();
            let (give, seat) = oneshot::channel();
            state.line(tenant).seats.push(directory, give);
            self.hand_out(state);
            seat
        };
        match seat.await {
            Ok(seat) => seat,
            Err(_) => std::future::pending().await,
        }
    }

    /// Gives what is free to who is next.
    fn hand_out(&self, mut state: MutexGuard<'_, State>) {
        let mut next = Vec::new();
        while let Some(one) = self.next(&mut state) {
            next.push(one);
        }
        drop(state);
        // Whose client has gone gives it back right here.
        for one in next {
            match one {
                Next::Seat(give, seat) => drop(give.send(seat)),
                Next::Turn(give, turn) => drop(give.send(turn)),
            }
        }
    }

    fn next(&self, state: &mut State) -> Option<Next> {
        let Inner { working, in_flight, .. } = *self.0;
        loop {
            let State { is_shared, seated, ref mut lines, .. } = *state;
            // What is guaranteed counts against its own tenant alone: else slow ones of many directories would keep others out.
            let is_free = |line: &Line| !is_shared || (seated < working && line.seated + line.guaranteed < working);
            let (&tenant, line) = lines
                .iter_mut()
                .filter(|(_, line)| (line.seated == 0 || is_free(line)) && line.wants_turn(in_flight))
                .min_by_key(|(_, line)| (line.seated, line.last))?;
            let seat = || Seat(self.clone(), tenant);
            let next = if let Some((_, give)) = line.seats.pop() {
                Next::Seat(give, seat())
            } else if line.open < in_flight
                && let Some((directory, give)) = line.turns.pop()
            {
                line.open += 1;
                let turn = Turn { seat: Mutex::new(Some(seat())), directory, _open: Open(self.clone(), tenant) };
                Next::Turn(give, turn)
            } else {
                // All who waited have gone.
                if line.is_over() {
                    lines.remove(&tenant);
                }
                continue;
            };
            line.seated += 1;
            state.seated += 1;
            state.turns += 1;
            line.last = state.turns;
            return Some(next);
        }
    }

    /// Something of `tenant` is over.
    fn give_back(&self, tenant: TenantId, over: impl FnOnce(&mut Line)) {
        let mut state = self.lock();
        if let Some(line) = state.lines.get_mut(&tenant) {
            let seated = line.seated;
            over(line);
            let left = seated - line.seated;
            if line.is_over() {
                state.lines.remove(&tenant);
            }
            state.seated -= left;
        }
        self.hand_out(state);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is made whole before the lock is let go.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn line(&mut self, tenant: TenantId) -> &mut Line {
        let last = self.turns;
        self.lines.entry(tenant).or_insert_with(|| Line { last, ..Line::default() })
    }
}

impl Line {
    fn wants_turn(&self, in_flight: usize) -> bool {
        !self.seats.is_empty() || (!self.turns.is_empty() && self.open < in_flight)
    }

    fn is_over(&self) -> bool {
        self.open == 0 && self.seated == 0 && self.guaranteed == 0 && self.seats.is_empty() && self.turns.is_empty()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.give_back(self.1, |line| line.seated -= 1);
    }
}

impl Drop for Guaranteed {
    fn drop(&mut self) {
        self.0.give_back(self.1, |line| line.guaranteed -= 1);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.give_back(self.1, |line| line.open -= 1);
    }
}

impl Turn {
    /// It is not worked on any more, or not until [`Turn::resume`].
    pub(super) fn pause(&self) {
        let seat = self.lock().take();
        drop(seat);
    }

    /// Whether it is worked on.
    pub(super) fn is_on(&self) -> bool {
        self.lock().is_some()
    }

    /// Waits until it is worked on again: before those of its tenant that had no turn yet.
    pub(super) async fn resume(&self) {
        if !self.is_on() {
            let seat = self._open.0.seat(self._open.1, self.directory).await;
            *self.lock() = Some(seat);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Seat>> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
