//! How much work a PATCH may make. Operations alone say little: one that looks through a list costs what the list is
//! long, and while a resource is changed other writers may wait.

use serde_json::{Map, Value};

use super::step::{Place, Step};
use crate::{
    error::{ScimError, ScimType},
    filter::Condition,
};

/// List elements and names that all operations of a PATCH may look at, an element once for each comparison with it.
const MOST: usize = 1_000_000;

/// What the steps so far have cost.
#[derive(Default)]
pub(super) struct Work(usize);

impl Work {
    /// Accounts for `step` before it is taken.
    ///
    /// # Errors
    /// 400 `tooMany` if the PATCH costs more than it may.
    pub(super) fn account(&mut self, step: &Step, document: &Map<String, Value>) -> Result<(), ScimError> {
        self.0 = self.0.saturating_add(cost(step, document));
        if self.0 <= MOST {
            return Ok(());
        }
        Err(ScimError::bad_request(
            ScimType::TooMany,
            "The operations of this PATCH look at too many values of the resource's lists. Nothing was changed. Send \
             fewer operations in one request, or replace the list as a whole.",
        ))
    }
}

fn cost(step: &Step, document: &Map<String, Value>) -> usize {
    match step {
        Step::OwnId(_) | Step::Unset(_) | Step::UnsetExtension(_) => 1,
        Step::Set { place, .. } | Step::SetSub { place, .. } => 1 + listed(place, document),
        Step::UnsetListed { place, listed: values } => 1 + listed(place, document).saturating_mul(values.len()),
        Step::SetElements { place, selection, .. }
        | Step::SetElementsSub { place, selection, .. }
        | Step::UnsetElements { place, selection } => {
            1 + listed(place, document).saturating_mul(1 + comparisons(&selection.condition))
        }
        Step::Foreign { urn, names, value, .. } => {
            // Each name is looked for among those that are there, and among those set before it.
            let there = foreign(urn, names, document);
            let named = value.as_object().map_or(1, Map::len);
            let names = named.saturating_mul(1 + there.names + named / 2);
            document.len().saturating_add(names).saturating_add(there.listed)
        }
    }
}

/// How many values the list at `place` has.
fn listed(place: &Place, document: &Map<String, Value>) -> usize {
    let holder = match &place.extension {
        None => Some(document),
        Some(urn) => document.get(urn).and_then(Value::as_object),
    };
    holder.and_then(|holder| holder.get(&place.attribute.name)).and_then(Value::as_array).map_or(0, Vec::len)
}

/// What stands on the way into an extension that nobody registered.
#[derive(Default)]
struct Foreign {
    names: usize,
    /// Values of lists.
    listed: usize,
}

fn foreign(urn: &str, names: &[String], document: &Map<String, Value>) -> Foreign {
    let mut level = Some(document);
    let mut there = Foreign::default();
    for name in std::iter::once(urn).chain(names.iter().map(String::as_str)) {
        let found = level.and_then(|map| map.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
        level = found.and_then(|(_, value)| value.as_object());
        there.names += level.map_or(0, Map::len);
        let lists = level.into_iter().flat_map(Map::values).filter_map(Value::as_array);
        there.listed += lists.map(Vec::len).sum::<usize>();
    }
    there
}

fn comparisons(condition: &Condition) -> usize {
    match condition {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().map(comparisons).sum(),
        Condition::Not(inner) => comparisons(inner),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::{
        Document, Limits, PatchPlan, accept,
        quirks::Leniency,
        schema::{Registry, ResourceType},
    };

    fn user() -> Arc<ResourceType> {
        Arc::clone(Registry::standard().by_name("User").unwrap())
    }

    fn with_emails(count: usize) -> Document {
        let emails: Vec<Value> = (0..count).map(|number| json!({"value": format!("u{number}@example.com")})).collect();
        let body = json!({"userName": "a", "emails": emails});
        accept(&user(), body, &Limits::default(), &Leniency::lenient()).unwrap().document
    }

    fn patched(operations: Vec<Value>, document: &Document) -> Result<Document, ScimError> {
        let body = json!({"Operations": operations});
        PatchPlan::parse(body, &user(), &Limits::default(), &Leniency::lenient()).unwrap().apply("id", document)
    }

    #[test]
    fn many_operations_on_a_short_list_are_taken() {
        let set = |number| json!({"op": "replace", "path": format!("emails[value eq \"u{number}@example.com\"].display"), "value": "x"});
        assert!(patched((0..1000).map(|number| set(number % 100)).collect(), &with_emails(100)).is_ok());
    }

    #[test]
    fn many_operations_on_a_long_list_are_refused() {
        let terms = vec!["value co \"z\""; 64].join(" or ");
        let operation = json!({"op": "remove", "path": format!("emails[{terms}]")});
        let error = patched(vec![operation; 1000], &with_emails(1000)).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::TooMany));
    }

    #[test]
    fn names_that_pile_up_below_a_foreign_extension_are_refused() {
        let names = |part: usize| -> Value {
            let urn = "urn:example:extension:2.0:User:a";
            (0..1000).map(|name| (format!("{urn}.n{part}-{name}"), json!(1))).collect::<Map<_, _>>().into()
        };
        let operation = |part| json!({"op": "add", "value": names(part)});
        let error = patched((0..100).map(operation).collect(), &with_emails(1)).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::TooMany));
    }

    #[test]
    fn values_that_pile_up_in_a_list_of_a_foreign_extension_are_refused() {
        let values = |part: usize| -> Value { (0..5_000).map(|value| json!(format!("{part}-{value}"))).collect() };
        let operation =
            |part| json!({"op": "add", "path": "urn:example:extension:2.0:User:list", "value": values(part)});
        assert!(patched(vec![operation(0)], &with_emails(1)).is_ok());
        let error = patched((0..100).map(operation).collect(), &with_emails(1)).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::TooMany));
    }

    #[test]
    fn names_that_pile_up_in_a_foreign_extension_are_refused() {
        let block = |part: usize| -> Value {
            (0..1000).map(|name| (format!("n{part}-{name}"), json!(1))).collect::<Map<_, _>>().into()
        };
        let operation = |part| json!({"op": "add", "path": "urn:example:extension:2.0:User", "value": block(part)});
        assert!(patched(vec![operation(0)], &with_emails(1)).is_ok());
        let error = patched((0..100).map(operation).collect(), &with_emails(1)).unwrap_err();
        assert_eq!(error.scim_type, Some(ScimType::TooMany));
    }
}
