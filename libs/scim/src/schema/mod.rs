//! Schemas as data: what the protocol knows of a resource it knows from here.

mod attribute;
mod resource_type;

pub use attribute::{Attribute, AttributeId, DataType, Mutability, Returned, Uniqueness};
pub use resource_type::{Extension, GROUP, KindId, Registry, ResourceType, Schema, USER};
