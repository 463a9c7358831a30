//! A resource as a client sees it.

use rollcall_base::Timestamp;
use serde_json::{Map, Value, json};

use crate::{document::Document, schema::ResourceType};

/// What the service knows about a resource beside its attributes.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its type.
    pub resource_type: &'a ResourceType,
    /// Its ETag, `W/"…"`.
    pub version: &'a str,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub last_modified: Timestamp,
    /// Its address.
    pub location: &'a str,
}

/// The full representation: `schemas`, `id`, `externalId`, the document's attributes, `derived` (`members` or `groups`
/// as JSON), `meta`. `schemas` names the main schema and those extensions that have values.
pub fn represent(envelope: &Envelope<'_>, document: &Document, derived: Map<String, Value>) -> Map<String, Value> {
    let attributes = document.attributes();
    let mut schemas = vec![Value::from(envelope.resource_type.schema.id.as_str())];
    schemas.extend(attributes.keys().filter(|name| name.contains(':')).map(|urn| Value::from(urn.as_str())));
    let mut resource = Map::with_capacity(attributes.len() + derived.len() + 3);
    resource.insert("schemas".into(), Value::Array(schemas));
    resource.insert("id".into(), envelope.id.into());
    if let Some(external_id) = attributes.get("externalId") {
        resource.insert("externalId".into(), external_id.clone());
    }
    resource.extend(attributes.iter().map(|(name, value)| (name.clone(), value.clone())));
    resource.extend(derived);
    resource.insert(
        "meta".into(),
        json!({
            "resourceType": envelope.resource_type.name,
            "created": envelope.created.to_string(),
            "lastModified": envelope.last_modified.to_string(),
            "location": envelope.location,
            "version": envelope.version,
        }),
    );
    resource
}
