//! What a whole document must fulfil.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::is_settable;
use crate::{
    error::{ScimError, ScimType},
    schema::{Attribute, Mutability, ResourceType},
};

/// Refuses a document that lacks a required attribute.
pub(crate) fn check_required(resource_type: &ResourceType, document: &Map<String, Value>) -> Result<(), ScimError> {
    let missing = |place: &str, attribute: &Attribute| {
        ScimError::bad_request(
            ScimType::InvalidValue,
            format!("{} needs {place}{}. Send it with a value that is not empty.", resource_type.name, attribute.name),
        )
    };
    let check = |place: &str, attributes: &[Arc<Attribute>], map: &Map<String, Value>| {
        for attribute in attributes.iter().filter(|attribute| is_settable(attribute)) {
            let value = map.get(&attribute.name);
            // Members are rows, not part of the document.
            if attribute.required && value.is_none() && attribute.name != "members" {
                return Err(missing(place, attribute));
            }
            let elements = match value {
                Some(Value::Array(items)) => items.as_slice(),
                Some(value) => std::slice::from_ref(value),
                None => &[],
            };
            for part in attribute.sub_attributes.iter().filter(|part| part.required && is_settable(part)) {
                if elements.iter().any(|element| element.get(&part.name).is_none()) {
                    return Err(missing(&format!("{place}{}.", attribute.name), part));
                }
            }
        }
        Ok(())
    };
    check("", &resource_type.schema.attributes, document)?;
    for extension in &resource_type.extensions {
        let urn = &extension.schema.id;
        match document.get(urn) {
            Some(Value::Object(block)) => check(&format!("{urn}:"), &extension.schema.attributes, block)?,
            _ if extension.required => {
                return Err(ScimError::bad_request(
                    ScimType::InvalidValue,
                    format!("{} needs the extension {urn}. Send it with its attributes.", resource_type.name),
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses a change of an attribute that may be set only once.
pub(crate) fn check_immutable(
    resource_type: &ResourceType,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<(), ScimError> {
    let check = |attributes: &[Arc<Attribute>], before: &Map<String, Value>, after: Option<&Map<String, Value>>| {
        for attribute in attributes.iter().filter(|attribute| attribute.mutability == Mutability::Immutable) {
            let old = before.get(&attribute.name);
            if old.is_some() && old != after.and_then(|after| after.get(&attribute.name)) {
                return Err(ScimError::bad_request(
                    ScimType::Mutability,
                    format!(
                        "{} is immutable: it is set once and then stays. Send the value that it has.",
                        attribute.name
                    ),
                ));
            }
        }
        Ok(())
    };
    check(&resource_type.schema.attributes, before, Some(after))?;
    for extension in &resource_type.extensions {
        if let Some(Value::Object(block)) = before.get(&extension.schema.id) {
            check(&extension.schema.attributes, block, after.get(&extension.schema.id).and_then(Value::as_object))?;
        }
    }
    Ok(())
}
