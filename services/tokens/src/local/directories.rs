//! The directories that URLs name.

use std::sync::Arc;

use rollcall_base::{Id, marker};
use rollcall_store::DirectoryRecord;

use super::LocalTokens;
use crate::{VerifyError, caches::DirectoryNews};

impl LocalTokens {
    /// Where to tell of changed directories, so that this service sees them at once.
    pub fn directory_news(&self) -> DirectoryNews {
        DirectoryNews::with(self.caches.directories.clone())
    }

    pub(super) async fn directory_by_id(
        &self,
        id: Id<marker::Directory>,
    ) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        self.caches.directories.by_id(id, || self.verification.directory(id)).await
    }

    pub(super) async fn directory_by_key(
        &self,
        tenant_slug: &str,
        key: &str,
    ) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        let load = |slug: String, key: String| async move { self.verification.directory_at(&slug, &key).await };
        self.caches.directories.by_key(tenant_slug, key, load).await
    }
}
