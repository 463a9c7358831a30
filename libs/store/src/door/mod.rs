//! The one door that every write goes through.

mod grouped;
mod single;

use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use futures_util::FutureExt;

pub(crate) use grouped::{GroupLimits, GroupedDoor};
pub(crate) use single::SingleDoor;

use crate::{StoreError, directory::Mark, transaction::Transaction};

/// A change of the data. Runs inside a transaction, and again from the start if that is tried again: it must not
/// change itself or anything outside the database.
#[async_trait]
pub(crate) trait Mutation: Send + Sync + 'static {
    /// What the caller is told after the commit.
    type Output: Send + 'static;

    /// About how many bytes it writes.
    fn bytes(&self) -> usize {
        0
    }

    /// How it can be found out afterwards whether a commit whose answer did not come was made.
    fn proof(&self, _: &Self::Output) -> Proof {
        Proof::None
    }

    /// Writes. If it fails, nothing that it wrote remains.
    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError>;
}

/// What shows whether a change was committed.
pub(crate) enum Proof {
    /// Nothing does.
    None,
    /// It wrote nothing, so it does not matter.
    NothingWritten,
    /// The change's entry in the outbox, or the event that it became.
    Entry(Mark),
}

/// Where writes go in.
pub(crate) enum Door {
    /// PostgreSQL: a transaction each.
    Single(SingleDoor),
    /// SQLite: several share a commit.
    Grouped(GroupedDoor),
}

impl Door {
    /// Carries `mutation` out and returns when it is committed. Wholly or not at all, even if the caller goes away.
    pub(crate) async fn write<M: Mutation>(&self, mutation: M) -> Result<M::Output, StoreError> {
        match self {
            Self::Single(door) => door.write(mutation).await,
            Self::Grouped(door) => door.write(mutation).await,
        }
    }

    /// Finishes what is queued.
    pub(crate) async fn close(&self) {
        if let Self::Grouped(door) = self {
            door.close().await;
        }
    }
}

/// Runs `mutation`; a panic in it is an error like others, so that it ends one write and not the process's writing.
async fn run_caught<M: Mutation>(mutation: &M, transaction: &Transaction) -> Result<M::Output, StoreError> {
    AssertUnwindSafe(mutation.run(transaction)).catch_unwind().await.unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let what = what.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(StoreError::internal(format!("a write panicked: {what}")))
    })
}
