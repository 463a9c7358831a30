//! The check of a token.

use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};

use rollcall_access::{Authenticated, BearerToken, Denial, authenticate};
use rollcall_base::{Id, marker};
use rollcall_keys::KeyError;
use rollcall_store::StoreError;

use super::{Checkable, LocalTokens};
use crate::{
    VerifyError,
    caches::{LoadFailure, load_for},
};

/// Why a credential could not be loaded. Shared by all who waited for the same load.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error("too many unknown tokens from this address")]
    Throttled(Duration),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the data key of credential {0} is missing from the database")]
    NoDataKey(Id<marker::Credential>),
}

impl LoadFailure for LoadError {
    fn answer(self: &Arc<Self>, asked_first: bool) -> Option<VerifyError> {
        match **self {
            // It was another address that asked too often; this one asks for itself.
            Self::Throttled(_) if !asked_first => None,
            Self::Throttled(retry_after) => Some(VerifyError::Throttled { retry_after }),
            _ => Some(VerifyError::Unavailable(Arc::clone(self) as Arc<dyn Error + Send + Sync>)),
        }
    }
}

impl LocalTokens {
    pub(super) async fn verify_token(&self, token: &BearerToken, from: IpAddr) -> Result<Authenticated, VerifyError> {
        let cached = self.caches.credentials.get(&token.id()).await;
        let (known, was_loaded) = match cached {
            Some(known) => (known, false),
            None => (self.load(token.id(), from).await?, true),
        };
        let checkable = known.ok_or(Denial::Unknown)?;
        let authenticated = authenticate(&checkable.record, token, &checkable.pepper, self.clock.now())?;
        if was_loaded {
            self.throttle.was_good(from);
        }
        Ok(authenticated)
    }

    async fn load(&self, id: Id<marker::Credential>, from: IpAddr) -> Result<Option<Arc<Checkable>>, VerifyError> {
        // Only the caller that really asks the database is metered, not those that wait for its answer.
        let load = |from| async move {
            self.throttle.admit(from).map_err(LoadError::Throttled)?;
            self.checkable(id).await
        };
        load_for(&self.caches.credentials, &id, from, load).await
    }

    async fn checkable(&self, id: Id<marker::Credential>) -> Result<Option<Arc<Checkable>>, LoadError> {
        let Some(record) = self.verification.credential(id).await? else { return Ok(None) };
        let pepper = match self.peppers.cached(record.data_key).await {
            Some(pepper) => pepper,
            None => {
                let wrapped = self.verification.data_key(record.data_key).await?;
                self.peppers.open(&wrapped.ok_or(LoadError::NoDataKey(id))?).await?
            }
        };
        Ok(Some(Arc::new(Checkable { record, pepper })))
    }
}
