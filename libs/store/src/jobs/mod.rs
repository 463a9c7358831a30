//! Background work: numbering events and the audit's lines, erasing what was deleted long ago, warning of what ends.

mod access_tokens;
mod audit;
#[cfg(feature = "counting")]
mod events;
mod ladder;
mod purge;
mod record;
mod sequence;
mod tolerated;
mod uses;

use std::{collections::BTreeMap, sync::Arc};

use rollcall_access::{Actor, JobScope, Rung};
use rollcall_base::Timestamp;

use sea_orm::ConnectionTrait;

#[cfg(feature = "counting")]
pub use events::{EventRecord, Renamed};
pub use ladder::Climbed;
pub use record::Operation;
pub use tolerated::{MOST_NAMES_A_DAY, ToleratedUse, UNMAPPED};

use crate::{
    DirectoryRecord, StoreError,
    control::{
        audit::{AuditWriter, tell},
        rows,
    },
    statement::Sql,
    store::Inner,
};

/// What a step of the sequencer did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sequenced {
    /// How many changes became events.
    pub numbered: usize,
    /// Directories whose first change was among them, and which are receiving now.
    pub receiving: Vec<DirectoryRecord>,
}

/// Background work.
#[derive(Clone)]
pub struct JobStore(Arc<Inner>, Actor);

impl JobStore {
    pub(crate) fn new(inner: Arc<Inner>, scope: &JobScope) -> Self {
        Self(inner, scope.actor())
    }

    /// Makes events of about `limit` changes that have none yet, oldest first. A resource's changes become events in the order
    /// of its versions, without a gap. Directories whose first changes were among them are receiving now. To be called again
    /// until it numbered none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn number(&self, limit: u32) -> Result<Sequenced, StoreError> {
        // Idle, it only reads: even a write that changes nothing is flushed to the disk, and looks to other processes
        // on the same file as a change.
        let waiting = Sql::new("SELECT 1 FROM outbox LIMIT 1").build(self.0.reader().get_database_backend());
        if self.0.rows(waiting).await?.is_empty() {
            return Ok(Sequenced::default());
        }
        let (now, audit) = (self.0.clock.now(), AuditWriter::new(&self.0));
        let sequence = sequence::Sequence { limit, now, actor: self.1.clone(), audit };
        let (numbered, written) = self.0.write(sequence).await?;
        tell(&written);
        let mut receiving = Vec::new();
        for directory in written.iter().filter_map(|line| line.directory) {
            // Numbered is numbered: who cannot be told of now is known elsewhere within the bound.
            receiving.extend(rows::directory_by_id(self.0.reader(), directory).await.ok().flatten());
        }
        Ok(Sequenced { numbered, receiving })
    }

    /// Erases up to `limit` rows of resources that were deleted before `before`, or whose directory wants them erased at once: a
    /// group's members first, then the values in its events, then the resource itself. What the sequencer has not numbered yet
    /// waits for it. Returns how many rows it erased; to be called again until it returns 0.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn purge_deleted(&self, before: Timestamp, limit: u32) -> Result<usize, StoreError> {
        let now = self.0.clock.now();
        self.0.write(purge::Purge { before, now, limit }).await
    }

    /// Gives about `limit` lines of the audit that have none yet their numbers, those of one tenant, and returns of how many.
    /// Each tenant's are 1, 2, 3 … without a gap. To be called again until it returns 0.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn number_audit(&self, limit: u32) -> Result<usize, StoreError> {
        audit::number(&self.0, limit).await
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

    /// Erases up to `limit` rows each of what credentials were used for before `activity_before`, of access tokens that expired
    /// before it and were erased themselves, and of refused uses before `refusals_before`. Returns how many rows it erased; to be called again until it returns 0.
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

    /// Forgets the processes that reported no use of credentials since `before`. Returns how many.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn purge_reporters(&self, before: Timestamp) -> Result<usize, StoreError> {
        uses::purge_reporters(&self.0, before).await
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

    /// Erases up to `limit` access tokens of OAuth clients that expired before `before`. What is known of their use goes over
    /// to their client. Returns how many; to be called again until it returns 0.
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

    /// For tests: a directory's events after the number `after_seq`, in order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    #[cfg(feature = "counting")]
    pub async fn events(
        &self,
        directory: rollcall_base::Id<rollcall_base::marker::Directory>,
        after_seq: i64,
        limit: u32,
    ) -> Result<Vec<EventRecord>, StoreError> {
        events::read(&self.0, directory, after_seq, limit).await
    }
}
