//! The `schemas` of a body (RFC 7643 §3).

use serde_json::Value;

use crate::{
    error::{ScimError, ScimType},
    messages::urn,
    quirks::{Leniency, names},
    schema::ResourceType,
};

const CORE: [&str; 5] = [urn::USER, urn::GROUP, urn::SERVICE_PROVIDER_CONFIG, urn::RESOURCE_TYPE, urn::SCHEMA];
const MESSAGES: &str = "urn:ietf:params:scim:api:messages:";

/// Whether a URN is that of a core schema or of a message: never that of an extension.
pub(crate) fn is_known_core(name: &str) -> bool {
    CORE.iter().any(|known| known.eq_ignore_ascii_case(name))
        || name.get(..MESSAGES.len()).is_some_and(|head| head.eq_ignore_ascii_case(MESSAGES))
}

/// Refuses a body of another type; what is unknown is passed over.
pub(super) fn check(
    resource_type: &ResourceType,
    schemas: Option<Value>,
    leniency: &Leniency,
) -> Result<(), ScimError> {
    let own = &resource_type.schema.id;
    let wrong = |detail: String| ScimError::bad_request(ScimType::InvalidSyntax, detail);
    let list = match schemas {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(single) => vec![single],
    };
    let mut own_named = false;
    for entry in list {
        let Value::String(entry) = entry else {
            return Err(wrong(format!("\"schemas\" is a list of URNs. Send [\"{own}\"].")));
        };
        if entry.eq_ignore_ascii_case(own) {
            own_named = true;
        } else if let Some(outcome) = names::scim1_schema(&entry, leniency) {
            outcome?;
            own_named = true;
        } else if is_known_core(&entry) {
            return Err(wrong(format!(
                "\"schemas\" names {entry}, but this endpoint takes a {}. Send [\"{own}\"].",
                resource_type.name
            )));
        } else if resource_type.extension(&entry).is_none() {
            names::unknown_schema(&entry, leniency)?;
        }
    }
    if own_named { Ok(()) } else { names::missing_schemas(own, leniency) }
}
