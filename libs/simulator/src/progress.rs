//! What a run tells while it goes.

use std::fmt;

/// The part of a run that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The client's own connection test.
    Connecting,
    /// Users are looked up and made.
    Users,
    /// Groups are looked up and made.
    Groups,
    /// Members are put into groups.
    Memberships,
    /// The client reads what is there.
    Importing,
    /// Joiners, movers, renames, leavers; the number of the cycle is 1 after the initial one.
    Cycle(u32),
    /// Everything is read back.
    Verifying,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connection test"),
            Self::Users => f.write_str("users"),
            Self::Groups => f.write_str("groups"),
            Self::Memberships => f.write_str("memberships"),
            Self::Importing => f.write_str("import"),
            Self::Cycle(number) => write!(f, "cycle {number}"),
            Self::Verifying => f.write_str("reading back"),
        }
    }
}

/// One more thing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is under way.
    pub step: Step,
    /// How many of this step's things are done, 0 when it begins.
    pub done: usize,
    /// How many there are.
    pub total: usize,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.step, self.done, self.total)
    }
}

/// Who is told.
pub(crate) type Watcher<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// Tells how far a step is.
pub(crate) struct Counter<'a> {
    at: Progress,
    watcher: Watcher<'a>,
}

impl<'a> Counter<'a> {
    pub(crate) fn start(step: Step, total: usize, watcher: Watcher<'a>) -> Self {
        let at = Progress { step, done: 0, total };
        watcher(at);
        Self { at, watcher }
    }

    pub(crate) fn one_more(&mut self) {
        self.at.done += 1;
        (self.watcher)(self.at);
    }

    /// The step is over, whether or not all that was expected was there.
    pub(crate) fn end(mut self) {
        if self.at.done < self.at.total {
            self.at.done = self.at.total;
            (self.watcher)(self.at);
        }
    }
}
