//! The texts under which values are indexed, and under which a filter's operand is looked up.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    document::Document,
    filter::{Operand, ResolvedPath, moment},
    schema::{Attribute, AttributeId, DataType, ResourceType},
    text::fold,
};

/// The key of every value of every indexed attribute, each pair once. Texts are folded unless the attribute is
/// caseExact; booleans are `true` and `false`; moments are in the form of [`rollcall_base::Timestamp`]. Keys are whole:
/// cutting them is the store's business.
pub fn indexed_values(resource_type: &ResourceType, document: &Document) -> Vec<(AttributeId, String)> {
    let mut found = BTreeSet::new();
    let root = document.attributes();
    for attribute in &resource_type.schema.attributes {
        collect(attribute, root.get(&attribute.name), &mut found);
    }
    for extension in &resource_type.extensions {
        if let Some(Value::Object(block)) = root.get(&extension.schema.id) {
            for attribute in &extension.schema.attributes {
                collect(attribute, block.get(&attribute.name), &mut found);
            }
        }
    }
    found.into_iter().collect()
}

fn collect(attribute: &Attribute, value: Option<&Value>, found: &mut BTreeSet<(AttributeId, String)>) {
    match value {
        None => {}
        Some(Value::Array(items)) => items.iter().for_each(|item| collect(attribute, Some(item), found)),
        Some(Value::Object(parts)) => {
            for sub in &attribute.sub_attributes {
                collect(sub, parts.get(&sub.name), found);
            }
        }
        Some(value) => {
            if let Some(id) = attribute.index
                && let Some(key) = key(attribute, value)
            {
                found.insert((id, key));
            }
        }
    }
}

fn key(attribute: &Attribute, value: &Value) -> Option<String> {
    match (attribute.data_type, value) {
        (DataType::DateTime, Value::String(text)) => moment(text).map(|moment| moment.to_string()),
        (_, Value::String(text)) if attribute.case_exact => Some(text.clone()),
        (_, Value::String(text)) => Some(fold(text)),
        (DataType::Integer, Value::Number(number)) => number.as_i64().map(|number| number.to_string()),
        (DataType::Decimal, Value::Number(number)) => number.as_f64().map(decimal),
        (_, Value::Bool(value)) => Some(value.to_string()),
        _ => None,
    }
}

/// 0 and -0 are the same number and have the same key.
fn decimal(number: f64) -> String {
    (number + 0.0).to_string()
}

/// The key under which the values that equal `operand` are indexed, whether or not the path is. `None` if the operand is
/// not of the path's type.
pub fn operand_key(path: &ResolvedPath, operand: &Operand) -> Option<String> {
    let attribute = path.leaf();
    match (attribute.data_type, operand) {
        (DataType::String | DataType::Reference | DataType::Binary, Operand::Text(text)) => {
            Some(if attribute.case_exact { text.clone() } else { fold(text) })
        }
        (DataType::Boolean, Operand::Boolean(value)) => Some(value.to_string()),
        (DataType::Integer, Operand::Integer(number)) => Some(number.to_string()),
        (DataType::Decimal, Operand::Decimal(number)) => Some(decimal(*number)),
        (DataType::DateTime, Operand::DateTime(moment)) => Some(moment.to_string()),
        _ => None,
    }
}
