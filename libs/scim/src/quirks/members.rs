//! Members in other shapes than the RFC's.

use serde_json::{Map, Value};

use super::{
    Leniency, Quirk,
    values::{list_in_text, object_in_text},
};
use crate::error::{ScimError, ScimType};

/// A member that is only an id (a request of Entra ID's public collection: add `members` with a text as value), or the
/// member's JSON in a text (clients made with older versions of the SCIM SDK for Java).
pub(crate) fn member_from_text(text: String, leniency: &Leniency) -> Result<Value, ScimError> {
    leniency.allow(Quirk::MemberAsText, || {
        ScimError::bad_request(
            ScimType::InvalidValue,
            "A member is an object. Send {\"value\": \"<id>\"} instead of the bare id.",
        )
    })?;
    let parts = object_in_text(&text).unwrap_or_else(|| Map::from_iter([("value".to_owned(), Value::String(text))]));
    Ok(Value::Object(parts))
}

/// A list of members whose JSON is a text: without this a removal of it would be a success that removes nobody.
pub(crate) fn members_in_text(text: String, leniency: &Leniency) -> Result<Vec<Value>, ScimError> {
    let Some(items) = list_in_text(&text) else { return Ok(vec![Value::String(text)]) };
    leniency.allow(Quirk::MemberAsText, || {
        ScimError::bad_request(ScimType::InvalidValue, "members is a list. Send an array and not its JSON in a text.")
    })?;
    Ok(items)
}

/// One member where a list belongs.
pub(crate) fn members_from_single(leniency: &Leniency) -> Result<(), ScimError> {
    leniency.allow(Quirk::ListAsSingle, || {
        ScimError::bad_request(ScimType::InvalidValue, "members is a list. Send an array, also for one member.")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bare_id_and_a_single_object_are_members_unless_strict() {
        let read = |text: &str| member_from_text(text.to_owned(), &Leniency::lenient());
        assert_eq!(read("2819"), Ok(json!({"value": "2819"})));
        assert_eq!(read(r#"{"value": "2819", "type": "User"}"#), Ok(json!({"value": "2819", "type": "User"})));
        assert_eq!(read("{}"), Ok(json!({"value": "{}"})));
        assert_eq!(members_from_single(&Leniency::lenient()), Ok(()));
        assert!(member_from_text("2819".to_owned(), &Leniency::strict()).is_err());
        assert!(members_from_single(&Leniency::strict()).is_err());
        let list = r#" [{"value": "1"}, "2"]"#;
        let read = |leniency: &Leniency| members_in_text(list.to_owned(), leniency);
        assert_eq!(read(&Leniency::lenient()), Ok(vec![json!({"value": "1"}), json!("2")]));
        assert!(read(&Leniency::strict()).is_err());
        assert_eq!(members_in_text("[1".to_owned(), &Leniency::strict()), Ok(vec![json!("[1")]));
    }
}
