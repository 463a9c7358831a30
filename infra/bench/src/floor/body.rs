//! What clients send, read without a schema.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    pub(super) user_name: String,
    pub(super) display_name: String,
    pub(super) external_id: String,
    title: String,
    active: bool,
    name: Name,
    emails: Vec<Email>,
    #[serde(rename = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")]
    enterprise: Enterprise,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    formatted: String,
    family_name: String,
    given_name: String,
}

#[derive(Deserialize)]
struct Email {
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Enterprise {
    department: String,
    employee_number: String,
}

impl User {
    /// What is put into the index: the attributes' numbers and values.
    pub(super) fn indexed(&self) -> (Vec<i32>, Vec<String>) {
        let values = [
            (1, self.display_name.to_lowercase()),
            (2, self.name.given_name.to_lowercase()),
            (3, self.name.family_name.to_lowercase()),
            (4, self.name.formatted.to_lowercase()),
            (6, self.title.to_lowercase()),
            (8, self.emails.first().map(|email| email.value.to_lowercase()).unwrap_or_default()),
            (12, self.active.to_string()),
            (20, self.enterprise.employee_number.to_lowercase()),
            (21, self.enterprise.department.to_lowercase()),
        ];
        values.into_iter().unzip()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) display_name: String,
    pub(super) external_id: String,
}

/// A PATCH, of which the floor knows which operations come: nothing is looked for.
#[derive(Deserialize)]
pub(super) struct Patch {
    #[serde(rename = "Operations")]
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
struct Operation {
    op: String,
    value: Value,
}

impl Patch {
    /// The text value of an operation.
    pub(super) fn text(&self, at: usize) -> &str {
        self.operations.get(at).and_then(|operation| operation.value.as_str()).unwrap_or_default()
    }

    /// The members named, and whether they come.
    pub(super) fn members(&self) -> (Vec<uuid::Uuid>, bool) {
        let Some(operation) = self.operations.first() else { return (Vec::new(), true) };
        let values = operation.value.as_array().into_iter().flatten();
        let ids = values.filter_map(|element| element.get("value")?.as_str()?.parse().ok());
        (ids.collect(), operation.op == "Add")
    }
}

/// A document as the event tells it.
pub(super) fn changes(before: &str, after: &str) -> String {
    format!("[{{\"path\":\"urn:ietf:params:scim:schemas:core:2.0:User\",\"before\":{before},\"after\":{after}}}]")
}
