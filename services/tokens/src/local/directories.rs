//! The directories that URLs name.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rollcall_base::{Id, marker};
use rollcall_store::DirectoryRecord;

use super::{LocalTokens, verify::LoadError};
use crate::{Caller, VerifyError, caches::DirectoryNews};

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
        caller: Option<Caller>,
    ) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        // Whoever has a good token could make URLs up without end, and have each looked for.
        let was_metered = AtomicBool::new(false);
        let metered = &was_metered;
        let load = |slug: String, key: String, caller: Option<Caller>| async move {
            if let Some(Caller { from, .. }) = caller {
                self.throttle.admit(from).map_err(LoadError::Throttled)?;
                metered.store(true, Ordering::Relaxed);
            }
            Ok::<_, LoadError>(self.verification.directory_at(&slug, &key).await?)
        };
        let named = self.caches.directories.by_key(tenant_slug, key, caller, load).await?;
        if let (Some(named), Some(Caller { directory, from })) = (&named, caller)
            && named.id == directory
            && was_metered.into_inner()
        {
            self.throttle.was_good(from, true);
        }
        Ok(named)
    }
}
