//! PATCH once more, written from the rules alone: slow, on plain structures, without schema, paths or plan. The plan must
//! come to the same result.

use std::collections::BTreeMap;

use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::PatchPlan;
use crate::{Document, Limits, ScimType, accept, generators::tries, quirks::Leniency, schema::Registry};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const SINGLES: [&str; 4] =
    ["title", "nickName", "active", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"];
const LISTS: [&str; 2] = ["emails", "phoneNumbers"];

type Element = BTreeMap<&'static str, Value>;

/// A user as three kinds of attributes.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    singles: BTreeMap<&'static str, Value>,
    name: BTreeMap<&'static str, Value>,
    lists: BTreeMap<&'static str, Vec<Element>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

#[derive(Debug, Clone)]
enum Change {
    Single(&'static str, Value),
    Name(BTreeMap<&'static str, Value>),
    NamePart(&'static str, Value),
    List(&'static str, Vec<Element>),
    /// `emails[type eq "…"]`
    Elements(&'static str, &'static str, Element),
    /// `emails[type eq "…"].value`
    Parts(&'static str, &'static str, &'static str, Value),
}

/// Without path: several attributes in one value.
#[derive(Debug, Clone)]
enum Operation {
    Path(Verb, Change),
    Value(Verb, Model),
}

fn is_primary(element: &Element) -> bool {
    element.get("primary") == Some(&json!(true))
}

/// Of the primaries one stays: the first of the new ones, else the first. Then nothing stands twice.
fn tidy(list: &mut Vec<Element>, new: impl Fn(usize) -> bool) {
    let primaries: Vec<usize> = (0..list.len()).filter(|at| is_primary(&list[*at])).collect();
    let keep = primaries.iter().copied().find(|at| new(*at)).or(primaries.first().copied());
    for at in primaries {
        if Some(at) != keep {
            list[at].insert("primary", json!(false));
        }
    }
    let mut once: Vec<Element> = Vec::new();
    for element in list.drain(..) {
        if !once.contains(&element) {
            once.push(element);
        }
    }
    *list = once;
}

impl Model {
    /// `false`: no target.
    fn apply(&mut self, verb: Verb, change: &Change) -> bool {
        match change {
            Change::Single(name, value) => match verb {
                Verb::Remove => drop(self.singles.remove(name)),
                _ => drop(self.singles.insert(name, value.clone())),
            },
            Change::Name(parts) => match verb {
                Verb::Remove => self.name.clear(),
                _ => self.name.extend(parts.clone()),
            },
            Change::NamePart(part, value) => match verb {
                Verb::Remove => drop(self.name.remove(part)),
                _ => drop(self.name.insert(part, value.clone())),
            },
            Change::List(name, elements) => {
                let list = self.lists.entry(name).or_default();
                let before = list.len();
                match verb {
                    Verb::Remove => list.clear(),
                    Verb::Replace => {
                        *list = elements.clone();
                        tidy(list, |_| false);
                    }
                    Verb::Add => {
                        let mut sent = elements.clone();
                        tidy(&mut sent, |_| false);
                        let fresh: Vec<Element> = sent.into_iter().filter(|element| !list.contains(element)).collect();
                        list.extend(fresh);
                        tidy(list, |at| at >= before);
                    }
                }
            }
            Change::Elements(name, kind, element) => {
                let list = self.lists.entry(name).or_default();
                let mut hits: Vec<usize> =
                    (0..list.len()).filter(|at| list[*at].get("type") == Some(&json!(kind))).collect();
                match verb {
                    Verb::Remove => {
                        list.retain(|element| element.get("type") != Some(&json!(kind)));
                        return true;
                    }
                    Verb::Replace if hits.is_empty() => return false,
                    Verb::Replace => hits.iter().for_each(|at| list[*at] = element.clone()),
                    Verb::Add => {
                        if hits.is_empty() {
                            hits.push(list.len());
                            list.push(Element::from([("type", json!(kind))]));
                        }
                        hits.iter().for_each(|at| list[*at].extend(element.clone()));
                    }
                }
                tidy(list, |at| hits.contains(&at));
            }
            Change::Parts(name, kind, part, value) => {
                let list = self.lists.entry(name).or_default();
                let mut hits: Vec<usize> =
                    (0..list.len()).filter(|at| list[*at].get("type") == Some(&json!(kind))).collect();
                if verb == Verb::Remove {
                    for at in hits.iter().rev() {
                        list[*at].remove(part);
                        if !list[*at].contains_key("value") {
                            list.remove(*at);
                        }
                    }
                    return true;
                }
                if hits.is_empty() {
                    hits.push(list.len());
                    list.push(Element::from([("type", json!(kind))]));
                }
                hits.iter().for_each(|at| drop(list[*at].insert(part, value.clone())));
                tidy(list, |at| hits.contains(&at));
            }
        }
        true
    }

    fn run(&mut self, operation: &Operation) -> bool {
        match operation {
            Operation::Path(verb, change) => self.apply(*verb, change),
            Operation::Value(verb, value) => value.changes().iter().all(|change| self.apply(*verb, change)),
        }
    }

    fn changes(&self) -> Vec<Change> {
        let singles = self.singles.iter().map(|(name, value)| Change::Single(name, value.clone()));
        let name = (!self.name.is_empty()).then(|| Change::Name(self.name.clone()));
        let lists = self.lists.iter().map(|(name, list)| Change::List(name, list.clone()));
        singles.chain(name).chain(lists).collect()
    }

    fn to_json(&self) -> Map<String, Value> {
        let mut map = Map::from_iter([("userName".to_owned(), json!("u"))]);
        for (name, value) in &self.singles {
            match name.strip_prefix(ENTERPRISE) {
                Some(name) => drop(map.insert(ENTERPRISE.to_owned(), json!({ &name[1..]: value }))),
                None => drop(map.insert((*name).to_owned(), value.clone())),
            }
        }
        if !self.name.is_empty() {
            map.insert("name".to_owned(), json!(self.name));
        }
        for (name, list) in self.lists.iter().filter(|(_, list)| !list.is_empty()) {
            map.insert((*name).to_owned(), json!(list));
        }
        map
    }
}

impl Operation {
    fn to_json(&self) -> Value {
        match self {
            Self::Path(verb, change) => {
                let (path, value) = match change {
                    Change::Single(name, value) => ((*name).to_owned(), value.clone()),
                    Change::Name(parts) => ("name".to_owned(), json!(parts)),
                    Change::NamePart(part, value) => (format!("name.{part}"), value.clone()),
                    Change::List(name, list) => ((*name).to_owned(), json!(list)),
                    Change::Elements(name, kind, element) => (format!("{name}[type eq \"{kind}\"]"), json!(element)),
                    Change::Parts(name, kind, part, value) => {
                        (format!("{name}[type eq \"{kind}\"].{part}"), value.clone())
                    }
                };
                match verb {
                    Verb::Add => json!({"op": "add", "path": path, "value": value}),
                    Verb::Replace => json!({"op": "replace", "path": path, "value": value}),
                    Verb::Remove => json!({"op": "remove", "path": path}),
                }
            }
            Self::Value(verb, model) => {
                let mut value = model.to_json();
                value.remove("userName");
                json!({"op": if *verb == Verb::Add { "add" } else { "replace" }, "value": value})
            }
        }
    }
}

fn texts() -> impl Strategy<Value = Value> {
    select(vec!["a", "b", "c"]).prop_map(Value::from)
}

fn elements() -> impl Strategy<Value = Element> {
    let kind = proptest::option::of(select(vec!["work", "home"]));
    (texts(), kind, proptest::option::of(any::<bool>())).prop_map(|(value, kind, primary)| {
        let mut element = Element::from([("value", value)]);
        element.extend(kind.map(|kind| ("type", json!(kind))));
        element.extend(primary.map(|primary| ("primary", json!(primary))));
        element
    })
}

fn singles() -> impl Strategy<Value = (&'static str, Value)> {
    select(SINGLES.to_vec()).prop_flat_map(|name| {
        let value = if name == "active" { any::<bool>().prop_map(Value::from).boxed() } else { texts().boxed() };
        value.prop_map(move |value| (name, value))
    })
}

fn names() -> impl Strategy<Value = BTreeMap<&'static str, Value>> {
    proptest::collection::btree_map(select(vec!["givenName", "familyName", "middleName"]), texts(), 1..3)
}

fn models() -> impl Strategy<Value = Model> {
    let lists =
        proptest::collection::btree_map(select(LISTS.to_vec()), proptest::collection::vec(elements(), 1..4), 0..2);
    let singles = proptest::collection::vec(singles(), 0..3);
    (singles, proptest::option::of(names()), lists).prop_map(|(singles, name, lists)| Model {
        singles: singles.into_iter().collect(),
        name: name.unwrap_or_default(),
        lists,
    })
}

fn changes() -> impl Strategy<Value = Change> {
    let list = || select(LISTS.to_vec());
    let kind = || select(vec!["work", "home", "other"]);
    let part = prop_oneof![
        texts().prop_map(|value| ("value", value)),
        any::<bool>().prop_map(|value| ("primary", json!(value))),
    ];
    prop_oneof![
        singles().prop_map(|(name, value)| Change::Single(name, value)),
        names().prop_map(Change::Name),
        (select(vec!["givenName", "familyName"]), texts()).prop_map(|(part, value)| Change::NamePart(part, value)),
        (list(), proptest::collection::vec(elements(), 1..3)).prop_map(|(name, list)| Change::List(name, list)),
        (list(), kind(), elements()).prop_map(|(name, kind, element)| Change::Elements(name, kind, element)),
        (list(), kind(), part).prop_map(|(name, kind, (part, value))| Change::Parts(name, kind, part, value)),
    ]
}

fn operations() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (select(vec![Verb::Add, Verb::Replace, Verb::Remove]), changes())
            .prop_map(|(verb, change)| Operation::Path(verb, change)),
        1 => (select(vec![Verb::Add, Verb::Replace]), models()).prop_map(|(verb, model)| Operation::Value(verb, model)),
    ]
}

/// The model of a new user and its document.
fn start(model: &Model) -> (Model, Document) {
    let mut tidied = model.clone();
    tidied.lists.values_mut().for_each(|list| tidy(list, |_| false));
    let user = Registry::standard().by_name("User").cloned().unwrap();
    let body = Value::Object(model.to_json());
    (tidied, accept(&user, body, &Limits::default(), &Leniency::lenient()).unwrap().document)
}

proptest! {
    #![proptest_config(tries(400))]

    #[test]
    fn a_plan_does_what_the_reference_does(
        model in models(),
        operations in proptest::collection::vec(operations(), 1..6),
    ) {
        let user = Registry::standard().by_name("User").cloned().unwrap();
        let (mut model, document) = start(&model);
        prop_assert_eq!(&Value::Object(model.to_json()), &Value::Object(document.attributes().clone()));
        let body = json!({"Operations": operations.iter().map(Operation::to_json).collect::<Vec<_>>()});
        let plan = PatchPlan::parse(body, &user, &Limits::default(), &Leniency::lenient()).unwrap();
        let outcome = plan.apply("id", &document);
        if operations.iter().all(|operation| model.run(operation)) {
            prop_assert_eq!(Value::Object(outcome.unwrap().attributes().clone()), Value::Object(model.to_json()));
        } else {
            prop_assert_eq!(outcome.unwrap_err().scim_type, Some(ScimType::NoTarget));
        }
    }
}
