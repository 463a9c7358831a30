//! A directory's full sync: what is there is counted anew, and compared with what is kept of the number.
//!
//! Counting goes in steps of bounded length, each a statement of its own, so that nobody waits for a directory of
//! millions. Nothing was accepted meanwhile if the number of all changes ever is the same before and after; then the count
//! is exact.

mod count;
mod finish;
mod lease;

use std::collections::BTreeMap;

use rollcall_access::{DirectoryStep, Life, Stage};
use rollcall_base::{Id, Timestamp, marker::Directory};
use rollcall_scim::schema::KindId;

use self::{
    finish::{Ended, Finish},
    lease::{Lease, Release},
};
use super::{
    TenantStore,
    audit::{self, AuditWriter},
    directory_life::has_changes,
};
use crate::{ControlError, StoreError};

/// How far a full sync has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// So many resources are counted of about so many.
    Resources {
        /// So far.
        counted: u64,
        /// As is kept of it.
        of: u64,
    },
    /// Changes came meanwhile: once more.
    Again,
    /// So many memberships are counted.
    Memberships {
        /// So far.
        counted: u64,
    },
}

/// What a full sync found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullSynced {
    /// Where the directory stood.
    pub before: Life,
    /// Where it stands.
    pub after: Life,
    /// Live users.
    pub users: u64,
    /// Live groups.
    pub groups: u64,
    /// Memberships in live groups.
    pub memberships: u64,
    /// By how much the number that was kept of each kind was wrong; it is right now.
    pub repaired: BTreeMap<KindId, i64>,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was done.
    pub done_at: Timestamp,
}

/// A full sync under way: only one of a directory at a time.
struct Run<'a> {
    store: &'a TenantStore,
    directory: Id<Directory>,
    lease: Timestamp,
}

/// Live resources by kind: counted, and as is kept of it.
type Compared = BTreeMap<i16, (i64, i64)>;

impl TenantStore {
    /// Counts a directory's resources anew, repairs what is kept of their number, and has the directory be synced.
    /// `forget` is waited for before that: whatever is remembered of the directory is to be forgotten in it.
    ///
    /// # Errors
    /// [`ControlError::Refused`], [`ControlError::UnderWay`], [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn full_sync(
        &self,
        directory: Id<Directory>,
        forget: impl Future<Output = ()> + Send,
        tell: &(dyn Fn(Counting) + Sync),
    ) -> Result<FullSynced, ControlError> {
        self.may_sync(directory).await?;
        let began_at = self.inner.clock.now();
        let lease = Lease { directory, from: None, to: began_at };
        if !self.inner.write(lease).await? {
            return Err(ControlError::UnderWay);
        }
        let mut run = Run { store: self, directory, lease: began_at };
        let outcome = run.work(began_at, forget, tell).await;
        if outcome.is_err() {
            // Whoever tries again need not wait until this one is taken for dead.
            let _ = self.inner.write(Release { directory, lease: run.lease }).await;
        }
        outcome
    }

    async fn may_sync(&self, directory: Id<Directory>) -> Result<(), ControlError> {
        let records = self.directories().await?;
        let record = records.iter().find(|record| record.id == directory).ok_or(StoreError::NotFound)?;
        let mut life = record.life;
        if life.stage == Stage::Submitted && has_changes(self.inner.reader(), directory.as_uuid()).await? {
            life.stage = Stage::Receiving;
        }
        Ok(life.after(DirectoryStep::FullSync).map(drop)?)
    }
}

impl Run<'_> {
    async fn work(
        &mut self,
        began_at: Timestamp,
        forget: impl Future<Output = ()> + Send,
        tell: &(dyn Fn(Counting) + Sync),
    ) -> Result<FullSynced, ControlError> {
        let compared = self.compare(tell).await?;
        let memberships = self.memberships(tell).await?;
        forget.await;
        let store = self.store;
        let finish = Finish {
            tenant: store.tenant,
            directory: self.directory,
            lease: self.lease,
            compared,
            memberships,
            began_at,
            actor: store.actor.clone(),
            audit: AuditWriter::new(&store.inner),
        };
        let (done, written) = store.inner.write(finish).await?.map_err(|ended| match ended {
            Ended::Refused(refused) => ControlError::Refused(refused),
            Ended::TakenOver => ControlError::UnderWay,
        })?;
        audit::tell(&written);
        Ok(done)
    }
}
