//! Values in another shape than their attribute's type.

use serde_json::{Map, Value};

use super::{Leniency, Quirk};
use crate::{
    error::{ScimError, ScimType},
    json::parse_json,
    schema::{Attribute, DataType},
};

/// A boolean in a text, in any case (Entra ID E09 and E29, OneLogin L04). `None`: the text is no boolean.
pub(crate) fn boolean_from_text(attribute: &str, text: &str, leniency: &Leniency) -> Result<Option<bool>, ScimError> {
    let value = match text {
        text if text.eq_ignore_ascii_case("true") => true,
        text if text.eq_ignore_ascii_case("false") => false,
        _ => return Ok(None),
    };
    leniency.allow(Quirk::BooleanAsText, || {
        ScimError::bad_request(
            ScimType::InvalidValue,
            format!("{attribute} is a boolean. Send true or false without quotation marks."),
        )
    })?;
    Ok(Some(value))
}

/// A bare text where an object with a `value` belongs (Entra ID's manager, E13), or the object's JSON in a text (clients made
/// with older versions of the SCIM SDK for Java).
pub(crate) fn complex_from_text(
    attribute: &Attribute,
    text: String,
    leniency: &Leniency,
) -> Result<Map<String, Value>, ScimError> {
    let not_an_object = || {
        ScimError::bad_request(
            ScimType::InvalidValue,
            format!("{} takes an object. Send its sub-attributes in an object.", attribute.name),
        )
    };
    let object = object_in_text(&text);
    // What else is JSON is a value that happens to look like it: Entra ID's roles are (E30).
    let object = object.filter(|parts| parts.keys().all(|name| attribute.sub_attribute(name).is_some()));
    if object.is_none() && attribute.sub_attribute("value").is_none() {
        return Err(not_an_object());
    }
    leniency.allow(Quirk::ComplexAsText, not_an_object)?;
    Ok(object.unwrap_or_else(|| Map::from_iter([("value".to_owned(), Value::String(text))])))
}

/// The list whose JSON a text is.
pub(super) fn list_in_text(text: &str) -> Option<Vec<Value>> {
    if !text.trim_start().starts_with('[') {
        return None;
    }
    match parse_json(text.as_bytes()) {
        Ok(Value::Array(items)) => Some(items),
        _ => None,
    }
}

/// The object whose JSON a text is.
pub(super) fn object_in_text(text: &str) -> Option<Map<String, Value>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    match parse_json(text.as_bytes()) {
        Ok(Value::Object(parts)) if !parts.is_empty() => Some(parts),
        _ => None,
    }
}

/// The one object of a list where an object belongs (Entra ID's manager, E14). An empty list unsets.
pub(crate) fn complex_from_list(
    attribute: &Attribute,
    mut list: Vec<Value>,
    leniency: &Leniency,
) -> Result<Value, ScimError> {
    let not_a_list = || {
        ScimError::bad_request(
            ScimType::InvalidValue,
            format!("{} takes one object, not a list. Send the object itself.", attribute.name),
        )
    };
    if list.len() > 1 {
        return Err(not_a_list());
    }
    leniency.allow(Quirk::ComplexInList, not_a_list)?;
    Ok(list.pop().unwrap_or(Value::Null))
}

/// A singular text, boolean or number as `[{"$ref": null, "value": "…"}]` (Entra ID's older jobs, E55): what it holds. Other
/// shapes are left to the attribute's type.
pub(crate) fn simple_from_list(attribute: &Attribute, value: Value, leniency: &Leniency) -> Result<Value, ScimError> {
    let is_part = |name: &String| name.eq_ignore_ascii_case("value") || name.eq_ignore_ascii_case("$ref");
    let held = match &value {
        _ if attribute.multi_valued || attribute.data_type == DataType::Complex => None,
        Value::Array(list) => match list.as_slice() {
            [Value::Object(parts)] if parts.keys().all(is_part) => {
                parts.iter().find(|(name, _)| name.eq_ignore_ascii_case("value")).map(|(_, held)| held.clone())
            }
            // A leaver is to be disabled however it is written.
            [single @ (Value::Bool(_) | Value::String(_))] if attribute.data_type == DataType::Boolean => {
                Some(single.clone())
            }
            _ => None,
        },
        _ => None,
    };
    let Some(held) = held else { return Ok(value) };
    leniency.allow(Quirk::SimpleInList, || {
        ScimError::bad_request(
            ScimType::InvalidValue,
            format!("{} takes one value, not a list. Send the value itself.", attribute.name),
        )
    })?;
    Ok(held)
}

/// One value where a list belongs (OneLogin's emails, L05).
pub(crate) fn list_from_single(
    attribute: &Attribute,
    single: Value,
    leniency: &Leniency,
) -> Result<Vec<Value>, ScimError> {
    leniency.allow(Quirk::ListAsSingle, || {
        ScimError::bad_request(
            ScimType::InvalidValue,
            format!("{} is a list. Send an array, also for one value.", attribute.name),
        )
    })?;
    Ok(vec![single])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Registry;

    fn attribute(name: &str) -> Attribute {
        let registry = Registry::standard();
        let user = registry.by_name("User").unwrap();
        let found = user.attribute(name).or_else(|| user.extensions[0].schema.attribute(name));
        found.unwrap().as_ref().clone()
    }

    #[test]
    fn entra_sends_false_with_a_capital_letter() {
        let leniency = Leniency::lenient();
        assert_eq!(boolean_from_text("active", "False", &leniency), Ok(Some(false)));
        assert_eq!(boolean_from_text("active", "true", &leniency), Ok(Some(true)));
        assert_eq!(boolean_from_text("active", "no", &leniency), Ok(None));
        assert_eq!(leniency.used(), [(Quirk::BooleanAsText, 2)]);
        assert!(boolean_from_text("active", "False", &Leniency::strict()).is_err());
    }

    #[test]
    fn entra_sends_a_manager_as_a_bare_id() {
        let manager = attribute("manager");
        let read = complex_from_text(&manager, "2819".into(), &Leniency::lenient()).unwrap();
        assert_eq!(Value::Object(read), json!({"value": "2819"}));
        assert!(complex_from_text(&manager, "2819".into(), &Leniency::strict()).is_err());
        assert!(complex_from_text(&attribute("name"), "Ann".into(), &Leniency::lenient()).is_err(), "no value in name");
    }

    #[test]
    fn entra_sends_a_manager_in_a_list_of_one() {
        let manager = attribute("manager");
        let list = vec![json!({"$ref": "../Users/2819", "value": "2819"})];
        assert_eq!(complex_from_list(&manager, list.clone(), &Leniency::lenient()), Ok(list[0].clone()));
        assert!(complex_from_list(&manager, list.clone(), &Leniency::strict()).is_err());
        assert!(complex_from_list(&manager, [list.clone(), list].concat(), &Leniency::lenient()).is_err());
    }

    #[test]
    fn entras_older_jobs_send_a_text_in_a_list_of_one() {
        let (title, sent) = (attribute("title"), json!([{"$ref": null, "value": "Chief"}]));
        assert_eq!(simple_from_list(&title, sent.clone(), &Leniency::lenient()), Ok(json!("Chief")));
        assert!(simple_from_list(&title, sent.clone(), &Leniency::strict()).is_err());
        for other in [json!("Chief"), json!(["Chief"]), json!([]), json!([{"value": "a", "type": "work"}])] {
            assert_eq!(simple_from_list(&title, other.clone(), &Leniency::strict()), Ok(other));
        }
        let emails = attribute("emails");
        assert_eq!(simple_from_list(&emails, sent.clone(), &Leniency::strict()), Ok(sent), "a list takes a list");
    }

    #[test]
    fn onelogin_sends_emails_as_one_object() {
        let single = json!({"value": "ned@onelogin.example"});
        let emails = attribute("emails");
        assert_eq!(list_from_single(&emails, single.clone(), &Leniency::lenient()), Ok(vec![single.clone()]));
        assert!(list_from_single(&emails, single, &Leniency::strict()).is_err());
    }
}
