//! The steps of a plan.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    filter::{CompareOp, Condition, Operand},
    schema::Attribute,
};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Add,
    Replace,
    Remove,
}

/// Where an attribute stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The URN of its extension.
    pub(super) extension: Option<String>,
    pub(super) attribute: Arc<Attribute>,
}

/// The elements that a path's filter selects.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    pub(super) condition: Condition,
    /// The path as written, for errors.
    pub(super) path: String,
}

impl Selection {
    /// The element that the filter's `eq` terms describe, if it would be selected by the filter.
    pub(super) fn described(&self) -> Option<Map<String, Value>> {
        let mut element = Map::new();
        describe(&self.condition, &mut element);
        let value = Value::Object(element);
        let selected = self.condition.matches_element(&value);
        match value {
            Value::Object(element) if selected && !element.is_empty() => Some(element),
            _ => None,
        }
    }
}

fn describe(condition: &Condition, element: &mut Map<String, Value>) {
    match condition {
        Condition::And(parts) => parts.iter().for_each(|part| describe(part, element)),
        Condition::Compare { path, op: CompareOp::Eq, operand } => {
            let value = match operand {
                Operand::Text(text) => Value::from(text.as_str()),
                Operand::Boolean(value) => Value::from(*value),
                Operand::Integer(number) => Value::from(*number),
                Operand::Decimal(number) => Value::from(*number),
                Operand::DateTime(moment) => Value::from(moment.to_string()),
            };
            element.insert(path.leaf().name.clone(), value);
        }
        _ => {}
    }
}

/// One change of the document. Values are canonical; null means unset.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// The value names an id: it must be the resource's own.
    OwnId(String),
    /// A whole attribute is added to or replaced.
    Set { place: Place, verb: Verb, value: Value },
    /// One sub-attribute of a singular attribute, or of every element of a list.
    SetSub { place: Place, sub: Arc<Attribute>, value: Value },
    /// The selected elements are merged with the value (add) or become it (replace).
    SetElements { place: Place, selection: Selection, verb: Verb, value: Value },
    /// One sub-attribute of the selected elements.
    SetElementsSub { place: Place, selection: Selection, sub: Arc<Attribute>, value: Value },
    /// A whole attribute goes.
    Unset(Place),
    /// The listed values go.
    UnsetListed { place: Place, listed: Vec<Value> },
    /// The selected elements go.
    UnsetElements { place: Place, selection: Selection },
    /// A whole extension goes.
    UnsetExtension(String),
    /// Something under a URN that nobody registered.
    Foreign {
        urn: String,
        /// The names from the extension down; empty for all of it.
        names: Vec<String>,
        verb: Verb,
        value: Value,
        /// Not sure to be an extension: only if the resource has it.
        if_present: bool,
    },
}
