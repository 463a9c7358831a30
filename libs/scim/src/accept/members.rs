//! The ids in a `members` value.

use std::collections::HashSet;

use serde_json::Value;

use crate::{
    error::{ScimError, ScimType},
    limits::Limits,
    quirks::{Leniency, members},
};

/// The ids in the order sent, each once. What else a member says of itself (`display`, `$ref`, `type`) is ours to say
/// and passed over.
pub(crate) fn member_ids(value: Value, limits: &Limits, leniency: &Leniency) -> Result<Vec<String>, ScimError> {
    let items = match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => members::members_in_text(text, leniency)?,
        single => {
            members::members_from_single(leniency)?;
            vec![single]
        }
    };
    if items.len() > limits.members {
        return Err(ScimError::status(
            413,
            format!(
                "The request names {} members; {} are the most in one request. Send several PATCH requests.",
                items.len(),
                limits.members
            ),
        ));
    }
    let mut seen = HashSet::with_capacity(items.len());
    let mut ids = Vec::with_capacity(items.len());
    for item in items {
        if let Some(id) = member_id(item, leniency)?
            && seen.insert(id.clone())
        {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn member_id(item: Value, leniency: &Leniency) -> Result<Option<String>, ScimError> {
    let without_value = || {
        ScimError::bad_request(
            ScimType::InvalidValue,
            "A member has no value. Send each member as {\"value\": \"<id of a user or group>\"}.",
        )
    };
    match item {
        Value::Null => Ok(None),
        Value::String(text) if !text.is_empty() => member_id(members::member_from_text(text, leniency)?, leniency),
        Value::Object(parts) => {
            let value = parts.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("value"));
            match value {
                Some((_, Value::String(id))) if !id.is_empty() => Ok(Some(id)),
                _ => Err(without_value()),
            }
        }
        _ => Err(without_value()),
    }
}
