//! The directories that URLs name.

use std::sync::{Arc, OnceLock};

use rollcall_base::{Id, marker};
use rollcall_store::DirectoryRecord;

use super::{LocalTokens, verify::LoadError};
use crate::{Caller, VerifyError, caches::DirectoryNews, throttle::About};

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
        let taken = OnceLock::new();
        let takes = &taken;
        let load = |slug: String, key: String, caller: Option<Caller>| async move {
            if let Some(Caller { from, .. }) = caller {
                takes.get_or_init(|| self.throttle.admit(About::Token, from)).map_err(LoadError::Throttled)?;
            }
            Ok::<_, LoadError>(self.verification.directory_at(&slug, &key).await?)
        };
        let named = self.caches.directories.by_key(tenant_slug, key, caller, load).await?;
        if let (Some(named), Some(Caller { directory, from })) = (&named, caller)
            && named.id == directory
            && let Some(Ok(taken)) = taken.into_inner()
        {
            self.throttle.was_good(from, Some(taken));
        }
        Ok(named)
    }
}
