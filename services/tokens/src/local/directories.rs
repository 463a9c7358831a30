//! The directories that URLs name.

use std::{error::Error, sync::Arc};

use rollcall_base::{Id, marker};
use rollcall_scim::fold;
use rollcall_store::{DirectoryRecord, StoreError};

use super::LocalTokens;
use crate::VerifyError;

/// No key can be longer (a Directory Name is at most 253 characters): what is longer names nothing and is not
/// remembered.
const LONGEST_KEY: usize = 253;

impl LocalTokens {
    pub(super) async fn directory_by_id(
        &self,
        id: Id<marker::Directory>,
    ) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        let load = || async { Ok(self.verification.directory(id).await?.map(Arc::new)) };
        self.caches.directories.get_or_try_load(&id, load).await.map_err(unavailable)
    }

    pub(super) async fn directory_by_key(
        &self,
        tenant_slug: &str,
        key: &str,
    ) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        if tenant_slug.len().max(key.len()) > LONGEST_KEY {
            return Ok(None);
        }
        let place = (fold(tenant_slug), fold(key));
        let load = || async { Ok(self.verification.directory_at(&place.0, &place.1).await?.map(Arc::new)) };
        self.caches.keys.get_or_try_load(&place, load).await.map_err(unavailable)
    }
}

fn unavailable(error: Arc<StoreError>) -> VerifyError {
    VerifyError::Unavailable(error as Arc<dyn Error + Send + Sync>)
}
