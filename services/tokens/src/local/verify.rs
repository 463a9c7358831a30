//! The check of a token.

use std::{
    error::Error,
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use rollcall_access::{Authenticated, BearerToken, Denial, authenticate};
use rollcall_base::{Id, Secret32, marker};
use rollcall_store::StoreError;

use super::{LocalTokens, checkable::Checkable, mover::Move, peppers::PURPOSE};
use crate::{
    VerifyError,
    caches::{CredentialKey, LoadFailure, load_for},
    throttle::{About, Taken},
};

/// Why a credential, or the directory that a URL names, could not be loaded. Shared by all who waited for the same load.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error("too many unknown tokens or URLs from this address")]
    Throttled(Duration),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LoadFailure for LoadError {
    type Answer = VerifyError;

    fn answer(self: &Arc<Self>, asked_first: bool) -> Option<VerifyError> {
        match **self {
            // It was another address that asked too often; this one asks for itself.
            Self::Throttled(_) if !asked_first => None,
            Self::Throttled(retry_after) => Some(VerifyError::Throttled { retry_after }),
            _ => Some(VerifyError::Unavailable(Arc::clone(self) as Arc<dyn Error + Send + Sync>)),
        }
    }
}

/// What the check of one token cost.
#[derive(Default)]
struct Asked {
    /// The credential was not in memory.
    loaded: bool,
    /// What this request took, if it was this one that asked for it and was metered.
    taken: Option<Taken>,
}

impl LocalTokens {
    pub(super) async fn verify_token(&self, token: &BearerToken, from: IpAddr) -> Result<Authenticated, VerifyError> {
        let cached = self.caches.credentials.get(&CredentialKey(token.id())).await;
        let mut asked = Asked::default();
        let known = match cached {
            Some(known) => known,
            None => self.load(token.id(), from, &mut asked).await?,
        };
        let mut checkable = known.ok_or(Denial::Unknown)?;
        let mut checked = self.check(&checkable, token).await?;
        if checked.as_ref().is_err_and(|denial| *denial == Denial::Retired) && checkable.was_read_before_it_retired() {
            // It may have been kept since, because the one in its place was revoked: then it is the only one that is left.
            let _ = self.caches.credentials.invalidate(&CredentialKey(token.id())).await;
            checkable = self.load(token.id(), from, &mut asked).await?.ok_or(Denial::Unknown)?;
            checked = self.check(&checkable, token).await?;
        }
        if checked.as_ref().is_err_and(|denial| *denial == Denial::WrongSecret) && asked.taken.is_none() {
            // A guess at a credential that is in memory, or known to be good, is metered as one at any other.
            self.throttle.admit_alone(from).map_err(|retry_after| VerifyError::Throttled { retry_after })?;
        }
        let authenticated = checked?;
        if asked.loaded {
            self.throttle.was_good(from, asked.taken);
            self.throttle.remember(token.id(), authenticated.ends_at());
        }
        self.move_to_newest(&checkable, token);
        Ok(authenticated)
    }

    async fn check(
        &self,
        checkable: &Checkable,
        token: &BearerToken,
    ) -> Result<Result<Authenticated, Denial>, VerifyError> {
        let now = self.clock.now();
        let check = |secret: &Secret32| authenticate(&checkable.record, token, secret, now);
        let checked = self.peppers.for_checking(checkable.pepper(&self.peppers), check).await;
        checked.map_err(|error| VerifyError::Unavailable(Arc::new(error)))
    }

    /// Has a token that was found good hashed anew if its tenant has a newer data key: later, and once.
    fn move_to_newest(&self, checkable: &Checkable, token: &BearerToken) {
        let (from, to) = (checkable.record.data_key, checkable.newest);
        if checkable.is_to_be_moved() {
            // If the queue is full, the token is offered again when it was read anew.
            let _ = self.moves.try_send(Move { token: token.clone(), from, to });
        }
    }

    async fn load(
        &self,
        id: Id<marker::Credential>,
        from: IpAddr,
        asked: &mut Asked,
    ) -> Result<Option<Arc<Checkable>>, VerifyError> {
        // Only the caller that really asks the database is metered, not those that wait for its answer.
        let taken = OnceLock::new();
        let takes = &taken;
        let load = |from| async move {
            if !self.throttle.knows(id) {
                takes.get_or_init(|| self.throttle.admit(About::Token, from)).map_err(LoadError::Throttled)?;
            }
            self.checkable(id).await
        };
        let loaded = load_for(&self.caches.credentials, &CredentialKey(id), from, load).await;
        asked.loaded = true;
        asked.taken = taken.into_inner().and_then(Result::ok).or(asked.taken);
        loaded
    }

    async fn checkable(&self, id: Id<marker::Credential>) -> Result<Option<Arc<Checkable>>, LoadError> {
        let read_at = self.clock.now();
        let known = self.verification.credential_and_newest_key(id, PURPOSE).await?;
        Ok(known.map(|(record, newest)| Arc::new(Checkable::new(record, newest, read_at))))
    }
}
