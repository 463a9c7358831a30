//! What can go wrong.

use std::{error::Error, sync::Arc, time::Duration};

use rollcall_access::Denial;
use rollcall_base::{Id, marker};
use rollcall_keys::KeyError;
use rollcall_store::StoreError;

use crate::local::{PepperError, SecretError};

/// Why a token was not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VerifyError {
    /// It is not good, and the reason for the log: 401.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// Too many unknown tokens, or guesses at known ones, came from there: 429.
    #[error("too many unknown tokens or wrong secrets from this address")]
    Throttled {
        /// When another try makes sense.
        retry_after: Duration,
    },
    /// Nobody can tell at the moment: 503.
    #[error("tokens cannot be checked at the moment")]
    Unavailable(#[source] Arc<dyn Error + Send + Sync>),
}

/// Why a token was not issued, listed or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The lifetime is out of bounds.
    #[error("a token lives from 1 to 730 days, not {days}; choose a lifetime in between")]
    Lifetime {
        /// What was asked for, in whole days.
        days: u64,
    },
    /// The lifetime of an OAuth client is out of bounds.
    #[error("an OAuth client lives from 1 to 730 days, not {days}; choose a lifetime in between")]
    ClientLifetime {
        /// What was asked for, in whole days.
        days: u64,
    },
    /// The label is out of bounds.
    #[error("a label has at most {most} characters; shorten it")]
    Label {
        /// The bound.
        most: usize,
    },
    /// The directory is another tenant's.
    #[error("the directory belongs to another tenant")]
    OtherTenant,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A client secret could not be hashed.
    #[error("the client secret could not be hashed")]
    Secret(#[source] Box<dyn Error + Send + Sync>),
    /// A data key's row is gone.
    #[error("the data key {0} is missing from the database; restore the database from a backup")]
    NoDataKey(Id<marker::DataKey>),
}

impl From<PepperError> for TokensError {
    fn from(error: PepperError) -> Self {
        match error {
            PepperError::Store(error) => Self::Store(error),
            PepperError::Key(error) => Self::Key(error),
            PepperError::Missing(id) => Self::NoDataKey(id),
        }
    }
}

impl From<SecretError> for TokensError {
    fn from(error: SecretError) -> Self {
        Self::Secret(Box::new(error))
    }
}
