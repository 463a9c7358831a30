//! Schemas as data: what the protocol knows of a resource it knows from here.

mod attribute;
mod definition;
mod lookup;
mod resource_type;
mod standard;
mod wire;

pub use attribute::{Attribute, AttributeId, DataType, Mutability, Returned, Uniqueness};
pub use definition::DefinitionError;
pub use resource_type::{Extension, GROUP, KindId, Registry, ResourceType, Schema, USER};
