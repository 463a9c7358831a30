//! The messages of RFC 7644 beside resources: lists, errors, searches, bulk, and the service provider's configuration.

mod bulk;
mod error;
mod list;
mod search;
mod service_provider_config;
pub mod urn;

pub use bulk::{BulkMethod, BulkOperation, BulkRequest, BulkResponse, BulkResult, bulk_references, replace_references};
pub use list::ListResponse;
pub use search::SearchRequest;
pub use service_provider_config::{Capabilities, service_provider_config};

use serde_json::{Map, Value};

use crate::error::{ScimError, ScimType};

fn syntax(detail: impl Into<String>) -> ScimError {
    ScimError::bad_request(ScimType::InvalidSyntax, detail)
}

/// The object that a message is, its names lowered so that they may be sent in any case.
pub(crate) fn message(body: Value, expected: &str) -> Result<Map<String, Value>, ScimError> {
    let Value::Object(map) = body else {
        return Err(syntax("The request body is not a JSON object."));
    };
    let mut fields = Map::new();
    for (name, value) in map {
        if fields.insert(name.to_ascii_lowercase(), value).is_some() {
            return Err(syntax(format!("The request body has \"{name}\" twice.")));
        }
    }
    match fields.get("schemas") {
        None | Some(Value::Null) => Ok(fields),
        Some(Value::Array(urns)) if urns.is_empty() || urns.iter().any(|urn| is(urn, expected)) => Ok(fields),
        Some(urn) if is(urn, expected) => Ok(fields),
        Some(_) => Err(syntax(format!("\"schemas\" names another message. Send [\"{expected}\"]."))),
    }
}

fn is(urn: &Value, expected: &str) -> bool {
    urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(expected))
}
