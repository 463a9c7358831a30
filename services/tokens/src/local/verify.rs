//! The check of a token.

use std::{
    error::Error,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rollcall_access::{Authenticated, BearerToken, Denial, authenticate};
use rollcall_base::{Id, marker};
use rollcall_keys::KeyError;
use rollcall_store::StoreError;

use super::{Checkable, LocalTokens};
use crate::VerifyError;

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
        loop {
            // Only the caller that really asks the database is metered, not those that wait for its answer.
            let asked = AtomicBool::new(false);
            let load = || async {
                asked.store(true, Ordering::Relaxed);
                self.throttle.admit(from).map_err(LoadError::Throttled)?;
                self.checkable(id).await
            };
            let error = match self.caches.credentials.get_or_try_load(&id, load).await {
                Ok(known) => return Ok(known),
                Err(error) => error,
            };
            match *error {
                // It was another address that asked too often; this one asks for itself.
                LoadError::Throttled(_) if !asked.into_inner() => {}
                LoadError::Throttled(retry_after) => return Err(VerifyError::Throttled { retry_after }),
                _ => return Err(VerifyError::Unavailable(error as Arc<dyn Error + Send + Sync>)),
            }
        }
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
