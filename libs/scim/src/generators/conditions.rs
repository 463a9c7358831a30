//! Random conditions.

use std::sync::Arc;

use proptest::{prelude::*, sample::select};
use rollcall_base::Timestamp;

use super::{moments, texts};
use crate::{
    filter::{CompareOp, Condition, Operand, ResolvedPath},
    schema::{Attribute, DataType, ResourceType, Returned, Schema},
};

/// Every path of a value that a filter may compare: core, common and extension attributes, without `members`, `groups`
/// and `schemas`, which are in no document.
pub fn comparable_paths(resource_type: &ResourceType) -> Vec<ResolvedPath> {
    let extensions = resource_type.extensions.iter().flat_map(|extension| {
        extension.schema.attributes.iter().map(move |attribute| (Some(&extension.schema), attribute))
    });
    let core = resource_type.common.iter().chain(&resource_type.schema.attributes).map(|attribute| (None, attribute));
    core.chain(extensions)
        .filter(|(_, attribute)| !matches!(attribute.name.as_str(), "members" | "groups" | "schemas"))
        .filter(|(_, attribute)| attribute.returned != Returned::Never)
        .flat_map(|(schema, attribute)| leaves(schema, attribute))
        .filter_map(|path| path.stored().ok())
        .collect()
}

fn leaves(schema: Option<&Arc<Schema>>, attribute: &Arc<Attribute>) -> Vec<ResolvedPath> {
    let path = |sub: Option<&Arc<Attribute>>| ResolvedPath {
        extension: schema.map(|schema| Arc::from(schema.id.as_str())),
        attribute: Arc::clone(attribute),
        sub_attribute: sub.map(Arc::clone),
    };
    match attribute.data_type {
        DataType::Complex => attribute.sub_attributes.iter().map(|sub| path(Some(sub))).collect(),
        _ => vec![path(None)],
    }
}

/// Conditions over `paths`, which must not be empty: comparisons with every operator that the type has, presence, value
/// paths, `and`, `or` and `not`.
pub fn conditions(paths: Vec<ResolvedPath>) -> impl Strategy<Value = Condition> {
    let elements: Vec<Vec<ResolvedPath>> = paths
        .iter()
        .filter(|path| path.attribute.multi_valued && path.sub_attribute.is_some())
        .map(|path| paths.iter().filter(|other| Arc::ptr_eq(&other.attribute, &path.attribute)).cloned().collect())
        .collect();
    let leaf = leaves_of(paths);
    let leaf = if elements.is_empty() {
        leaf
    } else {
        let element = select(elements).prop_flat_map(|subs| {
            let holder = ResolvedPath { sub_attribute: None, ..subs[0].clone() };
            combined(leaves_of(subs), 2)
                .prop_map(move |condition| Condition::Element { path: holder.clone(), condition: Box::new(condition) })
        });
        prop_oneof![4 => leaf, 1 => element].boxed()
    };
    combined(leaf, 3)
}

fn leaves_of(paths: Vec<ResolvedPath>) -> BoxedStrategy<Condition> {
    let compare = select(paths.clone()).prop_flat_map(|path| {
        (operands(path.leaf()), select(operators(path.leaf().data_type)))
            .prop_map(move |(operand, op)| Condition::Compare { path: path.clone(), op, operand })
    });
    prop_oneof![5 => compare, 1 => select(paths).prop_map(Condition::Present)].boxed()
}

fn combined(leaf: BoxedStrategy<Condition>, depth: u32) -> BoxedStrategy<Condition> {
    leaf.prop_recursive(depth, 12, 3, |inner| {
        let several = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            several.clone().prop_map(Condition::And),
            several.prop_map(Condition::Or),
            inner.prop_map(|inner| Condition::Not(Box::new(inner))),
        ]
    })
    .boxed()
}

fn operators(data_type: DataType) -> Vec<CompareOp> {
    use CompareOp::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
    match data_type {
        DataType::String | DataType::Reference => vec![Eq, Eq, Ne, Co, Sw, Ew, Gt, Ge, Lt, Le],
        DataType::Boolean | DataType::Binary | DataType::Complex => vec![Eq, Ne],
        DataType::Decimal | DataType::Integer | DataType::DateTime => vec![Eq, Ne, Gt, Ge, Lt, Le],
    }
}

fn operands(attribute: &Attribute) -> BoxedStrategy<Operand> {
    match attribute.data_type {
        DataType::String | DataType::Reference | DataType::Complex => texts().prop_map(Operand::Text).boxed(),
        DataType::Binary => select(vec!["QUJD", "qujd"]).prop_map(|text| Operand::Text(text.to_owned())).boxed(),
        DataType::Boolean => any::<bool>().prop_map(Operand::Boolean).boxed(),
        DataType::Decimal => (-4_i32..4).prop_map(|half| Operand::Decimal(f64::from(half) / 2.0)).boxed(),
        DataType::Integer => (-2_i64..3).prop_map(Operand::Integer).boxed(),
        DataType::DateTime => {
            moments().prop_map(|text| Operand::DateTime(Timestamp::parse(&text).unwrap_or_default())).boxed()
        }
    }
}
