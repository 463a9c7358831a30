//! What is served behind the gateway.

use actix_web::http::StatusCode;
use rollcall_runtime::http::problem_json;
use rollcall_scim::ScimError;

/// An interface for outside, under URLs of its own: `/{name}/{version}`, where the token alone tells the directory, and
/// `/{name}/{tenant}/{directory}/{version}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// For identity providers.
    Scim,
    /// For what enforces access.
    Lookup,
    /// A directory's own guide, for whoever has its token. Of the short form alone.
    Guide,
}

impl Api {
    /// In metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Scim => "scim",
            Self::Lookup => "lookup",
            Self::Guide => "guide",
        }
    }

    /// The short form of its URLs.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Scim => "/scim/v2",
            Self::Lookup => "/lookup/v1",
            Self::Guide => "/api/v1/guide",
        }
    }

    /// The long form, which names the directory too.
    pub(crate) const fn pattern(self) -> Option<&'static str> {
        match self {
            Self::Scim => Some("/scim/{tenant}/{directory}/v2"),
            Self::Lookup => Some("/lookup/{tenant}/{directory}/v1"),
            Self::Guide => None,
        }
    }

    /// The media type of its errors.
    pub(crate) const fn error_type(self) -> &'static str {
        match self {
            Self::Scim => "application/scim+json",
            Self::Lookup | Self::Guide => "application/problem+json",
        }
    }

    /// The body of an error: RFC 7644 §3.12, or RFC 9457.
    pub(crate) fn error_body(self, status: StatusCode, detail: &str) -> String {
        match self {
            Self::Scim => ScimError::status(status.as_u16(), detail).to_json().to_string(),
            Self::Lookup | Self::Guide => problem_json(status, detail),
        }
    }
}
