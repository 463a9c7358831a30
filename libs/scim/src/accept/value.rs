//! A value in its attribute's type.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::{
    error::{ScimError, ScimType},
    filter::{moment, type_name},
    limits::Limits,
    quirks::{Leniency, names, values},
    schema::{Attribute, DataType, Mutability, ResourceType, Returned},
    text::refuse_nul,
};

/// What becomes of sub-attributes that the client unsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unset {
    /// They are left out: the value stands for itself.
    Dropped,
    /// They are null: the value will be merged into another.
    Null,
}

/// Reads values for one resource type.
pub(crate) struct Reader<'a> {
    pub(crate) resource_type: &'a ResourceType,
    pub(crate) limits: &'a Limits,
    pub(crate) leniency: &'a Leniency,
}

impl Reader<'_> {
    /// The canonical value of an attribute; null if it is unset. `place` is how the attribute is called in errors.
    pub(crate) fn attribute(
        &self,
        place: &str,
        attribute: &Attribute,
        value: Value,
        unset: Unset,
    ) -> Result<Value, ScimError> {
        if !attribute.multi_valued {
            return self.single(place, attribute, value, unset);
        }
        let items = match value {
            Value::Null => return Ok(Value::Null),
            Value::Array(items) => items,
            Value::String(text) if text.is_empty() => return Ok(Value::Null),
            single => values::list_from_single(attribute, single, self.leniency)?,
        };
        if items.len() > self.limits.values {
            return Err(ScimError::bad_request(
                ScimType::InvalidValue,
                format!("{place} has {} values; {} are the most.", items.len(), self.limits.values),
            ));
        }
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            let item = self.single(place, attribute, item, Unset::Dropped)?;
            if !item.is_null() {
                list.push(item);
            }
        }
        first_primary_stays(&mut list);
        drop_repeated(&mut list);
        Ok(if list.is_empty() { Value::Null } else { Value::Array(list) })
    }

    /// One value: of a singular attribute, or one of a list.
    pub(crate) fn single(
        &self,
        place: &str,
        attribute: &Attribute,
        value: Value,
        unset: Unset,
    ) -> Result<Value, ScimError> {
        let mismatch = |wanted: &str| {
            ScimError::bad_request(
                ScimType::InvalidValue,
                format!("{place} is of type {}. Send {wanted}.", type_name(attribute.data_type)),
            )
        };
        Ok(match (attribute.data_type, value) {
            (_, Value::Null) => Value::Null,
            (_, Value::String(text)) if text.is_empty() => Value::Null,
            (DataType::Complex, value) => self.complex(place, attribute, value, unset)?,
            (DataType::String | DataType::Reference, Value::String(text)) => {
                refuse_nul(&text, place)?;
                Value::String(text)
            }
            (DataType::String | DataType::Reference, _) => return Err(mismatch("a text in quotation marks")),
            (DataType::Binary, Value::String(text)) if is_base64(&text) => Value::String(text),
            (DataType::Binary, _) => return Err(mismatch("a text in base64")),
            (DataType::Boolean, Value::Bool(value)) => Value::Bool(value),
            (DataType::Boolean, Value::String(text)) => {
                match values::boolean_from_text(place, text.trim(), self.leniency)? {
                    Some(value) => Value::Bool(value),
                    None => return Err(mismatch("true or false")),
                }
            }
            (DataType::Boolean, _) => return Err(mismatch("true or false")),
            (DataType::Integer, Value::Number(number)) if number.is_i64() => Value::Number(number),
            (DataType::Integer, _) => return Err(mismatch("a whole number of at most 64 bits")),
            (DataType::Decimal, Value::Number(number)) => Value::Number(number),
            (DataType::Decimal, _) => return Err(mismatch("a number")),
            (DataType::DateTime, Value::String(text)) if moment(&text).is_some() => Value::String(text),
            (DataType::DateTime, _) => return Err(mismatch("a date and time such as 2026-11-21T08:15:30Z")),
        })
    }

    fn complex(&self, place: &str, attribute: &Attribute, value: Value, unset: Unset) -> Result<Value, ScimError> {
        let parts = match value {
            Value::Object(parts) => parts,
            Value::Array(list) => {
                return match values::complex_from_list(attribute, list, self.leniency)? {
                    Value::Array(_) => Err(self.no_object(place)),
                    value => self.single(place, attribute, value, unset),
                };
            }
            Value::String(text) => values::complex_from_text(attribute, text, self.leniency)?,
            _ => return Err(self.no_object(place)),
        };
        let mut read = Map::with_capacity(parts.len());
        for (name, value) in parts {
            let Some(sub) = attribute.sub_attribute(&name) else {
                names::unknown_attribute(&self.resource_type.name, &format!("{place}.{name}"), self.leniency)?;
                continue;
            };
            if sub.mutability == Mutability::ReadOnly || sub.returned == Returned::Never {
                continue;
            }
            let value = self.attribute(&format!("{place}.{}", sub.name), sub, value, unset)?;
            if read.insert(sub.name.clone(), value).is_some() {
                return Err(ScimError::bad_request(
                    ScimType::InvalidSyntax,
                    format!("{place}.{} is in the request twice, in different letter case. Send it once.", sub.name),
                ));
            }
        }
        // An object whose value is emptied is emptied as a whole, whatever else is in it.
        if read.get("value").is_some_and(Value::is_null) {
            return Ok(Value::Null);
        }
        if unset == Unset::Dropped {
            read.retain(|_, value| !value.is_null());
            if read.is_empty() {
                return Ok(Value::Null);
            }
        }
        Ok(Value::Object(read))
    }

    fn no_object(&self, place: &str) -> ScimError {
        ScimError::bad_request(ScimType::InvalidValue, format!("{place} takes an object with its sub-attributes."))
    }
}

fn is_base64(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=' | b'\r' | b'\n'))
}

/// Whether an element is marked as the primary one.
pub(crate) fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

/// Of several primary values the first stays primary.
pub(crate) fn first_primary_stays(list: &mut [Value]) {
    let mut found = false;
    for element in list {
        if is_primary(element) {
            if found && let Value::Object(parts) = element {
                parts.insert("primary".into(), Value::Bool(false));
            }
            found = true;
        }
    }
}

/// Of wholly identical values one stays.
pub(crate) fn drop_repeated(list: &mut Vec<Value>) {
    let mut seen = HashSet::with_capacity(list.len());
    list.retain(|element| seen.insert(fingerprint(element)));
}

/// The same text for values that are equal, in whatever order their parts stand.
pub(crate) fn fingerprint(element: &Value) -> String {
    match element {
        Value::Object(parts) => {
            let mut parts: Vec<String> =
                parts.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
            parts.sort_unstable();
            parts.join(",")
        }
        other => other.to_string(),
    }
}
