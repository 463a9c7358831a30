//! From names to attributes, from literals to operands of the right type.

use std::sync::Arc;

use rollcall_base::Timestamp;

use super::{CompareOp, Condition, Filter, Literal, Operand, ResolvedPath};
use crate::{
    error::{ScimError, ScimType},
    path::{Named, named, shortened},
    quirks::{Leniency, filters, names},
    schema::{Attribute, DataType, ResourceType, Returned},
};

fn invalid(detail: String) -> ScimError {
    ScimError::bad_request(ScimType::InvalidFilter, detail)
}

impl Filter {
    /// Looks every name up and gives every value its attribute's type.
    ///
    /// # Errors
    /// 400 `invalidFilter` for an unknown attribute, a value of another type, an operator that the type does not have,
    /// and for attributes that are never returned, such as `password`.
    pub fn resolve(&self, resource_type: &ResourceType, leniency: &Leniency) -> Result<Condition, ScimError> {
        let all = |parts: &[Self]| -> Result<Vec<Condition>, ScimError> {
            parts.iter().map(|part| part.resolve(resource_type, leniency)).collect()
        };
        Ok(match self {
            Self::And(parts) => Condition::And(all(parts)?),
            Self::Or(parts) => Condition::Or(all(parts)?),
            Self::Not(inner) => Condition::Not(Box::new(inner.resolve(resource_type, leniency)?)),
            Self::Present(name) => Condition::Present(ResolvedPath::find(resource_type, name, leniency)?),
            Self::Compare { name, op, value } => {
                let path = ResolvedPath::find(resource_type, name, leniency)?;
                comparison(path, *op, value, leniency)?
            }
            Self::Element { name, filter, then } => {
                let path = ResolvedPath::find(resource_type, name, leniency)?;
                if path.sub_attribute.is_some() {
                    return Err(invalid(format!(
                        "{name}[…] is not possible: only {} has elements.",
                        path.attribute.name
                    )));
                }
                let mut condition = filter.resolve_element(&path, leniency)?;
                if let Some(then) = then {
                    filters::filter_after_element(name, &then.to_string(), leniency)?;
                    condition = Condition::And(vec![condition, then.resolve_element(&path, leniency)?]);
                }
                Condition::Element { path, condition: Box::new(condition) }
            }
        })
    }

    /// Looks names up among the sub-attributes of `holder`, a complex attribute.
    pub(crate) fn resolve_element(&self, holder: &ResolvedPath, leniency: &Leniency) -> Result<Condition, ScimError> {
        let all = |parts: &[Self]| -> Result<Vec<Condition>, ScimError> {
            parts.iter().map(|part| part.resolve_element(holder, leniency)).collect()
        };
        let find = |name: &str| -> Result<ResolvedPath, ScimError> {
            let Some(sub) = holder.attribute.sub_attribute(name) else {
                return Err(no_sub_attribute(&holder.attribute, name));
            };
            ResolvedPath { sub_attribute: Some(Arc::clone(sub)), ..holder.clone() }.stored()
        };
        Ok(match self {
            Self::And(parts) => Condition::And(all(parts)?),
            Self::Or(parts) => Condition::Or(all(parts)?),
            Self::Not(inner) => Condition::Not(Box::new(inner.resolve_element(holder, leniency)?)),
            Self::Present(name) => Condition::Present(find(name)?),
            Self::Compare { name, op, value } => comparison(find(name)?, *op, value, leniency)?,
            Self::Element { .. } => return Err(invalid("Value paths do not stand inside each other.".into())),
        })
    }
}

impl ResolvedPath {
    /// Looks up an attribute that a client filters or sorts by. In both, an extension's attribute may stand without
    /// its URN where the client is not held to the letter.
    ///
    /// # Errors
    /// 400 `invalidFilter` if there is no such attribute, or if it is never returned or made only when it is shown.
    pub fn find(resource_type: &ResourceType, text: &str, leniency: &Leniency) -> Result<Self, ScimError> {
        let found = match named(resource_type, text, leniency)? {
            Named::Unknown if !text.contains(':') => short_name(resource_type, text, leniency)?,
            found => found,
        };
        let Named::Attribute { extension, attribute, sub } = found else {
            return Err(no_attribute(resource_type, text));
        };
        let sub_attribute = match sub {
            None => None,
            Some(sub) => Some(attribute.sub_attribute(sub).ok_or_else(|| no_sub_attribute(attribute, sub))?),
        };
        let path = Self {
            extension: extension.map(|schema| Arc::from(schema.id.as_str())),
            attribute: Arc::clone(attribute),
            sub_attribute: sub_attribute.map(Arc::clone),
        };
        if attribute.returned == Returned::Never || path.leaf().returned == Returned::Never {
            return Err(invalid(format!(
                "{path} is never returned and cannot be compared. Leave it out of the filter."
            )));
        }
        path.stored()
    }

    /// Refuses what is made only when a resource is shown: addresses and ETags. No stored value could be compared, and
    /// an empty list would be a wrong answer.
    pub(crate) fn stored(self) -> Result<Self, ScimError> {
        let sub = self.sub_attribute.as_ref().map_or("", |sub| sub.name.as_str());
        let instead = match (&self.extension, self.attribute.name.as_str(), sub) {
            (None, "meta", "location") => "id",
            (None, "meta", "version") => "meta.lastModified",
            (None, "members", "$ref") => "members.value",
            (None, "groups", "$ref") => "groups.value",
            _ => return Ok(self),
        };
        Err(invalid(format!("{self} is made when it is shown and cannot be compared. Use {instead}.")))
    }

    /// The path whose values are compared or sorted: `value` of a complex attribute that has one.
    ///
    /// # Errors
    /// 400 `invalidFilter` for a complex attribute without a `value`.
    pub fn comparable(mut self) -> Result<Self, ScimError> {
        if self.leaf().data_type == DataType::Complex {
            let Some(value) = self.attribute.sub_attribute("value") else {
                let parts: Vec<&str> = self.attribute.sub_attributes.iter().map(|sub| sub.name.as_str()).collect();
                return Err(invalid(format!(
                    "{self} has no value of its own. Name one of its sub-attributes: {}.",
                    parts.join(", ")
                )));
            };
            self.sub_attribute = Some(Arc::clone(value));
        }
        Ok(self)
    }
}

/// An extension's attribute without its URN.
fn short_name<'r, 't>(
    resource_type: &'r ResourceType,
    text: &'t str,
    leniency: &Leniency,
) -> Result<Named<'r, 't>, ScimError> {
    let name = text.split('.').next().unwrap_or(text);
    for extension in &resource_type.extensions {
        if let Some(attribute) = extension.schema.attribute(name) {
            names::short_extension_name(&extension.schema.id, name, leniency)?;
            let sub = text.split_once('.').map(|(_, sub)| sub);
            return Ok(Named::Attribute { extension: Some(&extension.schema), attribute, sub });
        }
    }
    Ok(Named::Unknown)
}

fn no_attribute(resource_type: &ResourceType, text: &str) -> ScimError {
    invalid(format!(
        "{} has no attribute \"{}\". Look the names up under /Schemas.",
        resource_type.name,
        shortened(text)
    ))
}

fn no_sub_attribute(attribute: &Attribute, name: &str) -> ScimError {
    let parts: Vec<&str> = attribute.sub_attributes.iter().map(|sub| sub.name.as_str()).collect();
    let fix = if parts.is_empty() { "It has none.".to_owned() } else { format!("It has {}.", parts.join(", ")) };
    invalid(format!("{} has no sub-attribute \"{}\". {fix}", attribute.name, shortened(name)))
}

fn comparison(path: ResolvedPath, op: CompareOp, value: &Literal, leniency: &Leniency) -> Result<Condition, ScimError> {
    if *value == Literal::Null {
        return match op {
            CompareOp::Eq => Ok(Condition::Not(Box::new(Condition::Present(path)))),
            CompareOp::Ne => Ok(Condition::Present(path)),
            _ => Err(invalid(format!("{path} cannot be compared with null by {op}. Use \"{path} pr\"."))),
        };
    }
    let path = path.comparable()?;
    let operand = operand(&path, value, leniency)?;
    let has_operator = match operand {
        Operand::Text(_) => path.leaf().data_type != DataType::Binary || matches!(op, CompareOp::Eq | CompareOp::Ne),
        Operand::Boolean(_) => matches!(op, CompareOp::Eq | CompareOp::Ne),
        Operand::Integer(_) | Operand::Decimal(_) | Operand::DateTime(_) => {
            !matches!(op, CompareOp::Co | CompareOp::Sw | CompareOp::Ew)
        }
    };
    if !has_operator {
        return Err(invalid(format!(
            "{path} is of type {} and cannot be compared by {op}. Use {}.",
            type_name(path.leaf().data_type),
            if matches!(operand, Operand::Text(_) | Operand::Boolean(_)) {
                "eq or ne"
            } else {
                "eq, ne, gt, ge, lt or le"
            },
        )));
    }
    Ok(Condition::Compare { path, op, operand })
}

fn operand(path: &ResolvedPath, value: &Literal, leniency: &Leniency) -> Result<Operand, ScimError> {
    let data_type = path.leaf().data_type;
    let found = match (data_type, value) {
        (DataType::String | DataType::Reference | DataType::Binary, Literal::Text(text)) => {
            Some(Operand::Text(text.clone()))
        }
        (DataType::Boolean, Literal::Boolean(value)) => Some(Operand::Boolean(*value)),
        (DataType::Boolean, Literal::Text(text)) => {
            filters::boolean_literal(&path.to_string(), text, leniency)?.map(Operand::Boolean)
        }
        (DataType::Integer, Literal::Number(number)) => number.as_i64().map(Operand::Integer),
        (DataType::Decimal, Literal::Number(number)) => number.as_f64().map(Operand::Decimal),
        (DataType::DateTime, Literal::Text(text)) => moment(text).map(Operand::DateTime),
        _ => None,
    };
    found.ok_or_else(|| {
        let wanted = match data_type {
            DataType::String | DataType::Reference | DataType::Binary => "a text in quotation marks",
            DataType::Boolean => "true or false",
            DataType::Integer => "a whole number",
            DataType::Decimal => "a number",
            DataType::DateTime => "a date and time in quotation marks, such as \"2026-11-21T08:15:30Z\"",
            DataType::Complex => "one of its sub-attributes' values",
        };
        invalid(format!("{path} is of type {}. Compare it with {wanted}.", type_name(data_type)))
    })
}

/// A moment that can be printed again: its year has four digits in UTC.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    const YEAR_0: i64 = -62_167_219_200_000_000;
    const YEAR_10000: i64 = 253_402_300_800_000_000;
    Timestamp::parse(text).ok().filter(|moment| (YEAR_0..YEAR_10000).contains(&moment.as_micros()))
}

pub(crate) const fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::String => "string",
        DataType::Boolean => "boolean",
        DataType::Decimal => "decimal",
        DataType::Integer => "integer",
        DataType::DateTime => "dateTime",
        DataType::Binary => "binary",
        DataType::Reference => "reference",
        DataType::Complex => "complex",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{limits::Limits, schema::Registry};

    #[test]
    fn addresses_and_etags_are_refused_rather_than_never_found() {
        let registry = Registry::standard();
        for (kind, filter) in [
            ("User", "meta.location pr"),
            ("User", "meta.version eq \"W/1\""),
            ("User", "not (META.Location eq null)"),
            ("User", "groups[$ref co \"Groups\"]"),
            ("Group", "members.$ref eq \"../Users/1\""),
        ] {
            let filter = Filter::parse(filter, &Limits::default()).unwrap();
            let refused = filter.resolve(registry.by_name(kind).unwrap(), &Leniency::lenient()).unwrap_err();
            assert_eq!(refused.scim_type, Some(ScimType::InvalidFilter), "{filter}");
            assert!(refused.detail.contains("Use "), "{}", refused.detail);
        }
    }
}
