//! The list message (RFC 7644 §3.4.2, RFC 9865 §2).

use serde_json::{Map, Value, json};

use super::urn;

/// A page of resources.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListResponse {
    /// How many there are on all pages.
    pub total_results: u64,
    /// The number of the first on this page, from 1; none for pages by cursor.
    pub start_index: Option<u64>,
    /// The cursor of the next page; none on the last.
    pub next_cursor: Option<String>,
    /// The cursor of the page before.
    pub previous_cursor: Option<String>,
    /// What this page holds.
    pub resources: Vec<Value>,
}

impl ListResponse {
    /// The message. `itemsPerPage` is what the page holds, and `Resources` is there even if empty.
    pub fn to_json(self) -> Value {
        let mut body = Map::new();
        body.insert("schemas".into(), json!([urn::LIST_RESPONSE]));
        body.insert("totalResults".into(), self.total_results.into());
        body.insert("itemsPerPage".into(), self.resources.len().into());
        if let Some(start_index) = self.start_index {
            body.insert("startIndex".into(), start_index.into());
        }
        if let Some(cursor) = self.next_cursor {
            body.insert("nextCursor".into(), cursor.into());
        }
        if let Some(cursor) = self.previous_cursor {
            body.insert("previousCursor".into(), cursor.into());
        }
        body.insert("Resources".into(), Value::Array(self.resources));
        Value::Object(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_has_resources() {
        let list = ListResponse { start_index: Some(1), ..ListResponse::default() };
        assert_eq!(
            list.to_json(),
            json!({"schemas": [urn::LIST_RESPONSE], "totalResults": 0, "itemsPerPage": 0, "startIndex": 1, "Resources": []})
        );
    }

    #[test]
    fn cursors_are_there_only_if_there_is_a_page() {
        let list = ListResponse { next_cursor: Some("abc".into()), resources: vec![json!({})], ..Default::default() };
        let body = list.to_json();
        assert_eq!(
            (&body["nextCursor"], body.get("previousCursor"), body.get("startIndex")),
            (&json!("abc"), None, None)
        );
    }
}
