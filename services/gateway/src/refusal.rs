//! How a request is turned away. What the caller sees does not tell one reason for 401 from another.

use std::{error::Error, sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use rollcall_access::Denial;
use rollcall_tokens::{RefusedReason, VerifyError};

use crate::{Api, diagnosis::Diagnosis};

/// Why a request does not get through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    NoToken(#[from] Diagnosis),
    #[error(transparent)]
    Denied(#[from] Denial),
    #[error("too many unknown tokens, wrong secrets or unknown URLs from this address")]
    Throttled(Duration),
    #[error("the directory is disabled")]
    Disabled,
    #[error("the directory is frozen")]
    Frozen,
    #[error("tokens cannot be checked at the moment")]
    Unavailable(#[source] Arc<dyn Error + Send + Sync>),
}

impl From<VerifyError> for Refusal {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Denied(denial) => Self::Denied(denial),
            VerifyError::Throttled { retry_after } => Self::Throttled(retry_after),
            VerifyError::Unavailable(source) => Self::Unavailable(source),
        }
    }
}

/// How long a client should wait for what an operator or a database must mend.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How long a client should wait before it tries a frozen directory again: somebody is looking into something.
const UNTIL_THAWED: Duration = Duration::from_secs(60);

impl Refusal {
    /// What the directory's admin should know of it, if it is about the token or the directory.
    pub(crate) fn reason(&self) -> Option<RefusedReason> {
        match self {
            Self::NoToken(diagnosis) => Some((*diagnosis).into()),
            Self::Denied(denial) => Some((*denial).into()),
            Self::Disabled => Some(RefusedReason::Disabled),
            Self::Frozen => Some(RefusedReason::Frozen),
            Self::Throttled(_) | Self::Unavailable(_) => None,
        }
    }

    /// Writes the reason down, once, for the operator.
    pub(crate) fn log(&self) {
        match self {
            Self::NoToken(diagnosis) => tracing::info!(reason = %diagnosis, "refused: no readable token"),
            Self::Denied(denial) => tracing::info!(reason = %denial, "refused: token not accepted"),
            Self::Throttled(_) => tracing::warn!(reason = %self, "refused: throttled"),
            Self::Disabled | Self::Frozen => tracing::info!(reason = %self, "refused: directory not served"),
            Self::Unavailable(source) => tracing::error!(error = %chain(&**source), "refused: {self}"),
        }
    }

    /// The answer.
    pub(crate) fn to_response(&self, api: Api) -> HttpResponse {
        match self {
            Self::NoToken(_) | Self::Denied(_) => unauthorized(api),
            Self::Throttled(retry_after) => later(
                api,
                StatusCode::TOO_MANY_REQUESTS,
                "Too many tokens or Base URLs that are unknown or wrong came from this address; nothing was changed. Check both at \
                 the client; try again after the seconds in Retry-After.",
                *retry_after,
            ),
            Self::Disabled => later(
                api,
                StatusCode::SERVICE_UNAVAILABLE,
                "This directory is disabled at the moment; nothing was changed. Ask its administrator to enable it.",
                PATIENCE,
            ),
            Self::Frozen => later(
                api,
                StatusCode::SERVICE_UNAVAILABLE,
                "This directory is frozen: it can be read, and changes are put off; nothing was changed. Send the request \
                 again after the seconds in Retry-After, or ask its administrator to thaw it.",
                UNTIL_THAWED,
            ),
            Self::Unavailable(_) => later(
                api,
                StatusCode::SERVICE_UNAVAILABLE,
                "The token cannot be checked at the moment; nothing was changed. Send the request again.",
                PATIENCE,
            ),
        }
    }
}

/// The one 401, whatever the reason.
fn unauthorized(api: Api) -> HttpResponse {
    let mut response = HttpResponse::Unauthorized();
    response.insert_header((WWW_AUTHENTICATE, r#"Bearer realm="rollcall", error="invalid_token""#));
    response.insert_header((CONTENT_TYPE, api.error_type()));
    response.body(api.error_body(
        StatusCode::UNAUTHORIZED,
        "The request has no token that is valid for this URL. Send this directory's token as \"Authorization: Bearer …\"; \
         if it does so already, check the Base URL and issue a new token.",
    ))
}

pub(crate) fn later(api: Api, status: StatusCode, detail: &str, after: Duration) -> HttpResponse {
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    let mut response = HttpResponse::build(status);
    response.insert_header((RETRY_AFTER, seconds.max(1).to_string()));
    response.insert_header((CONTENT_TYPE, api.error_type()));
    response.body(api.error_body(status, detail))
}

/// An error with all its causes on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
