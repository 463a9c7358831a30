//! Answers: SCIM JSON, its headers, and errors.

use std::fmt;

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use rollcall_access::Forbidden;
use rollcall_scim::ScimError;
use serde_json::Value;

use crate::failure::Failure;

use super::media_type::MediaType;

/// What handlers return.
pub(super) type Answer = Result<HttpResponse, Refusal>;

/// A failure on its way out. Logged here, once.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) Failure);

impl<F: Into<Failure>> From<F> for Refusal {
    fn from(failure: F) -> Self {
        Self(failure.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.to_scim().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        log(&self.0);
        let mut response = error_response(&self.0.to_scim());
        if let Failure::Forbidden(forbidden) = &self.0 {
            set(&mut response, header::WWW_AUTHENTICATE, &insufficient_scope(forbidden));
        }
        response
    }
}

/// What is missing (RFC 6750 §3.1).
pub(super) fn insufficient_scope(Forbidden { missing }: &Forbidden) -> String {
    format!("Bearer error=\"insufficient_scope\", scope=\"{missing}\"")
}

/// Writes a failure down, once, at the edge.
pub(super) fn log(failure: &Failure) {
    match failure {
        Failure::Scim(error) => tracing::debug!(
            status = error.status,
            scim_type = error.scim_type.map(rollcall_scim::ScimType::as_str),
            "refused"
        ),
        Failure::Forbidden(forbidden) => tracing::info!(scope = %forbidden.missing, "refused: insufficient scope"),
        Failure::Unavailable(source) => tracing::warn!(error = %Chain(source), "store unavailable"),
        Failure::OutcomeUnknown(source) => tracing::warn!(error = %Chain(source), "outcome unknown"),
        Failure::NotShown(source) => tracing::warn!(error = %Chain(source), "made and not shown"),
        Failure::Internal(source) => tracing::error!(error = %Chain(source), "request failed"),
    }
}

/// An error with all its causes on one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Seconds after which a client should try again when the database could not be reached.
pub(super) const RETRY_AFTER: &str = "5";

/// A SCIM error body (RFC 7644 §3.12).
pub(super) fn error_response(error: &ScimError) -> HttpResponse {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if matches!(error.status, 429 | 503) {
        response.insert_header((header::RETRY_AFTER, RETRY_AFTER));
    }
    response.insert_header((header::CONTENT_TYPE, MediaType::Scim.as_str()));
    response.body(error.to_json().to_string())
}

/// A JSON answer in the media type that the client asked for.
pub(super) fn json(status: StatusCode, media_type: MediaType, body: &Value) -> HttpResponse {
    builder(status, media_type).body(body.to_string())
}

/// The same without its body.
pub(super) fn builder(status: StatusCode, media_type: MediaType) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, media_type.as_str()));
    response
}

/// Adds a header whose value is ours and therefore fits.
pub(super) fn set(response: &mut HttpResponse, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
