//! A condition evaluated in memory. The store's SQL is tested against this.

use std::{borrow::Cow, cmp::Ordering};

use rollcall_base::Timestamp;
use serde_json::Value;

use super::{CompareOp, Condition, Operand, ResolvedPath};
use crate::{schema::Attribute, text::fold};

impl Condition {
    /// Whether a resource fulfils it. `resource` is the full representation as a JSON object: `id`, `meta`,
    /// `externalId`, attributes under their canonical names, extensions under their URNs, `members` and `groups` where
    /// the condition names them.
    pub fn matches(&self, resource: &Value) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(resource)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(resource)),
            Self::Not(inner) => !inner.matches(resource),
            Self::Compare { path, op, operand } => compares(&path.values(resource), path.leaf(), *op, operand),
            Self::Present(path) => path.values(resource).into_iter().any(is_present),
            Self::Element { path, condition } => {
                path.values(resource).into_iter().any(|element| condition.matches_element(element))
            }
        }
    }

    /// Whether one element of a complex attribute fulfils the condition, whose paths are of its sub-attributes.
    pub fn matches_element(&self, element: &Value) -> bool {
        let values = |path: &ResolvedPath| -> Vec<&Value> {
            let value = match &path.sub_attribute {
                Some(sub) => element.get(&sub.name),
                None => Some(element),
            };
            flattened(value)
        };
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches_element(element)),
            Self::Or(parts) => parts.iter().any(|part| part.matches_element(element)),
            Self::Not(inner) => !inner.matches_element(element),
            Self::Compare { path, op, operand } => compares(&values(path), path.leaf(), *op, operand),
            Self::Present(path) => values(path).into_iter().any(is_present),
            Self::Element { condition, .. } => condition.matches_element(element),
        }
    }
}

impl ResolvedPath {
    /// The values that the path selects in a representation; those of all elements for multi-valued attributes.
    pub fn values<'v>(&self, resource: &'v Value) -> Vec<&'v Value> {
        let holder = match &self.extension {
            Some(urn) => resource.get(&**urn),
            None => Some(resource),
        };
        let values = flattened(holder.and_then(|holder| holder.get(&self.attribute.name)));
        match &self.sub_attribute {
            None => values,
            Some(sub) => values.into_iter().flat_map(|value| flattened(value.get(&sub.name))).collect(),
        }
    }
}

fn flattened(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().collect(),
        Some(value) => vec![value],
    }
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn compares(values: &[&Value], attribute: &Attribute, op: CompareOp, operand: &Operand) -> bool {
    match op {
        // By definition not(eq): see `CompareOp::Ne`.
        CompareOp::Ne => !compares(values, attribute, CompareOp::Eq, operand),
        _ => values.iter().any(|value| one_compares(value, attribute, op, operand)),
    }
}

fn one_compares(value: &Value, attribute: &Attribute, op: CompareOp, operand: &Operand) -> bool {
    match (operand, value) {
        (Operand::Text(wanted), Value::String(text)) => {
            let shape = |text: &'_ str| -> String { if attribute.case_exact { text.to_owned() } else { fold(text) } };
            let (text, wanted): (Cow<'_, str>, Cow<'_, str>) = (shape(text).into(), shape(wanted).into());
            match op {
                CompareOp::Co => text.contains(&*wanted),
                CompareOp::Sw => text.starts_with(&*wanted),
                CompareOp::Ew => text.ends_with(&*wanted),
                _ => ordered(op, text.cmp(&wanted)),
            }
        }
        (Operand::Boolean(wanted), Value::Bool(value)) => ordered(op, value.cmp(wanted)),
        (Operand::Integer(wanted), Value::Number(number)) => match number.as_i64() {
            Some(number) => ordered(op, number.cmp(wanted)),
            None => false,
        },
        (Operand::Decimal(wanted), Value::Number(number)) => {
            number.as_f64().and_then(|number| number.partial_cmp(wanted)).is_some_and(|order| ordered(op, order))
        }
        (Operand::DateTime(wanted), Value::String(text)) => {
            Timestamp::parse(text).is_ok_and(|moment| ordered(op, moment.cmp(wanted)))
        }
        _ => false,
    }
}

fn ordered(op: CompareOp, order: Ordering) -> bool {
    match op {
        CompareOp::Eq => order.is_eq(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Ne | CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
    }
}
