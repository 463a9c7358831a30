//! Background work: numbering events, erasing what was deleted long ago, warning of what ends.

mod access_tokens;
mod events;
mod ladder;
mod purge;
mod record;
mod sequence;
mod tolerated;
mod uses;

use std::{collections::BTreeMap, sync::Arc};

use rollcall_access::{Actor, JobScope, Rung};
use rollcall_base::{Id, Timestamp, marker::Directory};

use sea_orm::ConnectionTrait;

pub use ladder::Climbed;
pub use record::{Counts, EventRecord, Operation};
pub use tolerated::{MOST_NAMES_A_DAY, ToleratedUse, UNMAPPED};

use crate::{StoreError, statement::Sql, store::Inner};

/// Background work.
#[derive(Clone)]
pub struct JobStore(Arc<Inner>, Actor);

impl JobStore {
    pub(crate) fn new(inner: Arc<Inner>, scope: &JobScope) -> Self {
        Self(inner, scope.actor())
    }

    /// Makes events of about `limit` changes that have none yet, oldest first, and returns of how many. A resource's
    /// changes become events in the order of its versions, without a gap. To be called again until it returns 0.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn sequence(&self, limit: u32) -> Result<usize, StoreError> {
        // Idle, it only reads: even a write that changes nothing is flushed to the disk, and looks to other processes
        // on the same file as a change.
        let waiting = Sql::new("SELECT 1 FROM outbox LIMIT 1").build(self.0.reader().get_database_backend());
        if self.0.rows(waiting).await?.is_empty() {
            return Ok(0);
        }
        self.0.write(sequence::Sequence { limit, now: self.0.clock.now() }).await
    }

    /// Erases up to `limit` rows of resources that were deleted before `before`: a group's members first, then the
    /// resource itself. Returns how many rows it erased; to be called again until it returns 0.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn purge_deleted(&self, before: Timestamp, limit: u32) -> Result<usize, StoreError> {
        self.0.write(purge::Purge { before, limit }).await
    }

    /// Looks after up to `limit` credentials whose end is near or was reached: writes the line of the audit that is due for
    /// each, and when it is to be looked at again. To be called again until it looked at none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn climb_ladders(&self, limit: u32) -> Result<Climbed, StoreError> {
        ladder::climb(&self.0, self.1.clone(), limit).await
    }

    /// How many live credentials are past each of [`rollcall_access::RUNGS`], counted at the one nearest to their end.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn expiring(&self) -> Result<BTreeMap<Rung, u64>, StoreError> {
        ladder::expiring(&self.0).await
    }

    /// Erases up to `limit` rows each of what credentials were used for before `activity_before`, and of refused uses before
    /// `refusals_before`. Returns how many rows it erased; to be called again until it returns 0.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn purge_uses(
        &self,
        activity_before: Timestamp,
        refusals_before: Timestamp,
        limit: u32,
    ) -> Result<usize, StoreError> {
        uses::purge(&self.0, activity_before, refusals_before, limit).await
    }

    /// Adds to what is known of what was tolerated of directories' clients. Together or not at all.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::OutcomeUnknown`] if it may have been added.
    pub async fn record_tolerated(&self, uses: Vec<ToleratedUse>) -> Result<(), StoreError> {
        if uses.is_empty() {
            return Ok(());
        }
        self.0.write(tolerated::Record(uses)).await
    }

    /// Erases up to `limit` rows of what was tolerated before the day of `before`. Returns how many; to be called again until
    /// it returns 0.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn purge_tolerated(&self, before: Timestamp, limit: u32) -> Result<usize, StoreError> {
        uses::purge_tolerated(&self.0, before, limit).await
    }

    /// Erases up to `limit` access tokens of OAuth clients that expired before `before`, with what is known of their use.
    /// Returns how many; to be called again until it returns 0.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn purge_access_tokens(&self, before: Timestamp, limit: u32) -> Result<usize, StoreError> {
        // Idle, it only reads, as the sequencer does.
        let one = access_tokens::expired("1", before, 1).build(self.0.backend());
        if self.0.rows(one).await?.is_empty() {
            return Ok(0);
        }
        self.0.write(access_tokens::PurgeAccessTokens { before, limit }).await
    }

    /// A directory's events after the number `after_seq`, in order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn events(
        &self,
        directory: Id<Directory>,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<EventRecord>, StoreError> {
        events::read(&self.0, directory, after_seq, limit).await
    }

    /// How many live resources of each type a directory has; exact.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn counts(&self, directory: Id<Directory>) -> Result<Counts, StoreError> {
        events::counts(&self.0, directory).await
    }
}
