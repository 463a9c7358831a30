//! Why a use case did not do what was asked.

use rollcall_access::Forbidden;
use rollcall_scim::ScimError;
use rollcall_store::StoreError;

/// What stands between a request and its answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The client's to mend.
    #[error(transparent)]
    Scim(#[from] ScimError),
    /// The token's rights do not reach so far.
    #[error("the token has not the scope {}", .0.missing)]
    Forbidden(#[from] Forbidden),
    /// Ours, and passing: the client should try again.
    #[error("the database cannot be reached or did not answer in time")]
    Unavailable(#[source] StoreError),
    /// Ours, and passing, but the change may have been made.
    #[error("the database was lost during a commit")]
    OutcomeUnknown(#[source] StoreError),
    /// Ours, after the change was made.
    #[error("the change was made and cannot be shown")]
    NotShown(#[source] StoreError),
    /// Ours.
    #[error("unexpected failure of the store")]
    Internal(#[source] StoreError),
}

impl Failure {
    /// Reads what the store says of the resource `id`.
    pub(crate) fn of_store(error: StoreError, resource_type: &str, id: &str) -> Self {
        match error {
            StoreError::Rejected(error) => Self::Scim(error),
            StoreError::NotFound => Self::Scim(ScimError::not_found(resource_type, id)),
            StoreError::PreconditionFailed => Self::Scim(ScimError::status(
                412,
                format!(
                    "The {resource_type} \"{id}\" has another version than If-Match names. Read it again and repeat the \
                     change on what you read."
                ),
            )),
            unavailable @ StoreError::Unavailable(_) => Self::Unavailable(unavailable),
            unknown @ StoreError::OutcomeUnknown(_) => Self::OutcomeUnknown(unknown),
            other => Self::Internal(other),
        }
    }

    /// The same when the change that was asked for is made already, and only its answer failed.
    pub(crate) fn after_the_change(self) -> Self {
        match self {
            Self::Unavailable(source) | Self::OutcomeUnknown(source) | Self::Internal(source) => Self::NotShown(source),
            other => other,
        }
    }

    /// What the client is told.
    pub(crate) fn to_scim(&self) -> ScimError {
        match self {
            Self::Scim(error) => error.clone(),
            Self::Forbidden(Forbidden { missing }) => ScimError::status(
                403,
                format!(
                    "This token may not do that: it has not the scope {missing}. Use a token of this directory that has it."
                ),
            ),
            Self::Unavailable(_) => ScimError::status(
                503,
                "The directory cannot be reached at the moment; nothing was changed. Send the request again.",
            ),
            Self::OutcomeUnknown(_) => ScimError::status(
                503,
                "The database was lost while the change was being made. It may have been made: read the resource, or send \
                 the request again.",
            ),
            Self::NotShown(_) => ScimError::status(
                503,
                "The change was made, but what came of it cannot be shown at the moment. Read the resource.",
            ),
            Self::Internal(_) => ScimError::status(
                500,
                "Something went wrong on our side; nothing was changed. Quote the x-request-id header when you report it.",
            ),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::of_store(error, "resource", "")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_change_that_may_have_been_made_is_not_said_to_have_changed_nothing() {
        let lost = || Arc::new(std::io::Error::other("lost")) as rollcall_store::Source;
        let unknown = Failure::from(StoreError::OutcomeUnknown(lost())).to_scim();
        assert_eq!(unknown.status, 503);
        let detail = unknown.to_json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(detail.contains("may have been made") && !detail.contains("nothing was changed"), "{detail}");
        let unavailable = Failure::from(StoreError::Unavailable(lost())).to_scim();
        assert_eq!(unavailable.status, 503);
        assert!(unavailable.to_json().to_string().contains("nothing was changed"));
        let not_shown = Failure::from(StoreError::Unavailable(lost())).after_the_change().to_scim();
        assert_eq!(not_shown.status, 503);
        assert!(not_shown.to_json().to_string().contains("was made"));
    }
}
