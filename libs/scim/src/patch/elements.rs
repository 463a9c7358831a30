//! Changes of a list's elements.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};

use super::{
    apply::merge,
    step::{Selection, Verb},
};
use crate::{
    accept::value::{drop_repeated, fingerprint, first_primary_stays, is_primary},
    error::{ScimError, ScimType},
    limits::Limits,
    quirks::{Leniency, patch},
    schema::Attribute,
    text::fold,
};

/// Appends what is not there yet. A new primary value takes the mark from the old one.
pub(super) fn add(
    list: &mut Vec<Value>,
    new: Vec<Value>,
    attribute: &Attribute,
    limits: &Limits,
) -> Result<(), ScimError> {
    let touched: BTreeSet<usize> = (list.len()..list.len() + new.len()).collect();
    // What is there already is no new primary either.
    let known: HashSet<String> = list.iter().map(fingerprint).collect();
    list.extend(new.into_iter().filter(|element| !known.contains(&fingerprint(element))));
    settle(list, &touched);
    if list.len() > limits.values {
        return Err(ScimError::bad_request(
            ScimType::InvalidValue,
            format!("{} would have {} values; {} are the most.", attribute.name, list.len(), limits.values),
        ));
    }
    Ok(())
}

/// A list of which nothing is known but its values, with those of another that it does not have.
pub(super) fn joined(old: &[Value], new: &[Value]) -> Value {
    let mut known: HashSet<String> = old.iter().map(fingerprint).collect();
    let new = new.iter().filter(|value| known.insert(fingerprint(value)));
    Value::Array(old.iter().chain(new).cloned().collect())
}

/// The same without those of another.
pub(super) fn without(old: &[Value], listed: &[Value]) -> Value {
    let listed: HashSet<String> = listed.iter().map(fingerprint).collect();
    Value::Array(old.iter().filter(|value| !listed.contains(&fingerprint(value))).cloned().collect())
}

/// One primary at most, the touched elements first; nothing twice.
fn settle(list: &mut Vec<Value>, touched: &BTreeSet<usize>) {
    if touched.iter().any(|at| list.get(*at).is_some_and(is_primary)) {
        for (at, element) in list.iter_mut().enumerate() {
            if !touched.contains(&at) && is_primary(element) {
                set(element, "primary", &Value::Bool(false));
            }
        }
    }
    first_primary_stays(list);
    drop_repeated(list);
}

fn set(element: &mut Value, name: &str, value: &Value) {
    if let Value::Object(parts) = element {
        merge(parts, &Map::from_iter([(name.to_owned(), value.clone())]));
    }
}

/// An element of which only its labels are left says nothing.
fn says_nothing(element: &Value) -> bool {
    element.as_object().is_some_and(|parts| parts.keys().all(|name| matches!(name.as_str(), "type" | "primary")))
}

/// Sets, or for null removes, a sub-attribute of every element; a list without elements gets one.
pub(super) fn set_sub_of_all(list: &mut Vec<Value>, sub: &Attribute, value: &Value) {
    if value.is_null() {
        list.iter_mut().for_each(|element| set(element, &sub.name, value));
        list.retain(|element| !says_nothing(element));
        return;
    }
    if list.is_empty() {
        list.push(Value::Object(Map::new()));
    }
    list.iter_mut().for_each(|element| set(element, &sub.name, value));
    settle(list, &BTreeSet::new());
}

fn selected(list: &[Value], selection: &Selection) -> BTreeSet<usize> {
    let matching = list.iter().enumerate().filter(|(_, element)| selection.condition.matches_element(element));
    matching.map(|(at, _)| at).collect()
}

/// The element that the filter describes, for a client that expects it to be made.
fn created(selection: &Selection, leniency: &Leniency) -> Result<Map<String, Value>, ScimError> {
    let element = selection.described().ok_or_else(|| patch::no_target(&selection.path))?;
    patch::element_created_from_filter(&selection.path, leniency)?;
    Ok(element)
}

/// Merges the selected elements with the value (add), or makes them the value (replace; null removes them).
pub(super) fn set_selected(
    list: &mut Vec<Value>,
    selection: &Selection,
    verb: Verb,
    value: &Value,
    leniency: &Leniency,
) -> Result<(), ScimError> {
    let mut touched = selected(list, selection);
    match (verb, value) {
        (Verb::Add, Value::Object(parts)) => {
            if touched.is_empty() {
                touched.insert(list.len());
                list.push(Value::Object(created(selection, leniency)?));
            }
            for at in &touched {
                if let Value::Object(element) = &mut list[*at] {
                    merge(element, parts);
                }
            }
        }
        (Verb::Add, _) => return Ok(()),
        _ if touched.is_empty() => return Err(patch::no_target(&selection.path)),
        (_, Value::Null) => list.retain(|element| !selection.condition.matches_element(element)),
        (_, value) => touched.iter().for_each(|at| list[*at] = value.clone()),
    }
    settle(list, &touched);
    Ok(())
}

/// Sets, or for null removes, a sub-attribute of the selected elements.
pub(super) fn set_sub_of_selected(
    list: &mut Vec<Value>,
    selection: &Selection,
    sub: &Attribute,
    value: &Value,
    leniency: &Leniency,
) -> Result<(), ScimError> {
    let mut touched = selected(list, selection);
    if value.is_null() {
        touched.iter().for_each(|at| set(&mut list[*at], &sub.name, value));
        let mut at = 0;
        list.retain(|element| {
            let emptied = touched.contains(&at) && says_nothing(element);
            at += 1;
            !emptied
        });
        return Ok(());
    }
    if touched.is_empty() {
        touched.insert(list.len());
        list.push(Value::Object(created(selection, leniency)?));
    }
    touched.iter().for_each(|at| set(&mut list[*at], &sub.name, value));
    settle(list, &touched);
    Ok(())
}

/// Whether an element says everything that `wanted` says.
pub(super) fn says(attribute: &Attribute, element: &Value, wanted: &Value) -> bool {
    let equal = |attribute: &Attribute, one: &Value, other: &Value| match (one, other) {
        (Value::String(one), Value::String(other)) if !attribute.case_exact => fold(one) == fold(other),
        (one, other) => one == other,
    };
    match (element, wanted) {
        (Value::Object(parts), Value::Object(wanted)) => wanted.iter().all(|(name, wanted)| {
            let sub = attribute.sub_attribute(name);
            parts.get(name).zip(sub).is_some_and(|(part, sub)| equal(sub, part, wanted))
        }),
        (element, wanted) => equal(attribute, element, wanted),
    }
}
