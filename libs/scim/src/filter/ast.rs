//! A filter as it was written, and its canonical text.

use std::fmt;

use super::CompareOp;

/// A value in a filter.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// In quotation marks.
    Text(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A JSON number.
    Number(serde_json::Number),
    /// `null`.
    Null,
}

/// A filter as it was written (RFC 7644 §3.4.2.2 figure 1). Names are not looked up yet: only what
/// [`Filter::resolve`] makes of it can run.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All hold; at least two.
    And(Vec<Filter>),
    /// One holds; at least two.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// `userName eq "x"`.
    Compare {
        /// The attribute's name with URN and sub-attribute, as written.
        name: String,
        /// The operator.
        op: CompareOp,
        /// The value.
        value: Literal,
    },
    /// `userName pr`.
    Present(String),
    /// `emails[type eq "work"]`, and with `then` the `emails[type eq "work"].value eq "x"` of some clients.
    Element {
        /// The attribute's name, as written.
        name: String,
        /// What one element must fulfil.
        filter: Box<Filter>,
        /// A comparison of one sub-attribute of the same element, written after the brackets.
        then: Option<Box<Filter>>,
    },
}

impl CompareOp {
    /// The operator in a filter.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Eq, Self::Ne, Self::Co, Self::Sw, Self::Ew, Self::Gt, Self::Ge, Self::Lt, Self::Le]
            .into_iter()
            .find(|op| text.eq_ignore_ascii_case(op.as_str()))
    }
}

impl fmt::Display for CompareOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", serde_json::Value::from(text.as_str())),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Null => f.write_str("null"),
        }
    }
}

impl fmt::Display for Filter {
    /// The one text that reads as this filter again: parentheses only where they say something.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => join(f, parts, " and ", |part| matches!(part, Self::And(_) | Self::Or(_))),
            Self::Or(parts) => join(f, parts, " or ", |part| matches!(part, Self::Or(_))),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Compare { name, op, value } => write!(f, "{name} {op} {value}"),
            Self::Present(name) => write!(f, "{name} pr"),
            Self::Element { name, filter, then: None } => write!(f, "{name}[{filter}]"),
            Self::Element { name, filter, then: Some(then) } => write!(f, "{name}[{filter}].{then}"),
        }
    }
}

/// Writes `parts` with `between` them, those that need it in parentheses.
pub(super) fn join<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    parts: &[T],
    between: &str,
    parentheses: impl Fn(&T) -> bool,
) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(between)?;
        }
        if parentheses(part) { write!(f, "({part})") } else { write!(f, "{part}") }?;
    }
    Ok(())
}
