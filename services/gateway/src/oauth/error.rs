//! Why a client gets no access token, as RFC 6749 §5.2 has it. A description is ASCII without quotes and backslashes, says
//! what to do, and repeats nothing that was sent.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{ALLOW, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use rollcall_runtime::http::BodyError;
use rollcall_tokens::{GrantDenialReason, GrantError};
use serde_json::json;

use crate::refusal::PATIENCE;

/// An error answer of the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OAuthError {
    status: StatusCode,
    /// The word that RFC 6749 §5.2 or RFC 8707 §2 has for it.
    code: &'static str,
    description: &'static str,
    retry_after: Option<Duration>,
}

const fn error(status: StatusCode, code: &'static str, description: &'static str) -> OAuthError {
    OAuthError { status, code, description, retry_after: None }
}

/// The request is not in order.
pub(super) const fn invalid_request(description: &'static str) -> OAuthError {
    error(StatusCode::BAD_REQUEST, "invalid_request", description)
}

/// The one answer to a client that is not known, or not as who it says it is, whatever the reason.
pub(super) const INVALID_CLIENT: OAuthError = error(
    StatusCode::UNAUTHORIZED,
    "invalid_client",
    "There is no live client with this client_id and client_secret. Send both either as HTTP Basic authentication or in the \
     request body; if it is done so already, copy them again or create another client.",
);

/// Only the credentials of the client itself are taken.
pub(super) const UNSUPPORTED_GRANT_TYPE: OAuthError = error(
    StatusCode::BAD_REQUEST,
    "unsupported_grant_type",
    "The one grant_type of this service is client_credentials.",
);

/// A scope that there is not.
pub(super) const UNKNOWN_SCOPE: OAuthError = error(
    StatusCode::BAD_REQUEST,
    "invalid_scope",
    "There is no such scope. There are users, groups and others, each with :read, :create, :update, :delete or :write (all \
     three changes), and lookups:read, with spaces between them. Leave scope out to get all that the client may do.",
);

const SCOPE_OF_OTHERS: OAuthError = error(
    StatusCode::BAD_REQUEST,
    "invalid_scope",
    "The client has not all of these scopes. Leave scope out to get those that it has.",
);

/// A resource that is not the client's directory.
pub(super) const INVALID_TARGET: OAuthError = error(
    StatusCode::BAD_REQUEST,
    "invalid_target",
    "The resource is not the Base URL of this client's directory. Send that Base URL, or leave resource out.",
);

const NOT_FROM_HERE: OAuthError = error(
    StatusCode::BAD_REQUEST,
    "unauthorized_client",
    "The client may not be used from this address. Add the address to the client's networks (rollcall oauth-client networks).",
);

const ARCHIVED: OAuthError = error(
    StatusCode::BAD_REQUEST,
    "unauthorized_client",
    "The client's directory is archived, for good. Switch provisioning off, or use a client of another directory.",
);

/// Bodies here are some hundred bytes long.
const TOO_LARGE: OAuthError = error(
    StatusCode::PAYLOAD_TOO_LARGE,
    "invalid_request",
    "The request body is too large. It holds grant_type, perhaps client_id, client_secret, scope and resource, and nothing \
     else of interest.",
);

const TOO_SLOW: OAuthError =
    error(StatusCode::REQUEST_TIMEOUT, "invalid_request", "The request body did not arrive in time. Send it again.");

/// Of the head.
pub(super) const HEAD_TOO_LARGE: OAuthError = error(
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    "invalid_request",
    "The request's target and headers are longer than this service takes. A token request needs few headers and no query.",
);

/// It was given up.
pub(super) const TOO_LATE: OAuthError = later(
    StatusCode::SERVICE_UNAVAILABLE,
    "The request took too long and was given up. Send it again: a token that was made meanwhile opens nothing for anybody else.",
    PATIENCE,
);

const BROKEN: OAuthError = invalid_request("The request body could not be read to its end. Send it again.");

const POST_ONLY: OAuthError =
    error(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", "The token endpoint takes POST (RFC 6749, 3.2).");

const fn later(status: StatusCode, description: &'static str, after: Duration) -> OAuthError {
    OAuthError { status, code: "temporarily_unavailable", description, retry_after: Some(after) }
}

impl From<&GrantError> for OAuthError {
    fn from(error: &GrantError) -> Self {
        use GrantDenialReason as Reason;
        match error {
            GrantError::Denied(denial) => match denial.reason {
                Reason::UnknownClient | Reason::WrongSecret | Reason::Expired | Reason::Revoked => INVALID_CLIENT,
                Reason::OutsideNetworks => NOT_FROM_HERE,
                Reason::Archived => ARCHIVED,
                Reason::Scope => SCOPE_OF_OTHERS,
                Reason::Resource => INVALID_TARGET,
            },
            GrantError::Throttled { retry_after } => later(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many unknown clients or wrong secrets were sent for this client or from this address. Check client_id and \
                 client_secret; try again later.",
                *retry_after,
            ),
            GrantError::TooMany { retry_after } => later(
                StatusCode::TOO_MANY_REQUESTS,
                "This client asks for access tokens too often, or too many clients of its tenant ask at once. An access token \
                 is good for an hour: keep it and use it again.",
                *retry_after,
            ),
            GrantError::Busy { retry_after } => later(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many secrets are being checked at the moment. Send the request again.",
                *retry_after,
            ),
            GrantError::Unavailable(_) => later(
                StatusCode::SERVICE_UNAVAILABLE,
                "No access tokens can be granted at the moment. Send the request again.",
                PATIENCE,
            ),
        }
    }
}

impl From<BodyError> for OAuthError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => TOO_LARGE,
            BodyError::TooSlow => TOO_SLOW,
            BodyError::Broken(_) => BROKEN,
        }
    }
}

impl OAuthError {
    /// The word for it.
    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    /// The answer.
    pub(super) fn to_response(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((PRAGMA, "no-cache"));
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §15.5.2 wants it in every 401, RFC 6749 §5.2 for clients that used it.
            response.insert_header((WWW_AUTHENTICATE, r#"Basic realm="rollcall", charset="UTF-8""#));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response.insert_header((ALLOW, "POST"));
        }
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            response.insert_header((RETRY_AFTER, seconds.max(1).to_string()));
        }
        response.json(json!({ "error": self.code, "error_description": self.description }))
    }
}

/// The answer to any method but POST.
pub(super) async fn post_only() -> HttpResponse {
    POST_ONLY.to_response()
}
