//! The Base URL of the directory that a request is for.

use std::sync::Arc;

/// A directory's Base URL without a trailing slash, such as `https://id.example/scim/acme/okta-1/v2`. Built from the
/// configured public address, never from the Host header. The gateway puts it into a request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(pub Arc<str>);
