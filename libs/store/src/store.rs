//! The store of a process.

use std::sync::Arc;

use rollcall_access::{Access, DirectoryScope, JobScope, OperatorScope, TenantScope};
use rollcall_base::{Clock, Entropy};

use crate::{DirectoryStore, JobStore, OperatorStore, StoreConfig, StoreError, TenantStore, VerificationStore};

/// The database of a process. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Store;

impl Store {
    /// Opens a migrated database.
    ///
    /// # Errors
    /// [`StoreError::NotMigrated`], [`StoreError::NewerSchema`], [`StoreError::Damaged`], [`StoreError::Unwritable`],
    /// [`StoreError::BadUrl`], or [`StoreError::Unavailable`] if the server does not answer.
    pub async fn open(
        _c: &StoreConfig,
        _clock: Arc<dyn Clock>,
        _entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StoreError> {
        todo!()
    }
    /// Brings the database to this program's schema; makes it if there is none.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn migrate(_config: &StoreConfig) -> Result<(), StoreError> {
        todo!()
    }
    /// The people and groups of one directory.
    pub fn directory<A: Access>(&self, _scope: &DirectoryScope<A>) -> DirectoryStore<A> {
        todo!()
    }
    /// The tenants.
    pub fn operator(&self, _scope: &OperatorScope) -> OperatorStore {
        todo!()
    }
    /// One tenant's directories, credentials and keys.
    pub fn tenant(&self, _scope: &TenantScope) -> TenantStore {
        todo!()
    }
    /// What the check of a token needs.
    pub fn verification(&self, _scope: &JobScope) -> VerificationStore {
        todo!()
    }
    /// Background work.
    pub fn jobs(&self, _scope: &JobScope) -> JobStore {
        todo!()
    }
    /// Counts up when another process has changed the data.
    pub fn changed_elsewhere(&self) -> tokio::sync::watch::Receiver<u64> {
        todo!()
    }
    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        todo!()
    }
    /// Finishes the queued writes and closes all connections.
    pub async fn close(&self) {
        todo!()
    }
}
