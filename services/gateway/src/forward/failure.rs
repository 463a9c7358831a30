//! Why a request got no answer from the directory service.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::CONTENT_TYPE},
};
use awc::error::{ConnectError, SendRequestError};
use rollcall_runtime::http::BodyError;

use crate::{
    Api,
    refusal::{PATIENCE, later},
};

#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("a request came to the forwarder without having been authenticated")]
    NotAdmitted,
    #[error("internal.directory_url names no address")]
    NoAddress,
    #[error("the directory service cannot be reached at any of its addresses: {0}")]
    Unreachable(#[source] ConnectError),
    #[error("the directory service does not accept our grants: is internal.secret the same, are the clocks right?")]
    GrantRefused,
    #[error("the request was sent to the directory service, and no answer came: {0}")]
    Interrupted(SendRequestError),
    #[error("the client's request body did not come to its end")]
    Body(#[source] BodyError),
}

impl Failure {
    pub(super) fn log(&self) {
        match self {
            Self::Body(source) => tracing::info!(reason = %source, "not forwarded: {self}"),
            _ => tracing::error!("not forwarded: {self}"),
        }
    }

    /// The answer. 503 asks clients to come again; it says whether something may have been done.
    pub(super) fn to_response(&self, api: Api) -> HttpResponse {
        let unavailable = |detail: &str, after: Duration| later(api, StatusCode::SERVICE_UNAVAILABLE, detail, after);
        match self {
            Self::Interrupted(_) => unavailable(
                "The answer did not arrive. The change may have been made: read the resource, or send the request again.",
                PATIENCE,
            ),
            Self::Body(error) => {
                let advice = match error {
                    BodyError::TooLarge { .. } => "Send the change in several requests.",
                    _ => "Send it again.",
                };
                let status = error.status();
                HttpResponse::build(status)
                    .insert_header((CONTENT_TYPE, api.error_type()))
                    .body(api.error_body(status, &format!("The request was not taken: {error}. {advice}")))
            }
            _ => unavailable(
                "The directory cannot be reached at the moment; nothing was changed. Send the request again.",
                PATIENCE,
            ),
        }
    }
}
