//! References to what other operations of the request create.

use rollcall_scim::{
    ScimError, ScimType,
    messages::{BulkMethod, BulkOperation, bulk_references, replace_references},
};
use serde_json::Value;

use super::Progress;

/// Puts ids in the place of references. One that is left refers to nothing that was made here.
pub(super) fn resolve(operation: &mut BulkOperation, progress: &Progress) -> Result<(), ScimError> {
    replace_references(operation, |bulk_id| progress.ids.get(bulk_id).cloned().flatten());
    match bulk_references(operation).first() {
        None => Ok(()),
        Some(bulk_id) => Err(ScimError {
            status: 409,
            scim_type: Some(ScimType::InvalidValue),
            detail: format!(
                "The reference \"bulkId:{bulk_id}\" cannot be resolved: no operation of this request has that bulkId and \
                 created a resource."
            ),
        }),
    }
}

/// The body without the values that refer to what is not there yet: list elements whole, else the value alone.
pub(super) fn without_open_references(value: Value, progress: &Progress) -> Value {
    let open = |value: &Value| {
        let probe = BulkOperation {
            method: BulkMethod::Put,
            path: String::new(),
            bulk_id: None,
            version: None,
            data: Some(value.clone()),
        };
        bulk_references(&probe).iter().any(|bulk_id| !progress.ids.contains_key(bulk_id))
    };
    match value {
        Value::Array(elements) => Value::Array(elements.into_iter().filter(|element| !open(element)).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(_, value)| !value.is_string() || !open(value))
                .map(|(name, value)| (name, without_open_references(value, progress)))
                .collect(),
        ),
        other => other,
    }
}
