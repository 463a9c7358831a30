//! Schemas and resource types as `/Schemas` and `/ResourceTypes` show them (RFC 7643 §6, §7).

use serde_json::{Map, Value, json};

use super::{Attribute, DataType, ResourceType, Schema};
use crate::messages::urn;

impl Attribute {
    /// The definition of the attribute, all characteristics named.
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        map.insert("name".into(), json!(self.name));
        map.insert("type".into(), json!(self.data_type));
        map.insert("multiValued".into(), json!(self.multi_valued));
        map.insert("description".into(), json!(self.description));
        map.insert("required".into(), json!(self.required));
        if matches!(self.data_type, DataType::String | DataType::Reference | DataType::Binary) {
            map.insert("caseExact".into(), json!(self.case_exact));
        }
        if !self.canonical_values.is_empty() {
            map.insert("canonicalValues".into(), json!(self.canonical_values));
        }
        if !self.reference_types.is_empty() {
            map.insert("referenceTypes".into(), json!(self.reference_types));
        }
        map.insert("mutability".into(), json!(self.mutability));
        map.insert("returned".into(), json!(self.returned));
        map.insert("uniqueness".into(), json!(self.uniqueness));
        if !self.sub_attributes.is_empty() {
            let parts: Vec<Value> = self.sub_attributes.iter().map(|sub| sub.to_json()).collect();
            map.insert("subAttributes".into(), Value::Array(parts));
        }
        Value::Object(map)
    }
}

impl Schema {
    /// The schema as a resource. `base_url` is without a trailing slash.
    pub fn to_json(&self, base_url: &str) -> Value {
        let attributes: Vec<Value> = self.attributes.iter().map(|attribute| attribute.to_json()).collect();
        json!({
            "schemas": [urn::SCHEMA],
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": format!("{base_url}/Schemas/{}", self.id)},
        })
    }
}

impl ResourceType {
    /// The resource type as a resource. `base_url` is without a trailing slash.
    pub fn to_json(&self, base_url: &str) -> Value {
        let extensions: Vec<Value> = self
            .extensions
            .iter()
            .map(|extension| json!({"schema": extension.schema.id, "required": extension.required}))
            .collect();
        json!({
            "schemas": [urn::RESOURCE_TYPE],
            "id": self.name,
            "name": self.name,
            "description": self.description,
            "endpoint": self.endpoint,
            "schema": self.schema.id,
            "schemaExtensions": extensions,
            "meta": {"resourceType": "ResourceType", "location": format!("{base_url}/ResourceTypes/{}", self.name)},
        })
    }
}
