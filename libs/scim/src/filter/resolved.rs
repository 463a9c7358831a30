//! A filter whose every attribute was found in the schema and whose every value has its attribute's type. Only this
//! form runs: in memory ([`Condition::matches`]) and as SQL (in the store).

use std::{fmt, sync::Arc};

use rollcall_base::Timestamp;
use serde_json::Value;

use crate::schema::Attribute;

/// The comparison operators of RFC 7644 §3.4.2.2 table 3, without `pr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareOp {
    /// Equal.
    Eq,
    /// Not equal: exactly `not (… eq …)`. So it holds if there is no value, and for a list only if no element is equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

/// An attribute that the schema knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedPath {
    /// The URN of the extension that it belongs to; none for core and common attributes.
    pub extension: Option<Arc<str>>,
    /// The attribute.
    pub attribute: Arc<Attribute>,
    /// Its sub-attribute. A comparison with a complex attribute that has a `value` is one with `value`.
    pub sub_attribute: Option<Arc<Attribute>>,
}

impl ResolvedPath {
    /// The attribute whose values are compared.
    pub fn leaf(&self) -> &Arc<Attribute> {
        self.sub_attribute.as_ref().unwrap_or(&self.attribute)
    }
}

impl fmt::Display for ResolvedPath {
    /// The one canonical spelling: `userName`, `emails.value`,
    /// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(urn) = &self.extension {
            write!(f, "{urn}:")?;
        }
        f.write_str(&self.attribute.name)?;
        match &self.sub_attribute {
            Some(sub) => write!(f, ".{}", sub.name),
            None => Ok(()),
        }
    }
}

/// A value of its attribute's type.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// For strings, references and binaries; as sent. Compared folded unless the attribute is caseExact.
    Text(String),
    /// For booleans.
    Boolean(bool),
    /// For integers.
    Integer(i64),
    /// For decimals.
    Decimal(f64),
    /// For moments.
    DateTime(Timestamp),
}

/// A filter that can run. It prints as the filter that resolves to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All hold.
    And(Vec<Condition>),
    /// One holds.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// Some value of the attribute compares so; for [`CompareOp::Ne`]: none is equal.
    Compare {
        /// What is compared.
        path: ResolvedPath,
        /// How.
        op: CompareOp,
        /// With what.
        operand: Operand,
    },
    /// The attribute has a value that is not empty.
    Present(ResolvedPath),
    /// One element of the multi-valued (or the one complex) attribute fulfils all of the inner condition. The inner
    /// paths are paths of sub-attributes: `attribute` is the same, `sub_attribute` is set.
    Element {
        /// The complex attribute; `sub_attribute` is none.
        path: ResolvedPath,
        /// What one element must fulfil.
        condition: Box<Condition>,
    },
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", Value::from(text.as_str())),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Decimal(number) => write!(f, "{}", Value::from(*number)),
            Self::DateTime(moment) => write!(f, "\"{moment}\""),
        }
    }
}

impl Condition {
    /// Prints with names as they stand in a value path's brackets, or in full.
    fn print(&self, f: &mut fmt::Formatter<'_>, element: bool) -> fmt::Result {
        let name = |path: &ResolvedPath| if element { path.leaf().name.clone() } else { path.to_string() };
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Self], between: &str, nested: fn(&Self) -> bool| {
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    f.write_str(between)?;
                }
                if nested(part) {
                    f.write_str("(")?;
                    part.print(f, element)?;
                    f.write_str(")")?;
                } else {
                    part.print(f, element)?;
                }
            }
            Ok(())
        };
        match self {
            Self::And(parts) => list(f, parts, " and ", |part| matches!(part, Self::And(_) | Self::Or(_))),
            Self::Or(parts) => list(f, parts, " or ", |part| matches!(part, Self::Or(_))),
            Self::Not(inner) => {
                f.write_str("not (")?;
                inner.print(f, element)?;
                f.write_str(")")
            }
            Self::Compare { path, op, operand } => write!(f, "{} {op} {operand}", name(path)),
            Self::Present(path) => write!(f, "{} pr", name(path)),
            Self::Element { path, condition } => {
                write!(f, "{path}[")?;
                condition.print(f, true)?;
                f.write_str("]")
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, false)
    }
}
