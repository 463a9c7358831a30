//! One step applied to a document.

use serde_json::{Map, Value};

use super::{
    PatchPlan, elements,
    step::{Place, Step, Verb},
};
use crate::{accept::is_unset, error::ScimError, quirks::patch};

impl PatchPlan {
    pub(super) fn step(&self, step: &Step, id: &str, document: &mut Map<String, Value>) -> Result<(), ScimError> {
        match step {
            Step::OwnId(sent) => patch::own_id_in_patch(sent, id, &self.leniency)?,
            Step::Unset(place) => in_holder(document, place, |holder, name| {
                holder.shift_remove(name);
            }),
            Step::UnsetExtension(urn) => {
                document.shift_remove(urn);
            }
            Step::Foreign { urn, names, verb, value, if_present } => {
                if !*if_present || spelling(document, urn).is_some() {
                    foreign(document, urn, names, *verb, value);
                }
            }
            Step::Set { place, value, .. } if !place.attribute.multi_valued => {
                in_holder(document, place, |holder, name| set_single(holder, name, value));
            }
            Step::SetSub { place, sub, value } if !place.attribute.multi_valued => {
                let part = Value::Object(Map::from_iter([(sub.name.clone(), value.clone())]));
                // A complex attribute whose value is emptied is emptied as a whole.
                let emptied = sub.name == "value" && value.is_null();
                in_holder(document, place, |holder, name| {
                    set_single(holder, name, if emptied { &Value::Null } else { &part });
                });
            }
            Step::Set { place, verb: Verb::Replace, value } => {
                with_list(document, place, |list| {
                    *list = value.as_array().cloned().unwrap_or_default();
                    Ok(())
                })?;
            }
            Step::Set { place, value, .. } => {
                let new = value.as_array().cloned().unwrap_or_default();
                with_list(document, place, |list| elements::add(list, new, &place.attribute, &self.limits))?;
            }
            Step::SetSub { place, sub, value } => {
                with_list(document, place, |list| {
                    elements::set_sub_of_all(list, sub, value);
                    Ok(())
                })?;
            }
            Step::UnsetListed { place, listed } => {
                with_list(document, place, |list| {
                    list.retain(|element| {
                        !listed.iter().any(|wanted| elements::says(&place.attribute, element, wanted))
                    });
                    Ok(())
                })?;
            }
            Step::UnsetElements { place, selection } => {
                with_list(document, place, |list| {
                    list.retain(|element| !selection.condition.matches_element(element));
                    Ok(())
                })?;
            }
            Step::SetElements { place, selection, verb, value } => {
                with_list(document, place, |list| {
                    elements::set_selected(list, selection, *verb, value, &self.leniency)
                })?;
            }
            Step::SetElementsSub { place, selection, sub, value } => {
                with_list(document, place, |list| {
                    elements::set_sub_of_selected(list, selection, sub, value, &self.leniency)
                })?;
            }
        }
        Ok(())
    }
}

/// Lets `change` work on the object in which the attribute stands. An extension is there only while it has values.
fn in_holder(document: &mut Map<String, Value>, place: &Place, change: impl FnOnce(&mut Map<String, Value>, &str)) {
    let name = &place.attribute.name;
    let Some(urn) = &place.extension else { return change(document, name) };
    let mut block = match document.get_mut(urn) {
        Some(Value::Object(block)) => std::mem::take(block),
        _ => Map::new(),
    };
    change(&mut block, name);
    if block.is_empty() {
        document.shift_remove(urn);
    } else {
        document.insert(urn.clone(), Value::Object(block));
    }
}

/// Lets `change` work on the values of a list; without values the attribute is unset.
fn with_list(
    document: &mut Map<String, Value>,
    place: &Place,
    change: impl FnOnce(&mut Vec<Value>) -> Result<(), ScimError>,
) -> Result<(), ScimError> {
    let mut outcome = Ok(());
    in_holder(document, place, |holder, name| {
        let mut list = match holder.get_mut(name) {
            Some(Value::Array(list)) => std::mem::take(list),
            _ => Vec::new(),
        };
        outcome = change(&mut list);
        if list.is_empty() {
            holder.shift_remove(name);
        } else {
            holder.insert(name.to_owned(), Value::Array(list));
        }
    });
    outcome
}

/// Sets a singular attribute: what it has is merged with an object, and replaced by anything else.
fn set_single(holder: &mut Map<String, Value>, name: &str, value: &Value) {
    match value {
        Value::Null => {
            holder.shift_remove(name);
        }
        Value::Object(parts) => {
            let mut merged = match holder.get_mut(name) {
                Some(Value::Object(existing)) => std::mem::take(existing),
                _ => Map::new(),
            };
            merge(&mut merged, parts);
            if merged.is_empty() {
                holder.shift_remove(name);
            } else {
                holder.insert(name.to_owned(), Value::Object(merged));
            }
        }
        value => {
            holder.insert(name.to_owned(), value.clone());
        }
    }
}

/// Puts `parts` over `existing`; null unsets.
pub(super) fn merge(existing: &mut Map<String, Value>, parts: &Map<String, Value>) {
    // An address belongs to its value: with another value the old address says something wrong.
    if let Some(value) = parts.get("value")
        && existing.get("value") != Some(value)
    {
        existing.shift_remove("$ref");
    }
    for (name, value) in parts {
        if value.is_null() {
            existing.shift_remove(name);
        } else {
            existing.insert(name.clone(), value.clone());
        }
    }
}

/// Sets something in an extension that nobody registered. Names that are there keep their spelling; lists are added to, and
/// what a list names is removed from them.
fn foreign(document: &mut Map<String, Value>, urn: &str, names: &[String], verb: Verb, value: &Value) {
    let urn = spelling(document, urn).unwrap_or_else(|| urn.to_owned());
    let mut block = match document.get_mut(&urn) {
        Some(Value::Object(block)) => std::mem::take(block),
        _ => Map::new(),
    };
    match names {
        [] => match value {
            Value::Object(parts) => {
                for (name, value) in parts {
                    set_foreign(&mut block, std::slice::from_ref(name), verb, value);
                }
            }
            _ => block.clear(),
        },
        names => set_foreign(&mut block, names, verb, value),
    }
    block.retain(|_, value| !is_unset(value));
    if block.is_empty() {
        document.shift_remove(&urn);
    } else {
        document.insert(urn, Value::Object(block));
    }
}

fn set_foreign(block: &mut Map<String, Value>, names: &[String], verb: Verb, value: &Value) {
    let Some((name, deeper)) = names.split_first() else { return };
    let name = spelling(block, name).unwrap_or_else(|| name.clone());
    if deeper.is_empty() {
        let value = match (verb, block.get(&name), value) {
            (Verb::Add, Some(Value::Array(old)), Value::Array(new)) => elements::joined(old, new),
            (Verb::Remove, Some(Value::Array(old)), Value::Array(listed)) => elements::without(old, listed),
            (Verb::Remove, ..) => Value::Null,
            (_, _, value) => value.clone(),
        };
        if is_unset(&value) {
            block.shift_remove(&name);
        } else {
            block.insert(name, value);
        }
        return;
    }
    let mut inner = match block.get_mut(&name) {
        Some(Value::Object(inner)) => std::mem::take(inner),
        _ => Map::new(),
    };
    set_foreign(&mut inner, deeper, verb, value);
    if inner.is_empty() {
        block.shift_remove(&name);
    } else {
        block.insert(name, Value::Object(inner));
    }
}

fn spelling(map: &Map<String, Value>, name: &str) -> Option<String> {
    map.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned()
}
