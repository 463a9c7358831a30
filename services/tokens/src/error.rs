//! What can go wrong.

use std::{error::Error, sync::Arc, time::Duration};

use rollcall_access::{CredentialState, Denial};
use rollcall_base::{Id, marker};
use rollcall_keys::KeyError;
use rollcall_store::{NotKept, NotRotated, StoreError};

use crate::local::{PepperError, SecretError};

/// Why a token was not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VerifyError {
    /// It is not good, and the reason for the log: 401.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// Too many unknown tokens or URLs, or guesses at known tokens, came from there: 429.
    #[error("too many unknown tokens, wrong secrets or unknown URLs from this address")]
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
    /// The lifetime of an OAuth client is beyond what the tenant allows itself.
    #[error(
        "this tenant's policy lets an OAuth client live for {longest} days at most, as a token, not {days}; choose a shorter \
         lifetime, or change the policy (rollcall tenant policy --longest-token-days)"
    )]
    ClientLifetimeOfPolicy {
        /// What was asked for, in whole days.
        days: u64,
        /// What the policy allows.
        longest: u32,
    },
    /// The lifetime is beyond what the tenant allows itself.
    #[error(
        "this tenant's policy lets a token live for {longest} days at most, not {days}; choose a shorter lifetime, or change \
         the policy (rollcall tenant policy --longest-token-days)"
    )]
    LifetimeOfPolicy {
        /// What was asked for, in whole days.
        days: u64,
        /// What the policy allows.
        longest: u32,
    },
    /// A policy that makes no sense.
    #[error("{0}")]
    Policy(&'static str),
    /// A token that cannot be rotated.
    #[error("{}", not_rotated(.0))]
    NotRotated(NotRotated),
    /// There was nothing to keep.
    #[error("{}", not_kept(.0))]
    NotKept(NotKept),
    /// The lifetime of an OAuth client is out of bounds.
    #[error("an OAuth client lives from 1 to 730 days, not {days}; choose a lifetime in between")]
    ClientLifetime {
        /// What was asked for, in whole days.
        days: u64,
    },
    /// Where it may be used from cannot be changed any more.
    #[error("the {what} is {state}: where it could be used from stays as it was; make a new one with these networks")]
    NetworksNotSet {
        /// What it is.
        what: &'static str,
        /// Where it stands.
        state: CredentialState,
    },
    /// The label is out of bounds.
    #[error("a label has at most {most} characters, and no control characters such as line breaks; choose another")]
    Label {
        /// The bound.
        most: usize,
    },
    /// The work was cut off: nobody knows whether it was done.
    #[error("the change was cut off; look whether it was made (rollcall token show), or make it again")]
    CutOff,
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

fn not_rotated(why: &NotRotated) -> String {
    match why {
        NotRotated::Unknown => "the tenant has no such token".to_owned(),
        NotRotated::NotGood(state) => format!(
            "the token is {state}, so there is nothing to hand over; issue a new one instead (rollcall token issue)"
        ),
        NotRotated::AccessToken => {
            "this is an access token of an OAuth client, which gets a new one by itself; rotate the client's secret instead"
                .to_owned()
        }
        NotRotated::HasReplacement(id) => format!(
            "the token is being replaced already, by {id}: enter that one at the client. If it was lost, rotate it in turn \
             (rollcall token rotate --token-id {id}); to stop the rotation, keep this one (rollcall token keep)"
        ),
        NotRotated::EndsTooSoon { retires_at } => format!(
            "the new token would end before the old one retires (at the latest on {retires_at}), which could leave the client \
             without one; choose a longer lifetime, or a shorter rotation deadline (rollcall tenant policy)"
        ),
    }
}

fn not_kept(why: &NotKept) -> String {
    match why {
        NotKept::Unknown => "the tenant has no such token".to_owned(),
        NotKept::NotGood(state) => {
            format!("the token is {state}, which cannot be undone; issue a new one (rollcall token issue)")
        }
        NotKept::HasNoReplacement => "nothing is about to take the token's place; there is nothing to undo".to_owned(),
    }
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
