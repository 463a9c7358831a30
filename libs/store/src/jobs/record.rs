//! Events as values.

use rollcall_base::{Id, Timestamp, marker::Resource};
use rollcall_scim::schema::KindId;
use serde_json::Value;

/// What an event did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The resource came.
    Create,
    /// It changed.
    Update,
    /// It went.
    Delete,
    /// It is there again, under the id that it had: as if it came, with all that it has.
    Restore,
    /// It changed, and its `userName` with it: [`EventRecord::renamed`] says from what to what.
    Rename,
}

impl Operation {
    pub(crate) const fn number(self) -> i16 {
        match self {
            Self::Create => 1,
            Self::Update => 2,
            Self::Delete => 3,
            Self::Restore => 4,
            Self::Rename => 5,
        }
    }

    pub(crate) const fn from_number(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::Create),
            2 => Some(Self::Update),
            3 => Some(Self::Delete),
            4 => Some(Self::Restore),
            5 => Some(Self::Rename),
            _ => None,
        }
    }

    /// How many more live resources there are afterwards.
    pub(crate) const fn delta(self) -> i16 {
        match self {
            Self::Create | Self::Restore => 1,
            Self::Update | Self::Rename => 0,
            Self::Delete => -1,
        }
    }
}

/// What a user was called before a change and since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// The `userName` before.
    pub from: String,
    /// The `userName` since.
    pub to: String,
}

/// One accepted change, in its directory's order.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    /// Its place in the directory's order: 1, 2, 3 …
    pub seq: i64,
    /// What was changed.
    pub resource: Id<Resource>,
    /// The resource's type.
    pub kind: KindId,
    /// How.
    pub operation: Operation,
    /// The resource's version since.
    pub version: i64,
    /// The one before; none if it was created.
    pub previous_version: Option<i64>,
    /// Who.
    pub actor: String,
    /// With which request.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
    /// Whether a password came (and was dropped).
    pub password_sent: bool,
    /// Each changed path: a list of `{"path", "before", "after"}`. Of a resource that was erased only
    /// `{"path", "erased": true}` is left.
    pub changes: Value,
    /// For [`Operation::Rename`], until the user is erased.
    pub renamed: Option<Renamed>,
    /// Members that came.
    pub members_added: Vec<Id<Resource>>,
    /// Members that went. The members of a group that was deleted or restored are not listed: they went or came with it.
    pub members_removed: Vec<Id<Resource>>,
}

/// How many live resources a directory has, by type, exact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Type and number, by type.
    pub live: Vec<(KindId, u64)>,
}
