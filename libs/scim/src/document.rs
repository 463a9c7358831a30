//! A resource's attributes in canonical form.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What the client set, in canonical form: attribute names spelled as the schema has them, booleans as booleans, unset
/// values absent, extension attributes in an object under their URN. Without `id`, `meta`, `schemas`, `members`,
/// `groups` and `password`.
///
/// Only accepting a body and applying a PATCH make a new one; the store reads back what it wrote.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document(Map<String, Value>);

impl Document {
    /// A document as it was written before, for the store only.
    pub fn from_stored(attributes: Map<String, Value>) -> Self {
        Self(attributes)
    }

    pub(crate) fn from_canonical(attributes: Map<String, Value>) -> Self {
        Self(attributes)
    }

    /// The attributes.
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.0
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// `externalId`: the client's own id for the resource.
    pub fn external_id(&self) -> Option<&str> {
        self.text("externalId")
    }

    /// `userName` of a user.
    pub fn user_name(&self) -> Option<&str> {
        self.text("userName")
    }

    /// `displayName`.
    pub fn display_name(&self) -> Option<&str> {
        self.text("displayName")
    }

    /// `active` as the client last said it.
    pub fn active(&self) -> Option<bool> {
        self.0.get("active").and_then(Value::as_bool)
    }
}

/// One difference between two documents.
#[derive(Debug, Clone, PartialEq)]
pub struct PathChange {
    /// What changed: `title`, `name.givenName`, `urn:…:User:department`, `urn:…:User:manager.value`; lists as a whole.
    pub path: String,
    /// The value before; none if it was unset.
    pub before: Option<Value>,
    /// The value after; none if it is unset.
    pub after: Option<Value>,
}

impl Document {
    /// What differs, in the order of names. Empty if and only if the documents are equal.
    pub fn changes(before: &Self, after: &Self) -> Vec<PathChange> {
        let mut changes = Vec::new();
        compare("", &before.0, &after.0, &mut changes);
        changes
    }
}

fn compare(prefix: &str, before: &Map<String, Value>, after: &Map<String, Value>, changes: &mut Vec<PathChange>) {
    let empty = Map::new();
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        if old == new {
            continue;
        }
        let path = format!("{prefix}{name}");
        // An extension's attributes stand after a colon, sub-attributes after a dot.
        let divider = if prefix.is_empty() && name.contains(':') { ':' } else { '.' };
        let parts = |value: Option<&Value>| matches!(value, None | Some(Value::Object(_)));
        if parts(old) && parts(new) {
            let map = |value: Option<&Value>| -> Option<Map<String, Value>> { value?.as_object().cloned() };
            let (old, new) = (map(old), map(new));
            let found = changes.len();
            let inner = format!("{path}{divider}");
            compare(&inner, old.as_ref().unwrap_or(&empty), new.as_ref().unwrap_or(&empty), changes);
            if changes.len() == found {
                // Only the presence of an empty object differs.
                changes.push(PathChange { path, before: old.map(Value::Object), after: new.map(Value::Object) });
            }
        } else {
            changes.push(PathChange { path, before: old.cloned(), after: new.cloned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(value: Value) -> Document {
        Document(value.as_object().unwrap().clone())
    }

    #[test]
    fn changes_name_sub_attributes_and_extension_attributes() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let before = document(json!({"title": "x", "name": {"givenName": "A", "familyName": "B"}, "emails": [1]}));
        let after = document(json!({"name": {"givenName": "C", "familyName": "B"}, "emails": [2],
            urn: {"department": "D", "manager": {"value": "1"}}}));
        let changes = Document::changes(&before, &after);
        let paths: Vec<&str> = changes.iter().map(|change| change.path.as_str()).collect();
        let (department, manager) = (format!("{urn}:department"), format!("{urn}:manager.value"));
        assert_eq!(paths, ["emails", "name.givenName", "title", &department, &manager]);
        assert_eq!(
            changes[1],
            PathChange { path: "name.givenName".into(), before: Some(json!("A")), after: Some(json!("C")) }
        );
        assert_eq!((changes[2].before.clone(), changes[2].after.clone()), (Some(json!("x")), None));
    }

    #[test]
    fn the_order_of_names_is_no_change() {
        let (one, other) =
            (document(json!({"a": 1, "b": {"c": 1, "d": 2}})), document(json!({"b": {"d": 2, "c": 1}, "a": 1})));
        assert_eq!(Document::changes(&one, &other), []);
        assert_eq!(one, other);
    }
}
