//! What a run tells while it goes and when it is over.

use std::fmt;

use crate::Client;

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
    /// Updates, a rename, leavers.
    Changes,
    /// Everything is read back.
    Verifying,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connecting => "connection test",
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Memberships => "memberships",
            Self::Changes => "changes",
            Self::Verifying => "reading back",
        })
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

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whose wire shape was spoken.
    pub client: Client,
    /// Users in the run.
    pub users: usize,
    /// Groups in the run.
    pub groups: usize,
    /// Memberships at the end.
    pub memberships: usize,
    /// Users and groups that were not there before.
    pub created: usize,
    /// Users and groups that an earlier run had made and this one took over.
    pub adopted: usize,
    /// Users whose profile was changed after the initial cycle.
    pub updated: usize,
    /// Users who were switched off.
    pub deactivated: usize,
    /// Requests sent, with those that were repeated.
    pub requests: u64,
    /// Requests that were repeated after a 429 or 503.
    pub retries: u64,
    /// What was read back other than it should be, a sentence each. Empty is success.
    pub differences: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} users, {} groups, {} memberships ({} created, {} adopted, {} updated, {} deactivated) in {} requests; \
             read back with {} differences",
            self.client,
            self.users,
            self.groups,
            self.memberships,
            self.created,
            self.adopted,
            self.updated,
            self.deactivated,
            self.requests,
            self.differences.len()
        )
    }
}
