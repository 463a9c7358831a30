//! Whether a user is what was sent.

use serde_json::Value;

use crate::{DifferenceKind, report::Findings};

/// Sent but not readable, or not the client's to say.
const NOT_COMPARED: [&str; 5] = ["schemas", "id", "meta", "groups", "password"];

/// Notes each attribute of `expected` that `shown` does not have so; `shown` may say more.
pub(super) fn compare(what: &str, expected: &Value, shown: &Value, found: &mut Findings) {
    let Value::Object(expected) = expected else { return };
    for (name, value) in expected {
        if NOT_COMPARED.contains(&name.as_str()) || holds(value, &shown[name]) {
            continue;
        }
        if name == "active" && *value == false {
            found.add(DifferenceKind::StillActive, || format!("{what} has left, and active is {}", shown[name]));
        } else {
            found.add(DifferenceKind::WrongAttribute, || format!("{what}: {name} is {}, not {value}", shown[name]));
        }
    }
}

/// Whether `shown` says all that `expected` does. Empty texts and lists mean unset; a bare text is how some send a reference.
fn holds(expected: &Value, shown: &Value) -> bool {
    match (expected, shown) {
        (Value::Object(expected), Value::Object(shown)) => {
            expected.iter().all(|(name, value)| holds(value, shown.get(name).unwrap_or(&Value::Null)))
        }
        (Value::Array(expected), Value::Array(shown)) => {
            expected.len() == shown.len() && expected.iter().all(|one| shown.iter().any(|other| holds(one, other)))
        }
        (Value::String(text), Value::Null) => text.is_empty(),
        (Value::Array(list), Value::Null) => list.is_empty(),
        (Value::String(id), Value::Object(shown)) => shown.get("value").is_some_and(|value| value == id.as_str()),
        (expected, shown) => expected == shown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(expected: Value, shown: Value) -> Vec<(DifferenceKind, u64)> {
        let mut found = Findings::default();
        compare("user 1", &expected, &shown, &mut found);
        found.into_parts().1.into_iter().collect()
    }

    #[test]
    fn a_server_may_say_more_but_not_less_and_nothing_else() {
        let sent =
            json!({ "title": "x", "name": { "givenName": "A", "middleName": "" }, "emails": [{ "value": "a" }] });
        assert_eq!(found(sent.clone(), sent.clone()), []);
        let more = json!({ "id": "1", "title": "x", "name": { "givenName": "A" }, "emails": [{ "value": "a", "type": "work" }] });
        assert_eq!(found(sent.clone(), more), []);
        let less = json!({ "title": "y", "name": { "givenName": "A" } });
        assert_eq!(found(sent.clone(), less), [(DifferenceKind::WrongAttribute, 2)]);
        assert_eq!(found(sent, json!({})), [(DifferenceKind::WrongAttribute, 3)]);
        let one = json!({ "emails": [{ "value": "a" }] });
        let two = json!({ "emails": [{ "value": "a" }, { "value": "b" }] });
        assert_eq!(found(one, two), [(DifferenceKind::WrongAttribute, 1)]);
    }

    #[test]
    fn what_cannot_be_read_back_is_not_compared() {
        assert_eq!(found(json!({ "password": "x", "groups": [], "schemas": ["s"], "roles": [] }), json!({})), []);
    }

    #[test]
    fn a_leaver_who_is_active_is_told_as_such() {
        let still = [(DifferenceKind::StillActive, 1)];
        assert_eq!(found(json!({ "active": false }), json!({ "active": true })), still);
        assert_eq!(found(json!({ "active": false }), json!({})), still);
        assert_eq!(found(json!({ "active": false }), json!({ "active": false })), []);
        let switched_off = [(DifferenceKind::WrongAttribute, 1)];
        assert_eq!(found(json!({ "active": true }), json!({ "active": false })), switched_off);
    }

    #[test]
    fn a_bare_reference_comes_back_as_an_object_and_null_must_be_gone() {
        assert_eq!(found(json!({ "manager": "m1" }), json!({ "manager": { "value": "m1", "displayName": "M" } })), []);
        let wrong = [(DifferenceKind::WrongAttribute, 1)];
        assert_eq!(found(json!({ "manager": "m1" }), json!({ "manager": { "value": "m2" } })), wrong);
        assert_eq!(found(json!({ "phoneNumbers": null }), json!({ "phoneNumbers": [{ "value": "1" }] })), wrong);
        assert_eq!(found(json!({ "phoneNumbers": null }), json!({})), []);
    }
}
