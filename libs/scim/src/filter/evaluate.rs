//! A condition evaluated in memory. The store's SQL is tested against this.

use std::{borrow::Cow, cmp::Ordering};

use rollcall_base::Timestamp;
use serde_json::Value;

use super::{CompareOp, Condition, Operand, ResolvedPath};
use crate::{schema::Attribute, text::fold};

impl Condition {
    /// Whether a resource fulfils it. `resource` is the full representation as a JSON object: `id`, `meta`,
    /// `externalId`, attributes under their canonical names, extensions under their URNs, `members` and `groups` where
    /// the condition names them.
    pub fn matches(&self, resource: &Value) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(resource)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(resource)),
            Self::Not(inner) => !inner.matches(resource),
            Self::Compare { path, op, operand } => compares(&path.values(resource), path.leaf(), *op, operand),
            Self::Present(path) => path.values(resource).into_iter().any(is_present),
            Self::Element { path, condition } => {
                path.values(resource).into_iter().any(|element| condition.matches_element(element))
            }
        }
    }

    /// Whether one element of a complex attribute fulfils the condition, whose paths are of its sub-attributes.
    pub fn matches_element(&self, element: &Value) -> bool {
        let values = |path: &ResolvedPath| -> Vec<&Value> {
            let value = match &path.sub_attribute {
                Some(sub) => element.get(&sub.name),
                None => Some(element),
            };
            flattened(value)
        };
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches_element(element)),
            Self::Or(parts) => parts.iter().any(|part| part.matches_element(element)),
            Self::Not(inner) => !inner.matches_element(element),
            Self::Compare { path, op, operand } => compares(&values(path), path.leaf(), *op, operand),
            Self::Present(path) => values(path).into_iter().any(is_present),
            Self::Element { condition, .. } => condition.matches_element(element),
        }
    }
}

impl ResolvedPath {
    /// The values that the path selects in a representation; those of all elements for multi-valued attributes.
    pub fn values<'v>(&self, resource: &'v Value) -> Vec<&'v Value> {
        let holder = match &self.extension {
            Some(urn) => resource.get(&**urn),
            None => Some(resource),
        };
        let values = flattened(holder.and_then(|holder| holder.get(&self.attribute.name)));
        match &self.sub_attribute {
            None => values,
            Some(sub) => values.into_iter().flat_map(|value| flattened(value.get(&sub.name))).collect(),
        }
    }
}

fn flattened(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().collect(),
        Some(value) => vec![value],
    }
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn compares(values: &[&Value], attribute: &Attribute, op: CompareOp, operand: &Operand) -> bool {
    match op {
        // By definition not(eq): see `CompareOp::Ne`.
        CompareOp::Ne => !compares(values, attribute, CompareOp::Eq, operand),
        _ => values.iter().any(|value| one_compares(value, attribute, op, operand)),
    }
}

fn one_compares(value: &Value, attribute: &Attribute, op: CompareOp, operand: &Operand) -> bool {
    match (operand, value) {
        (Operand::Text(wanted), Value::String(text)) => {
            let shape = |text: &'_ str| -> String { if attribute.case_exact { text.to_owned() } else { fold(text) } };
            let (text, wanted): (Cow<'_, str>, Cow<'_, str>) = (shape(text).into(), shape(wanted).into());
            match op {
                CompareOp::Co => text.contains(&*wanted),
                CompareOp::Sw => text.starts_with(&*wanted),
                CompareOp::Ew => text.ends_with(&*wanted),
                _ => ordered(op, text.cmp(&wanted)),
            }
        }
        (Operand::Boolean(wanted), Value::Bool(value)) => ordered(op, value.cmp(wanted)),
        (Operand::Integer(wanted), Value::Number(number)) => match number.as_i64() {
            Some(number) => ordered(op, number.cmp(wanted)),
            None => false,
        },
        (Operand::Decimal(wanted), Value::Number(number)) => {
            number.as_f64().and_then(|number| number.partial_cmp(wanted)).is_some_and(|order| ordered(op, order))
        }
        (Operand::DateTime(wanted), Value::String(text)) => {
            Timestamp::parse(text).is_ok_and(|moment| ordered(op, moment.cmp(wanted)))
        }
        _ => false,
    }
}

fn ordered(op: CompareOp, order: Ordering) -> bool {
    match op {
        CompareOp::Eq => order.is_eq(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Ne | CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;
    use crate::{
        Document, Envelope, Limits,
        filter::Filter,
        generators::{comparable_paths, conditions, documents, tries},
        quirks::Leniency,
        represent,
        schema::{Registry, ResourceType},
    };

    fn user() -> Arc<ResourceType> {
        Arc::clone(Registry::standard().by_name("User").unwrap())
    }

    fn condition(text: &str) -> Condition {
        Filter::parse(text, &Limits::default()).unwrap().resolve(&user(), &Leniency::lenient()).unwrap()
    }

    fn representation(document: &Document) -> Value {
        let user = user();
        let envelope = Envelope {
            id: "a",
            resource_type: &user,
            version: "W/\"1\"",
            created: Timestamp::parse("2010-01-23T04:56:22Z").unwrap(),
            last_modified: Timestamp::parse("2015-10-10T21:38:21.861797Z").unwrap(),
            location: "https://example.com/Users/a",
        };
        Value::Object(represent(&envelope, document, Map::new()))
    }

    #[test]
    fn ne_is_not_eq_for_absent_and_for_several_values() {
        let resource = json!({"userName": "a", "emails": [{"value": "x"}, {"value": "y"}]});
        assert!(condition("title ne \"x\"").matches(&resource));
        assert!(!condition("emails ne \"x\"").matches(&resource));
        assert!(condition("emails ne \"z\"").matches(&resource));
        assert!(condition("emails[value ne \"x\"]").matches(&resource), "the second element is not x");
    }

    #[test]
    fn texts_compare_folded_unless_the_attribute_is_case_exact() {
        let resource = json!({"id": "A", "userName": "STRASSE", "externalId": "A"});
        assert!(condition("userName eq \"straße\"").matches(&resource));
        assert!(condition("userName sw \"STRASS\"").matches(&resource));
        assert!(condition("id eq \"A\" and externalId eq \"A\"").matches(&resource));
        assert!(!condition("id eq \"a\" or externalId eq \"a\"").matches(&resource));
    }

    #[test]
    fn moments_compare_as_moments() {
        let resource = json!({"meta": {"lastModified": "2015-10-10T21:38:21.861797Z"}});
        assert!(condition("meta.lastModified eq \"2015-10-10T14:38:21.8617979-07:00\"").matches(&resource));
        assert!(condition("meta.lastModified ge \"0001-01-03T00:00:00.0000000Z\"").matches(&resource));
        assert!(!condition("meta.lastModified gt \"2015-10-10T21:38:21.861797Z\"").matches(&resource));
    }

    #[test]
    fn a_value_path_wants_one_element_that_fulfils_all() {
        let resource = json!({"emails": [{"type": "work", "value": "a"}, {"type": "home", "value": "b"}]});
        assert!(condition("emails[type eq \"work\" and value eq \"a\"]").matches(&resource));
        assert!(!condition("emails[type eq \"work\" and value eq \"b\"]").matches(&resource));
        assert!(condition("emails.type eq \"work\" and emails.value eq \"b\"").matches(&resource));
        assert!(condition("emails[type eq \"work\"].value eq \"A\"").matches(&resource));
    }

    #[test]
    fn empty_values_are_not_present() {
        let resource = json!({"title": "", "emails": [], "name": {}, "active": false});
        for absent in ["title pr", "emails pr", "name pr", "nickName pr", "title ne null", "not (nickName eq null)"] {
            assert!(!condition(absent).matches(&resource), "{absent}");
        }
        assert!(condition("active pr").matches(&resource));
    }

    proptest! {
        #![proptest_config(tries(64))]

        #[test]
        fn the_laws_of_logic_hold(
            document in documents(&user()),
            a in conditions(comparable_paths(&user())),
            b in conditions(comparable_paths(&user())),
        ) {
            let resource = representation(&document);
            let holds = |condition: Condition| condition.matches(&resource);
            let not = |condition: &Condition| Condition::Not(Box::new(condition.clone()));
            let pair = |one: &Condition, other: &Condition| vec![one.clone(), other.clone()];
            prop_assert_eq!(holds(not(&not(&a))), holds(a.clone()));
            prop_assert_eq!(holds(not(&Condition::And(pair(&a, &b)))), holds(Condition::Or(pair(&not(&a), &not(&b)))));
            prop_assert_eq!(holds(not(&Condition::Or(pair(&a, &b)))), holds(Condition::And(pair(&not(&a), &not(&b)))));
            prop_assert_eq!(holds(Condition::And(pair(&a, &b))), holds(Condition::And(pair(&b, &a))));
            prop_assert_eq!(holds(Condition::Or(pair(&a, &b))), holds(Condition::Or(pair(&b, &a))));
            prop_assert_eq!(holds(Condition::And(pair(&a, &b))), holds(a.clone()) && holds(b.clone()));
            prop_assert_eq!(holds(Condition::Or(pair(&a, &b))), holds(a.clone()) || holds(b));
        }

        #[test]
        fn a_condition_prints_as_the_filter_that_resolves_to_it(condition in conditions(comparable_paths(&user()))) {
            let text = condition.to_string();
            let wide = Limits { filter_terms: 10_000, filter_bytes: 1 << 20, ..Limits::default() };
            let again = Filter::parse(&text, &wide).unwrap().resolve(&user(), &Leniency::strict());
            prop_assert_eq!(again, Ok(condition), "{}", text);
        }

        #[test]
        fn an_indexed_equality_finds_what_the_evaluator_finds(
            document in documents(&user()),
            condition in conditions(comparable_paths(&user())),
        ) {
            if let Condition::Compare { path, op: CompareOp::Eq, operand } = &condition
                && let Some(id) = path.leaf().index
            {
                let key = crate::index::operand_key(path, operand).unwrap();
                let indexed = crate::index::indexed_values(&user(), &document).contains(&(id, key));
                prop_assert_eq!(indexed, condition.matches(&representation(&document)));
            }
        }
    }
}
