//! What the service can do (RFC 7643 §5, RFC 9865 §4).

use serde_json::{Value, json};

use super::urn;

/// What runs, for `/ServiceProviderConfig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The most operations in a bulk request.
    pub bulk_operations: usize,
    /// The largest bulk request in bytes.
    pub bulk_bytes: usize,
    /// Resources on a page when the client names no count.
    pub default_page: u32,
    /// The most resources on a page.
    pub max_page: u32,
    /// Seconds for which a cursor is good.
    pub cursor_seconds: u64,
}

/// The resource. `base_url` is without a trailing slash.
pub fn service_provider_config(capabilities: &Capabilities, base_url: &str) -> Value {
    json!({
        "schemas": [urn::SERVICE_PROVIDER_CONFIG],
        "patch": {"supported": true},
        "bulk": {
            "supported": true,
            "maxOperations": capabilities.bulk_operations,
            "maxPayloadSize": capabilities.bulk_bytes,
        },
        "filter": {"supported": true, "maxResults": capabilities.max_page},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": capabilities.default_page,
            "maxPageSize": capabilities.max_page,
            "cursorTimeout": capabilities.cursor_seconds,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token of this directory in the Authorization header.",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base_url}/ServiceProviderConfig"),
        },
    })
}
