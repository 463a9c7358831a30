//! Schemas and resource types as JSON: the shape of RFC 7643 §8.7, in which what equals the defaults of §2.2 may be
//! left out, plus `index`, the number of an indexed attribute, and `kind`, the number of a resource type.

use std::sync::Arc;

use serde::Deserialize;

use super::{
    Attribute, AttributeId, DataType, Extension, KindId, Mutability, Registry, ResourceType, Returned, Schema,
    Uniqueness,
};

/// The definition of a schema or a resource type is wrong.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// It is not JSON of the right shape.
    #[error("a schema or resource type definition cannot be read")]
    Json(#[from] serde_json::Error),
    /// A resource type names a schema that is not defined.
    #[error("the resource type {resource_type} names the schema {urn}, which is not defined")]
    UnknownSchema {
        /// The resource type.
        resource_type: String,
        /// The schema it names.
        urn: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SchemaDefinition {
    id: String,
    name: String,
    #[serde(default)]
    description: String,
    attributes: Vec<AttributeDefinition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AttributeDefinition {
    name: String,
    #[serde(default, rename = "type")]
    data_type: DataType,
    #[serde(default)]
    multi_valued: bool,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    case_exact: bool,
    #[serde(default)]
    mutability: Mutability,
    #[serde(default)]
    returned: Returned,
    #[serde(default)]
    uniqueness: Uniqueness,
    #[serde(default)]
    canonical_values: Vec<String>,
    #[serde(default)]
    reference_types: Vec<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    sub_attributes: Vec<AttributeDefinition>,
    index: Option<i32>,
}

impl From<AttributeDefinition> for Attribute {
    fn from(definition: AttributeDefinition) -> Self {
        Self {
            name: definition.name,
            data_type: definition.data_type,
            multi_valued: definition.multi_valued,
            required: definition.required,
            case_exact: definition.case_exact,
            mutability: definition.mutability,
            returned: definition.returned,
            uniqueness: definition.uniqueness,
            canonical_values: definition.canonical_values,
            reference_types: definition.reference_types,
            description: definition.description,
            sub_attributes: definition.sub_attributes.into_iter().map(|sub| Arc::new(sub.into())).collect(),
            index: definition.index.map(AttributeId),
        }
    }
}

impl Schema {
    /// Reads the definition of a schema.
    ///
    /// # Errors
    /// [`DefinitionError::Json`].
    pub fn from_json(text: &str) -> Result<Self, DefinitionError> {
        let definition: SchemaDefinition = serde_json::from_str(text)?;
        Ok(Self {
            id: definition.id,
            name: definition.name,
            description: definition.description,
            attributes: definition.attributes.into_iter().map(|attribute| Arc::new(attribute.into())).collect(),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ResourceTypeDefinition {
    name: String,
    #[serde(default)]
    description: String,
    endpoint: String,
    kind: i16,
    schema: String,
    #[serde(default)]
    schema_extensions: Vec<ExtensionDefinition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtensionDefinition {
    schema: String,
    required: bool,
}

impl Registry {
    /// Builds a registry from a JSON list of resource types, the schemas that they name, the attributes that every
    /// resource has, and the schemas that only `/Schemas` shows.
    ///
    /// # Errors
    /// [`DefinitionError`].
    pub fn from_definitions(
        resource_types: &str,
        schemas: &[Arc<Schema>],
        common: &Schema,
        discovery: Vec<Arc<Schema>>,
    ) -> Result<Self, DefinitionError> {
        let definitions: Vec<ResourceTypeDefinition> = serde_json::from_str(resource_types)?;
        let find = |resource_type: &str, urn: String| {
            schemas
                .iter()
                .find(|schema| schema.id.eq_ignore_ascii_case(&urn))
                .cloned()
                .ok_or_else(|| DefinitionError::UnknownSchema { resource_type: resource_type.to_owned(), urn })
        };
        let build = |definition: ResourceTypeDefinition| {
            let extensions = definition.schema_extensions.into_iter().map(|extension| {
                Ok(Extension { schema: find(&definition.name, extension.schema)?, required: extension.required })
            });
            Ok(Arc::new(ResourceType {
                extensions: extensions.collect::<Result<_, DefinitionError>>()?,
                schema: find(&definition.name, definition.schema)?,
                name: definition.name,
                endpoint: definition.endpoint,
                description: definition.description,
                kind: KindId(definition.kind),
                common: common.attributes.clone(),
            }))
        };
        let resource_types = definitions.into_iter().map(build).collect::<Result<_, DefinitionError>>()?;
        Ok(Self { resource_types, discovery })
    }
}
