//! Why a run could not go on.

use crate::{Client, http::Call};

/// A run that stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// The Base URL is not one.
    #[error("`{url}` is not a Base URL: give one such as http://127.0.0.1:8080/scim/demo/my-directory/v2")]
    BadUrl {
        /// As given.
        url: String,
    },
    /// The token cannot stand in a header.
    #[error("the token holds characters that no bearer token has: paste it again")]
    BadToken,
    /// The HTTP client could not be built.
    #[error(
        "the HTTP client could not start (for https the machine needs its root certificates, Debian's package ca-certificates)"
    )]
    Client(#[source] reqwest::Error),
    /// Nobody answered.
    #[error("nobody answers at {url}: check the address and that `rollcall all` runs there")]
    Unreachable {
        /// The Base URL.
        url: String,
        /// What the network said.
        source: reqwest::Error,
    },
    /// The token was refused.
    #[error(
        "401: the token was refused at {url}: it is mistyped, expired, revoked, or belongs to another directory; `rollcall token issue` makes a new one"
    )]
    Unauthorized {
        /// The Base URL.
        url: String,
    },
    /// An answer that the client cannot go on with.
    #[error("{method} {target} was answered with {status}: {detail}")]
    Refused {
        /// HTTP method.
        method: &'static str,
        /// Path below the Base URL, without its query.
        target: String,
        /// HTTP status.
        status: u16,
        /// The SCIM error's detail, or the start of the body.
        detail: String,
    },
    /// The server kept answering 429 or 503.
    #[error(
        "{method} {target} was put off {attempts} times with 429 or 503: the server is overloaded or the directory is frozen"
    )]
    PutOff {
        /// HTTP method.
        method: &'static str,
        /// Path below the Base URL, without its query.
        target: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The answer is not SCIM.
    #[error(
        "{method} {target} was answered with something that is not a SCIM {expected}: is this the Base URL of a directory?"
    )]
    NotScim {
        /// HTTP method.
        method: &'static str,
        /// Path below the Base URL, without its query.
        target: String,
        /// What should have come.
        expected: &'static str,
    },
    /// The client cannot be set up so.
    #[error("{client} cannot be set up so: {rule}")]
    Unlike {
        /// Whose shape was asked for.
        client: Client,
        /// What it can do.
        rule: &'static str,
    },
    /// More than can be simulated.
    #[error("{what} are between 0 and {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most.
        most: u32,
    },
    /// One object after another was refused.
    #[error("{count} objects one after another were refused, so the run was stopped; the last: {last}")]
    Quarantine {
        /// How many.
        count: u32,
        /// The last refusal.
        last: Box<SimulatorError>,
    },
}

impl SimulatorError {
    pub(crate) fn not_scim(call: &Call, expected: &'static str) -> Self {
        Self::NotScim { method: call.method, target: call.path().to_owned(), expected }
    }
}
