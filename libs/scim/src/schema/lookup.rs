//! Finding attributes by name.

use std::sync::Arc;

use super::{Attribute, Extension, Registry, ResourceType, Schema};

impl Schema {
    /// The attribute called `name`, in any case.
    pub fn attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        self.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
    }
}

impl ResourceType {
    /// The core or common attribute called `name`, in any case.
    pub fn attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        self.schema
            .attribute(name)
            .or_else(|| self.common.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name)))
    }

    /// The extension whose URN is `urn`, in any case.
    pub fn extension(&self, urn: &str) -> Option<&Extension> {
        self.extensions.iter().find(|extension| extension.schema.id.eq_ignore_ascii_case(urn))
    }

    /// The list of members, for types whose resources have members kept as rows.
    pub fn members(&self) -> Option<&Arc<Attribute>> {
        self.schema.attribute("members").filter(|attribute| attribute.multi_valued)
    }
}

impl Registry {
    /// What `/Schemas` lists: the schemas of the resource types, their extensions, and those of the discovery
    /// resources themselves; each once.
    pub fn schemas(&self) -> Vec<Arc<Schema>> {
        let mut all: Vec<Arc<Schema>> = Vec::new();
        let served = self.resource_types.iter().flat_map(|kind| {
            std::iter::once(&kind.schema).chain(kind.extensions.iter().map(|extension| &extension.schema))
        });
        for schema in served.chain(&self.discovery) {
            if !all.iter().any(|known| known.id == schema.id) {
                all.push(Arc::clone(schema));
            }
        }
        all
    }

    /// The schema with this URN, in any case.
    pub fn schema(&self, urn: &str) -> Option<Arc<Schema>> {
        self.schemas().into_iter().find(|schema| schema.id.eq_ignore_ascii_case(urn))
    }
}
