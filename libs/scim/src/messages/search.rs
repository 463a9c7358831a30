//! A search by POST (RFC 7644 §3.4.3, RFC 9865 §3).

use serde_json::{Map, Value};

use super::{message, syntax, urn};
use crate::error::ScimError;

/// What a search asks, not looked up yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchRequest {
    /// Names to show.
    pub attributes: Option<Vec<String>>,
    /// Names to hide.
    pub excluded_attributes: Option<Vec<String>>,
    /// The filter's text.
    pub filter: Option<String>,
    /// The attribute to sort by.
    pub sort_by: Option<String>,
    /// `sortOrder` is `descending`.
    pub descending: bool,
    /// The number of the first resource, from 1.
    pub start_index: Option<i64>,
    /// How many on a page.
    pub count: Option<i64>,
    /// The page's cursor; empty for the first page by cursor.
    pub cursor: Option<String>,
}

impl SearchRequest {
    /// Reads the message.
    ///
    /// # Errors
    /// 400 `invalidSyntax` if it is another message or a field is of another type.
    pub fn parse(body: Value) -> Result<Self, ScimError> {
        let mut fields = message(body, urn::SEARCH_REQUEST)?;
        Ok(Self {
            attributes: names(&mut fields, "attributes")?,
            excluded_attributes: names(&mut fields, "excludedAttributes")?,
            filter: text(&mut fields, "filter")?,
            sort_by: text(&mut fields, "sortBy")?,
            descending: match text(&mut fields, "sortOrder")?.as_deref() {
                None => false,
                Some(order) if order.eq_ignore_ascii_case("ascending") => false,
                Some(order) if order.eq_ignore_ascii_case("descending") => true,
                Some(_) => return Err(syntax("\"sortOrder\" is ascending or descending.")),
            },
            start_index: number(&mut fields, "startIndex")?,
            count: number(&mut fields, "count")?,
            cursor: text(&mut fields, "cursor")?,
        })
    }
}

fn take(fields: &mut Map<String, Value>, name: &str) -> Option<Value> {
    fields.remove(&name.to_ascii_lowercase()).filter(|value| !value.is_null())
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, ScimError> {
    match take(fields, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(syntax(format!("\"{name}\" is a text."))),
    }
}

fn number(fields: &mut Map<String, Value>, name: &str) -> Result<Option<i64>, ScimError> {
    match take(fields, name) {
        None => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(|| syntax(format!("\"{name}\" is a whole number."))),
    }
}

fn names(fields: &mut Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, ScimError> {
    let wrong = || syntax(format!("\"{name}\" is a list of attribute names."));
    match take(fields, name) {
        None => Ok(None),
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| if let Value::String(text) = item { Ok(text) } else { Err(wrong()) })
            .collect::<Result<_, _>>()
            .map(Some),
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 7644 §3.4.3 figure 2.
    #[test]
    fn the_rfcs_example_reads() {
        let search = SearchRequest::parse(json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "attributes": ["displayName", "userName"],
            "filter": "displayName sw \"smith\"",
            "startIndex": 1,
            "count": 10
        }));
        assert_eq!(
            search,
            Ok(SearchRequest {
                attributes: Some(vec!["displayName".into(), "userName".into()]),
                filter: Some("displayName sw \"smith\"".into()),
                start_index: Some(1),
                count: Some(10),
                ..SearchRequest::default()
            })
        );
    }

    #[test]
    fn another_message_or_a_wrong_type_is_refused() {
        for body in [
            json!([]),
            json!({"schemas": [urn::PATCH_OP]}),
            json!({"count": "1"}),
            json!({"attributes": "a"}),
            json!({"sortOrder": "up"}),
        ] {
            assert_eq!(SearchRequest::parse(body.clone()).unwrap_err().status, 400, "{body}");
        }
    }
}
