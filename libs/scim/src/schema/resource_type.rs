//! Schemas, resource types and the registry that holds them (RFC 7643 §6, §7).

use std::sync::Arc;

use super::Attribute;
use crate::quirks::{Leniency, names};

/// A schema: a URN and its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The URN.
    pub id: String,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// Its attributes, without the common ones (`id`, `externalId`, `meta`).
    pub attributes: Vec<Arc<Attribute>>,
}

/// The number under which a resource type's rows are stored. Given once, never given to another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KindId(pub i16);

/// Users.
pub const USER: KindId = KindId(1);
/// Groups.
pub const GROUP: KindId = KindId(2);

/// An extension of a resource type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its schema.
    pub schema: Arc<Schema>,
    /// Every resource must have it.
    pub required: bool,
}

/// A resource type: an endpoint, its schema and extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceType {
    /// The name, also its id: `User`.
    pub name: String,
    /// The path under the Base URL: `/Users`.
    pub endpoint: String,
    /// For people.
    pub description: String,
    /// How its rows are marked.
    pub kind: KindId,
    /// Its main schema.
    pub schema: Arc<Schema>,
    /// Its extensions.
    pub extensions: Vec<Extension>,
    /// `id`, `externalId`, `meta` and `schemas` (RFC 7643 §3.1).
    pub common: Vec<Arc<Attribute>>,
}

/// What a directory serves: its resource types and their schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// In the order in which `/ResourceTypes` lists them.
    pub resource_types: Vec<Arc<ResourceType>>,
    /// The schemas of what discovery itself answers with; only `/Schemas` shows them.
    pub discovery: Vec<Arc<Schema>>,
}

impl Registry {
    /// The type served at `/{segment}`; case-exact, as URLs are.
    pub fn by_endpoint(&self, segment: &str) -> Option<&Arc<ResourceType>> {
        self.resource_types.iter().find(|kind| kind.endpoint.strip_prefix('/') == Some(segment))
    }

    /// The type served at `/{segment}`, in any letter case unless the directory is strict.
    pub fn served_at(&self, segment: &str, leniency: &Leniency) -> Option<&Arc<ResourceType>> {
        self.by_endpoint(segment).or_else(|| {
            let is_it = |kind: &&Arc<ResourceType>| {
                kind.endpoint.strip_prefix('/').is_some_and(|endpoint| endpoint.eq_ignore_ascii_case(segment))
            };
            self.resource_types.iter().find(is_it).filter(|_| names::endpoint_letter_case(leniency))
        })
    }

    /// The type called `name`.
    pub fn by_name(&self, name: &str) -> Option<&Arc<ResourceType>> {
        self.resource_types.iter().find(|kind| kind.name.eq_ignore_ascii_case(name))
    }

    /// The type whose rows are marked `kind`.
    pub fn by_kind(&self, kind: KindId) -> Option<&Arc<ResourceType>> {
        self.resource_types.iter().find(|known| known.kind == kind)
    }
}
