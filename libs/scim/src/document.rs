//! A resource's attributes in canonical form.

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
