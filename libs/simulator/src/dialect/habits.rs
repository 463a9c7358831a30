//! What a client does, as far as it is no more than a choice.

use serde::Serialize;

use crate::http::Manner;

/// What becomes of leavers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Departure {
    /// Switched off, and kept for ever.
    Disable,
    /// Switched off, and deleted a cycle later.
    DisableThenDelete,
    /// Deleted at once.
    Delete,
}

/// How changes of groups are sent, at clients where the admin chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupUpdates {
    /// PATCH with what changed (PingFederate's "Use PATCH for group updates", PingOne's Merge).
    Patch,
    /// PUT with the whole list (PingOne's Overwrite).
    Put,
}

/// Pages that the client reads of all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) users: bool,
    /// `count`, if the client says one.
    pub(crate) page: Option<u32>,
}

/// A client's choices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habits {
    pub(crate) manner: Manner,
    /// Requests under way at once, unless the run says otherwise.
    pub(crate) threads: usize,
    /// The most that the client can be set to.
    pub(crate) most_threads: usize,
    pub(crate) departure: Departure,
    pub(crate) managers: bool,
    pub(crate) groups: bool,
    pub(crate) nested: bool,
    /// People are mobile identities.
    pub(crate) mobile: bool,
    /// POSTs without looking first, and looks only when told that the name is taken.
    pub(crate) creates_first: bool,
    /// Makes a user and a group and deletes both while it is being connected.
    pub(crate) rehearses: bool,
    /// Groups are sent whole, by PUT.
    pub(crate) whole_lists: bool,
    /// Members in one request, where lists are not sent whole.
    pub(crate) members_per_call: usize,
    pub(crate) import: Option<Import>,
}

const SCIM_JSON: &str = "application/scim+json";
/// A list of so many members is the longest that a client sends whole.
const LONGEST_LIST: u32 = 5_000;

impl Habits {
    /// A client of no particularities.
    pub(crate) const PLAIN: Self = Self {
        manner: Manner { accept: SCIM_JSON, content_type: SCIM_JSON, more: &[] },
        threads: 4,
        most_threads: 64,
        departure: Departure::Disable,
        managers: false,
        groups: true,
        nested: false,
        mobile: false,
        creates_first: false,
        rehearses: false,
        whole_lists: false,
        members_per_call: 100,
        import: None,
    };

    /// Members of the largest group.
    pub(crate) const fn largest_group(&self) -> u32 {
        if self.whole_lists { LONGEST_LIST } else { u32::MAX }
    }
}
