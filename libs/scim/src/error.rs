//! What a SCIM client is told when something is wrong (RFC 7644 §3.12).

use std::fmt;

/// The detail error keyword of RFC 7644 §3.12 table 9 and RFC 9865 §2.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScimType {
    /// The filter was not understood.
    InvalidFilter,
    /// The answer would be too large.
    TooMany,
    /// A value that must be unique is taken.
    Uniqueness,
    /// The change goes against an attribute's mutability.
    Mutability,
    /// The request body is not what the operation takes.
    InvalidSyntax,
    /// The path was not understood.
    InvalidPath,
    /// The path selects nothing.
    NoTarget,
    /// A value is missing or not of its attribute's type.
    InvalidValue,
    /// The protocol version is not served.
    InvalidVers,
    /// It must not be sent in a URL.
    Sensitive,
    /// The cursor is not one of ours (RFC 9865).
    InvalidCursor,
    /// The cursor is too old (RFC 9865).
    ExpiredCursor,
    /// The count changed between pages or is wrong (RFC 9865).
    InvalidCount,
}

impl ScimType {
    /// The keyword on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }
}

/// An error that was written for the client: `detail` names the resource, the attribute, the rule and the fix, and
/// never repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ScimError {
    /// The HTTP status.
    pub status: u16,
    /// The keyword, where RFC 7644 has one.
    pub scim_type: Option<ScimType>,
    /// For a person to read.
    pub detail: String,
}

impl fmt::Display for ScimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ScimError {
    /// A 400 with its keyword.
    pub fn bad_request(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self { status: 400, scim_type: Some(scim_type), detail: detail.into() }
    }

    /// A 409 `uniqueness`: `attribute` is taken.
    pub fn taken(resource_type: &str, attribute: &str) -> Self {
        Self {
            status: 409,
            scim_type: Some(ScimType::Uniqueness),
            detail: format!(
                "Another {resource_type} of this directory already has this {attribute}. Look it up with a filter on \
                 {attribute} and update it, or send another value."
            ),
        }
    }

    /// A 404 for an id that is not, or no longer, a resource of the directory.
    pub fn not_found(resource_type: &str, id: &str) -> Self {
        Self { status: 404, scim_type: None, detail: format!("There is no {resource_type} with the id \"{id}\".") }
    }

    /// Any other status.
    pub fn status(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }
}
