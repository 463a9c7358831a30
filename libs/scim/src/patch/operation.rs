//! One operation as it was sent.

use serde_json::Value;

use crate::{
    error::{ScimError, ScimType},
    json::wipe,
    schema::{ResourceType, Returned},
};

pub(super) fn syntax(detail: impl Into<String>) -> ScimError {
    ScimError::bad_request(ScimType::InvalidSyntax, detail)
}

/// An operation whose parts have the right shape; not looked up yet.
pub(super) struct Operation {
    pub(super) verb: String,
    pub(super) path: Option<String>,
    pub(super) value: Option<Value>,
}

impl Operation {
    pub(super) fn read(operation: Value) -> Result<Self, ScimError> {
        let Value::Object(fields) = operation else {
            return Err(syntax("An operation is not an object. Send {\"op\": …, \"path\": …, \"value\": …}."));
        };
        let (mut verb, mut path, mut value) = (None, None, None);
        for (name, field) in fields {
            match name.to_ascii_lowercase().as_str() {
                "op" => verb = Some(field),
                "path" => path = Some(field),
                "value" => value = Some(field),
                _ => {}
            }
        }
        let Some(Value::String(verb)) = verb else {
            return Err(syntax("An operation has no \"op\". Send add, replace or remove."));
        };
        let path = match path {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) if path.trim().is_empty() => None,
            Some(Value::String(path)) => Some(path),
            Some(_) => return Err(syntax("An operation's \"path\" is not a text.")),
        };
        Ok(Self { verb, path, value })
    }

    /// Wipes values that are never returned; their names stay, so that it is known that one came.
    pub(super) fn wipe_secrets(&mut self, resource_type: &ResourceType) {
        let secret = |name: &str| {
            let plain = name.rsplit(':').next().unwrap_or(name).trim();
            resource_type.attribute(plain).is_some_and(|attribute| attribute.returned == Returned::Never)
        };
        match (&self.path, &mut self.value) {
            (Some(path), Some(value)) if secret(path) => wipe(value),
            (_, Some(Value::Object(parts))) => {
                parts.iter_mut().filter(|(name, _)| secret(name)).for_each(|(_, value)| wipe(value));
            }
            _ => {}
        }
    }
}
