//! The error message (RFC 7644 §3.12).

use serde_json::{Map, Value, json};

use super::urn;
use crate::error::ScimError;

impl ScimError {
    /// The body of the answer.
    pub fn to_json(&self) -> Value {
        let mut body = Map::new();
        body.insert("schemas".into(), json!([urn::ERROR]));
        if let Some(scim_type) = self.scim_type {
            body.insert("scimType".into(), scim_type.as_str().into());
        }
        body.insert("detail".into(), self.detail.clone().into());
        // The RFC has the status as a text.
        body.insert("status".into(), self.status.to_string().into());
        Value::Object(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_a_text_and_an_absent_keyword_is_left_out() {
        assert_eq!(
            ScimError::not_found("User", "2819").to_json(),
            json!({"schemas": [urn::ERROR], "detail": "There is no User with the id \"2819\".", "status": "404"})
        );
        assert_eq!(ScimError::taken("User", "userName").to_json()["scimType"], "uniqueness");
    }
}
