//! Random filters as written.

use proptest::{prelude::*, sample::select};

use super::texts;
use crate::filter::{CompareOp, Filter, Literal};

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "userName",
            "title",
            "name.familyName",
            "$ref",
            "not",
            "and",
            "or",
            "pr",
            "urn:ietf:params:scim:schemas:core:2.0:User:userName",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z][a-zA-Z0-9_-]{0,8}(\\.[a-zA-Z$][a-zA-Z0-9]{0,5})?",
    ]
}

fn literals() -> impl Strategy<Value = Literal> {
    prop_oneof![
        4 => texts().prop_map(Literal::Text),
        1 => Just(Literal::Text(String::new())),
        1 => any::<bool>().prop_map(Literal::Boolean),
        1 => any::<i64>().prop_map(|number| Literal::Number(number.into())),
        1 => (-1.0e9..1.0e9).prop_filter_map("finite", serde_json::Number::from_f64).prop_map(Literal::Number),
        1 => Just(Literal::Null),
    ]
}

fn comparisons() -> impl Strategy<Value = Filter> + Clone {
    use CompareOp::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
    let compare = (names(), select(vec![Eq, Ne, Co, Sw, Ew, Gt, Ge, Lt, Le]), literals())
        .prop_map(|(name, op, value)| Filter::Compare { name, op, value });
    prop_oneof![4 => compare, 1 => names().prop_map(Filter::Present)].boxed()
}

fn combined(leaf: BoxedStrategy<Filter>) -> BoxedStrategy<Filter> {
    leaf.prop_recursive(4, 20, 3, |inner| {
        let several = proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            several.clone().prop_map(Filter::And),
            several.prop_map(Filter::Or),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
    .boxed()
}

/// Any filter that the grammar has, with names that need not exist.
pub fn filters() -> impl Strategy<Value = Filter> {
    let element = (names(), combined(comparisons().boxed()), proptest::option::of(comparisons()))
        .prop_map(|(name, filter, then)| Filter::Element { name, filter: Box::new(filter), then: then.map(Box::new) });
    combined(prop_oneof![4 => comparisons(), 1 => element].boxed())
}
