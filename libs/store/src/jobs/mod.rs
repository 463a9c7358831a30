//! Background work.

use rollcall_base::{
    Id, Timestamp,
    marker::{Directory, Resource},
};
use rollcall_scim::schema::KindId;
use serde_json::Value;

use crate::StoreError;

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
    /// Members that went.
    pub members_removed: Vec<Id<Resource>>,
}

/// How many live resources a directory has, by type, exact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Type and number.
    pub live: Vec<(KindId, u64)>,
}

/// Background work.
#[derive(Clone)]
pub struct JobStore;

#[allow(missing_docs)]
impl JobStore {
    pub async fn sequence(&self, _limit: u32) -> Result<usize, StoreError> {
        todo!()
    }
    pub async fn purge_deleted(&self, _before: Timestamp, _limit: u32) -> Result<usize, StoreError> {
        todo!()
    }
    pub async fn events(
        &self,
        _directory: Id<Directory>,
        _after_seq: i64,
        _limit: u32,
    ) -> Result<Vec<EventRecord>, StoreError> {
        todo!()
    }
    pub async fn counts(&self, _directory: Id<Directory>) -> Result<Counts, StoreError> {
        todo!()
    }
}
