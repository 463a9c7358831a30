//! Background work: numbering events, erasing what was deleted long ago.

mod access_tokens;
mod events;
mod purge;
mod record;
mod sequence;

use std::sync::Arc;

use rollcall_base::{Id, Timestamp, marker::Directory};

use sea_orm::ConnectionTrait;

pub use record::{Counts, EventRecord, Operation};

use crate::{StoreError, statement::Sql, store::Inner};

/// Background work.
#[derive(Clone)]
pub struct JobStore(Arc<Inner>);

impl JobStore {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        Self(inner)
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
