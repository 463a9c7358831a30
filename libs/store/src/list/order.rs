//! In which order a list is.

use rollcall_base::Timestamp;
use rollcall_scim::{
    fold,
    schema::{Attribute, DataType, ResourceType},
};
use serde_json::Value;

use crate::{PageKey, Sort, StoredResource, directory::name_attribute, keys::value_key, resource::SortKey};

/// An order. Those that are equal in it are in the order of their ids.
pub(super) struct Order<'a> {
    sort: Option<&'a Sort>,
    column: Option<Column>,
    pub(super) descending: bool,
}

/// An order that an index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Id,
    Name,
    Created,
    Modified,
}

impl Column {
    /// The column that comes before the id; none if the id is all.
    pub(super) const fn sql(self) -> Option<&'static str> {
        match self {
            Self::Id => None,
            Self::Name => Some("r.name_key"),
            Self::Created => Some("r.created_at"),
            Self::Modified => Some("r.modified_at"),
        }
    }
}

impl<'a> Order<'a> {
    pub(super) fn of(resource_type: &ResourceType, sort: Option<&'a Sort>) -> Self {
        let column = match sort {
            None => Some(Column::Id),
            Some(Sort { path, .. }) if path.extension.is_none() => {
                let sub = path.sub_attribute.as_ref().map(|sub| sub.name.as_str());
                match (path.attribute.name.as_str(), sub) {
                    ("id", None) => Some(Column::Id),
                    ("meta", Some("created")) => Some(Column::Created),
                    ("meta", Some("lastModified")) => Some(Column::Modified),
                    (name, None) if Some(name) == name_attribute(resource_type.kind) => Some(Column::Name),
                    _ => None,
                }
            }
            Some(_) => None,
        };
        Self { sort, column, descending: sort.is_some_and(|sort| sort.descending) }
    }

    /// The index that has it, if one does.
    pub(super) fn column(&self) -> Option<Column> {
        self.column
    }

    /// The path sorted by, for telling the client.
    pub(super) fn path(&self) -> Option<String> {
        self.sort.map(|sort| sort.path.to_string())
    }

    /// The place of a resource in it. `representation` is what conditions are evaluated on.
    pub(super) fn key(&self, resource: &StoredResource, representation: Option<&Value>) -> PageKey {
        let value = match (self.column, self.sort) {
            (Some(Column::Id), _) => SortKey::None,
            (Some(Column::Created), _) => SortKey::Number(resource.created_at.as_micros()),
            (Some(Column::Modified), _) => SortKey::Number(resource.modified_at.as_micros()),
            (Some(Column::Name), _) => {
                let name = name_attribute(resource.kind).and_then(|name| resource.document.attributes().get(name));
                SortKey::Text(value_key(&fold(name.and_then(Value::as_str).unwrap_or_default())))
            }
            (None, Some(sort)) => representation.map_or(SortKey::None, |representation| key_of(sort, representation)),
            (None, None) => SortKey::None,
        };
        PageKey { value, id: resource.id }
    }
}

/// The value that a resource sorts by: of the primary element, else of the first.
fn key_of(sort: &Sort, representation: &Value) -> SortKey {
    let path = &sort.path;
    let whole = rollcall_scim::filter::ResolvedPath { sub_attribute: None, ..path.clone() };
    let elements = whole.values(representation);
    let primary = elements.iter().find(|element| element.get("primary") == Some(&Value::Bool(true)));
    let Some(element) = primary.or(elements.first()) else { return SortKey::None };
    let value = match &path.sub_attribute {
        Some(sub) => element.get(&sub.name),
        None => Some(*element),
    };
    value.map_or(SortKey::None, |value| comparable(path.leaf(), value))
}

fn comparable(attribute: &Attribute, value: &Value) -> SortKey {
    match value {
        Value::Bool(value) => SortKey::Number(i64::from(*value)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) if attribute.data_type != DataType::Decimal => SortKey::Number(number),
            (_, Some(number)) => SortKey::Number(in_order(number)),
            _ => SortKey::None,
        },
        Value::String(text) if attribute.data_type == DataType::DateTime => {
            Timestamp::parse(text).map_or(SortKey::None, |moment| SortKey::Number(moment.as_micros()))
        }
        Value::String(text) if attribute.case_exact => SortKey::Text(text.clone()),
        Value::String(text) => SortKey::Text(fold(text)),
        _ => SortKey::None,
    }
}

/// Whole numbers in the order of the real ones: their bits, with those of negative ones turned round.
fn in_order(number: f64) -> i64 {
    let bits = (number + 0.0).to_bits().cast_signed();
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_numbers_keep_their_order() {
        let numbers = [f64::MIN, -2.5, -1.0, -0.0, 0.5, 1.0, 1e300];
        assert!(numbers.windows(2).all(|pair| in_order(pair[0]) < in_order(pair[1])));
        assert_eq!(in_order(-0.0), in_order(0.0));
    }
}
