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
}

impl Operation {
    pub(crate) const fn number(self) -> i16 {
        match self {
            Self::Create => 1,
            Self::Update => 2,
            Self::Delete => 3,
        }
    }

    pub(crate) const fn from_number(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::Create),
            2 => Some(Self::Update),
            3 => Some(Self::Delete),
            _ => None,
        }
    }

    /// How many more live resources there are afterwards.
    pub(crate) const fn delta(self) -> i16 {
        match self {
            Self::Create => 1,
            Self::Update => 0,
            Self::Delete => -1,
        }
    }
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
    /// Each changed path: a list of `{"path", "before", "after"}`.
    pub changes: Value,
    /// Members that came.
    pub members_added: Vec<Id<Resource>>,
    /// Members that went. The members of a group that was deleted are not listed.
    pub members_removed: Vec<Id<Resource>>,
}

/// How many live resources a directory has, by type, exact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Type and number, by type.
    pub live: Vec<(KindId, u64)>,
}
