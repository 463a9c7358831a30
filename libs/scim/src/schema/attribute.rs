//! One attribute and its characteristics (RFC 7643 §2.2, §7).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The data types of RFC 7643 §2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DataType {
    /// Text.
    #[default]
    String,
    /// `true` or `false`.
    Boolean,
    /// A real number.
    Decimal,
    /// A whole number.
    Integer,
    /// A moment, xsd:dateTime.
    DateTime,
    /// Base64.
    Binary,
    /// A URI.
    Reference,
    /// Sub-attributes.
    Complex,
}

/// Who may set it, and how often (RFC 7643 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// Only the service.
    ReadOnly,
    /// The client, at any time.
    #[default]
    ReadWrite,
    /// The client, once.
    Immutable,
    /// The client; never read back.
    WriteOnly,
}

/// When it is in an answer (RFC 7643 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// In every answer.
    Always,
    /// In none.
    Never,
    /// Unless left out by the client.
    #[default]
    Default,
    /// Only if asked for.
    Request,
}

/// How far a value is unique (RFC 7643 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// Not at all.
    #[default]
    None,
    /// In a directory.
    Server,
    /// Everywhere.
    Global,
}

/// The number under which an indexed attribute's values are stored. Given once, never given to another attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeId(pub i32);

/// An attribute or a sub-attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name as the schema spells it; compared without case.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// A list of values.
    pub multi_valued: bool,
    /// Must be there.
    pub required: bool,
    /// Letter case matters when values are compared.
    pub case_exact: bool,
    /// Who may set it.
    pub mutability: Mutability,
    /// When it is in an answer.
    pub returned: Returned,
    /// How far a value is unique.
    pub uniqueness: Uniqueness,
    /// Suggested values; others are taken too.
    pub canonical_values: Vec<String>,
    /// For references: what they may point to.
    pub reference_types: Vec<String>,
    /// For people.
    pub description: String,
    /// The parts of a complex attribute.
    pub sub_attributes: Vec<Arc<Attribute>>,
    /// Set if its values are kept in the index, so that filters on it need no scan.
    pub index: Option<AttributeId>,
}

impl Attribute {
    /// The sub-attribute called `name`, in any case.
    pub fn sub_attribute(&self, name: &str) -> Option<&Arc<Attribute>> {
        self.sub_attributes.iter().find(|sub| sub.name.eq_ignore_ascii_case(name))
    }
}
