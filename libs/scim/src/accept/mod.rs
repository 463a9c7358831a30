//! From a POST or PUT body to a canonical document.

mod checks;
mod members;
mod schemas;
pub(crate) mod value;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

pub(crate) use checks::{check_immutable, check_required};
pub(crate) use members::member_ids;
pub(crate) use schemas::is_known_core;
use value::{Reader, Unset};

use crate::{
    document::Document,
    error::{ScimError, ScimType},
    json::wipe,
    limits::Limits,
    quirks::{Leniency, names, put},
    schema::{Attribute, Mutability, ResourceType, Returned, Schema},
};

/// A body that was accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The attributes in canonical form.
    pub document: Document,
    /// The members' ids as sent, each once; none if the body does not name members.
    pub members: Option<Vec<String>>,
    /// A password came; it is gone.
    pub password_sent: bool,
    /// The attributes and extensions that the body names, with a value or without, in lower case.
    named: BTreeSet<String>,
}

/// Brings a POST or PUT body into canonical form: names spelled as in the schema, unset values gone, what is read-only
/// or unknown left out, at most one primary in a list, no value twice.
///
/// # Errors
/// 400 `invalidSyntax` if it is no object or of another resource type; 400 `invalidValue` for a missing required
/// attribute or a value of another type; 413 beyond a limit; what a strict directory refuses.
pub fn accept(
    resource_type: &ResourceType,
    body: Value,
    limits: &Limits,
    leniency: &Leniency,
) -> Result<Draft, ScimError> {
    let Value::Object(mut body) = body else {
        return Err(ScimError::bad_request(
            ScimType::InvalidSyntax,
            format!("The request body is not a JSON object. Send one {} as an object.", resource_type.name),
        ));
    };
    let password_sent = wipe_secrets(resource_type, &mut body);
    let reader = Reader { resource_type, limits, leniency };
    let mut draft = Draft { document: Document::default(), members: None, password_sent, named: BTreeSet::new() };
    let mut document = Map::new();
    let mut schemas = None;
    for (name, value) in body {
        draft.named.insert(name.to_ascii_lowercase());
        if name.eq_ignore_ascii_case("schemas") {
            schemas = Some(value);
        } else if let Some(extension) = resource_type.extension(&name) {
            let block = read_extension(&extension.schema, value, &reader)?;
            put_once(&mut document, &extension.schema.id, block)?;
        } else if let Some(attribute) = resource_type.attribute(&name) {
            if resource_type.members().is_some_and(|members| members.name == attribute.name) {
                draft.members = match value {
                    Value::Null => None,
                    value => Some(member_ids(value, limits, leniency)?),
                };
            } else if is_settable(attribute) {
                let value = reader.attribute(&attribute.name, attribute, value, Unset::Dropped)?;
                put_once(&mut document, &attribute.name, value)?;
            }
        } else if let (true, Value::Object(block)) = (is_foreign_extension(&name), &value) {
            names::unmapped_extension(&resource_type.name, &name, leniency)?;
            put_once(&mut document, &name, foreign_block(block))?;
        } else {
            names::unknown_attribute(&resource_type.name, &name, leniency)?;
        }
    }
    schemas::check(resource_type, schemas, leniency)?;
    check_required(resource_type, &document)?;
    draft.document = Document::from_canonical(document);
    Ok(draft)
}

impl Draft {
    /// The document that a PUT leaves in place of `existing`: this draft, except that an omitted `active` keeps its value
    /// (only an explicit true enables somebody again), and an omitted `externalId` too unless the directory is strict.
    ///
    /// # Errors
    /// 400 `mutability` if an attribute that is set once would change.
    pub fn keep_over(
        &self,
        resource_type: &ResourceType,
        existing: &Document,
        leniency: &Leniency,
    ) -> Result<Document, ScimError> {
        let mut document = self.document.attributes().clone();
        if let (false, Some(external_id)) = (self.names("externalId"), existing.attributes().get("externalId"))
            && put::external_id_kept(leniency)
        {
            document.insert("externalId".into(), external_id.clone());
        }
        keep_active(resource_type, existing, document)
    }

    /// The document that a PUT leaves in place of `existing` where the policy is to keep what is omitted: attributes and
    /// extensions that the body does not name stay; one that it names without a value (null, an empty text, an empty
    /// list) is cleared.
    ///
    /// # Errors
    /// 400 `mutability` if an attribute that is set once would change.
    pub fn keep_omitted_over(&self, resource_type: &ResourceType, existing: &Document) -> Result<Document, ScimError> {
        let mut document = self.document.attributes().clone();
        for (name, value) in existing.attributes() {
            if !self.names(name) {
                document.insert(name.clone(), value.clone());
            }
        }
        keep_active(resource_type, existing, document)
    }

    /// Whether the body names an attribute or an extension, with a value or without.
    pub fn names(&self, name: &str) -> bool {
        self.named.contains(&name.to_ascii_lowercase())
    }
}

/// Only an explicit true enables somebody again: without a word on it, `active` keeps its value.
fn keep_active(
    resource_type: &ResourceType,
    existing: &Document,
    mut document: Map<String, Value>,
) -> Result<Document, ScimError> {
    let old = existing.attributes();
    if let (None, Some(active)) = (document.get("active"), old.get("active")) {
        document.insert("active".into(), active.clone());
    }
    check_immutable(resource_type, old, &document)?;
    Ok(Document::from_canonical(document))
}

/// Wipes values that are never returned; whether there was one.
pub(crate) fn wipe_secrets(resource_type: &ResourceType, body: &mut Map<String, Value>) -> bool {
    let mut found = false;
    for (name, value) in body.iter_mut() {
        if resource_type.attribute(name).is_some_and(|attribute| attribute.returned == Returned::Never) {
            found |= !value.is_null();
            wipe(value);
        }
    }
    found
}

fn is_settable(attribute: &Attribute) -> bool {
    attribute.mutability != Mutability::ReadOnly && attribute.returned != Returned::Never
}

fn put_once(map: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), ScimError> {
    if map.keys().any(|known| known.eq_ignore_ascii_case(name)) {
        return Err(ScimError::bad_request(
            ScimType::InvalidSyntax,
            format!("\"{name}\" is in the request twice, in different letter case. Send it once."),
        ));
    }
    if !value.is_null() {
        map.insert(name.to_owned(), value);
    }
    Ok(())
}

fn read_extension(schema: &Schema, value: Value, reader: &Reader<'_>) -> Result<Value, ScimError> {
    let block = match value {
        // Some languages write an object without members as a list without elements.
        unset if is_unset(&unset) => return Ok(Value::Null),
        Value::Object(block) => block,
        _ => {
            return Err(ScimError::bad_request(
                ScimType::InvalidValue,
                format!("{} takes an object with the extension's attributes.", schema.id),
            ));
        }
    };
    let mut read = Map::new();
    for (name, value) in block {
        match schema.attribute(&name) {
            Some(attribute) if is_settable(attribute) => {
                let place = format!("{}:{}", schema.id, attribute.name);
                put_once(&mut read, &attribute.name, reader.attribute(&place, attribute, value, Unset::Dropped)?)?;
            }
            Some(_) => {}
            None => {
                let name = format!("{}:{name}", schema.id);
                names::unknown_attribute(&reader.resource_type.name, &name, reader.leniency)?;
            }
        }
    }
    Ok(if read.is_empty() { Value::Null } else { Value::Object(read) })
}

/// Whether a name can be an extension that nobody registered.
pub(crate) fn is_foreign_extension(name: &str) -> bool {
    name.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("urn:")) && !is_known_core(name)
}

/// An unregistered extension's block as it is kept: without what is unset.
pub(crate) fn foreign_block(block: &Map<String, Value>) -> Value {
    let kept: Map<String, Value> =
        block.iter().filter(|(_, value)| !is_unset(value)).map(|(name, value)| (name.clone(), value.clone())).collect();
    if kept.is_empty() { Value::Null } else { Value::Object(kept) }
}

/// Null, an empty text and an empty list mean that there is no value.
pub(crate) fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(_) | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use rollcall_base::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::{
        Envelope, PatchPlan,
        generators::{bodies, documents, tries},
        represent,
        schema::{Registry, Schema},
    };

    fn user() -> Arc<ResourceType> {
        Arc::clone(Registry::standard().by_name("User").unwrap())
    }

    fn taken(body: Value) -> Draft {
        accept(&user(), body, &Limits::default(), &Leniency::lenient()).unwrap()
    }

    /// A type whose serial is set once and whose owner, if there is one, needs a name.
    fn device() -> Arc<ResourceType> {
        let schema = Schema::from_json(
            r#"{"id": "urn:example:core:2.0:Device", "name": "Device", "attributes": [
                {"name": "serial", "required": true, "mutability": "immutable"},
                {"name": "ports", "type": "integer"}, {"name": "weight", "type": "decimal"},
                {"name": "seen", "type": "dateTime"}, {"name": "tags", "multiValued": true},
                {"name": "owner", "type": "complex", "subAttributes": [{"name": "name", "required": true}, {"name": "site"}]}]}"#,
        )
        .unwrap();
        let types =
            r#"[{"name": "Device", "endpoint": "/Devices", "kind": 9, "schema": "urn:example:core:2.0:Device"}]"#;
        let common = Schema::from_json(r#"{"id": "c", "name": "c", "attributes": []}"#).unwrap();
        let registry = Registry::from_definitions(types, &[Arc::new(schema)], &common, Vec::new()).unwrap();
        Arc::clone(&registry.resource_types[0])
    }

    fn device_accepts(body: Value) -> Result<Draft, ScimError> {
        accept(&device(), body, &Limits::default(), &Leniency::lenient())
    }

    #[test]
    fn other_types_are_checked_by_their_schema() {
        let body =
            json!({"serial": "s", "ports": 4, "weight": 1.5, "seen": "2026-11-21T08:15:30Z", "tags": ["a", "a", "b"]});
        let kept = device_accepts(body).unwrap().document;
        assert_eq!(kept.attributes()["tags"], json!(["a", "b"]));
        for wrong in [
            json!({"ports": 4.5}),
            json!({"ports": "4"}),
            json!({"weight": "heavy"}),
            json!({"seen": "yesterday"}),
            json!({"owner": {"site": "x"}}),
        ] {
            let mut body = json!({"serial": "s"});
            body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
            assert_eq!(device_accepts(body).unwrap_err().scim_type, Some(ScimType::InvalidValue), "{wrong}");
        }
    }

    #[test]
    fn what_is_set_once_stays() {
        let first = device_accepts(json!({"serial": "s"})).unwrap().document;
        let lenient = Leniency::lenient();
        let again = device_accepts(json!({"serial": "s", "ports": 1})).unwrap();
        assert!(again.keep_over(&device(), &first, &lenient).is_ok());
        let other = device_accepts(json!({"serial": "t"})).unwrap();
        assert_eq!(other.keep_over(&device(), &first, &lenient).unwrap_err().scim_type, Some(ScimType::Mutability));
        let body = json!({"Operations": [{"op": "replace", "path": "serial", "value": "t"}]});
        let plan = PatchPlan::parse(body, &device(), &Limits::default(), &lenient).unwrap();
        assert_eq!(plan.apply("id", &first).unwrap_err().scim_type, Some(ScimType::Mutability));
    }

    #[test]
    fn what_a_body_omits_is_kept_and_what_it_names_empty_is_cleared() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let existing =
            taken(json!({"userName": "a", "title": "t", "nickName": "n", "externalId": "e", "active": false,
            "emails": [{"value": "a@b"}], urn: {"department": "d"}, "urn:example:x": {"y": 1}}));
        let kept = |mut body: Value| {
            body["userName"] = "a".into();
            taken(body).keep_omitted_over(&user(), &existing.document).unwrap()
        };
        assert_eq!(kept(json!({})), existing.document);
        let cleared = kept(json!({"TITLE": null, "nickname": "", "emails": [], "externalId": null,
            urn.to_uppercase(): null, "URN:example:x": null, "active": null}));
        assert_eq!(cleared.attributes(), json!({"userName": "a", "active": false}).as_object().unwrap());
        let block = kept(json!({urn: {"division": "v"}}));
        assert_eq!(block.attributes()[urn], json!({"division": "v"}), "a block is kept or replaced as a whole");
        assert!(taken(json!({"userName": "a", "Active": true})).names("active"));
    }

    proptest! {
        #![proptest_config(tries(128))]

        #[test]
        fn accepting_what_was_accepted_changes_nothing(body in bodies(&user())) {
            let once = taken(body).document;
            let envelope = Envelope {
                id: "a",
                resource_type: &user(),
                version: "W/\"1\"",
                created: Timestamp::default(),
                last_modified: Timestamp::default(),
                location: "https://example.com/Users/a",
            };
            let shown = represent(&envelope, &once, Map::new());
            prop_assert_eq!(taken(Value::Object(shown)).document, once);
        }

        #[test]
        fn a_document_holds_nothing_unset_and_only_names_of_the_schema(body in bodies(&user())) {
            let document = taken(body).document;
            for (name, value) in document.attributes() {
                prop_assert!(!is_unset(value), "{name}");
                let known = user().attribute(name).is_some_and(|attribute| attribute.name == *name);
                prop_assert!(known || name.contains(':'), "{name}");
            }
        }

        #[test]
        fn replacing_all_by_a_patch_is_like_a_put(before in documents(&user()), after in documents(&user())) {
            let mut operations: Vec<Value> = before
                .attributes()
                .keys()
                .filter(|name| *name != "userName")
                .map(|name| json!({"op": "remove", "path": name}))
                .collect();
            operations.push(json!({"op": "add", "value": after.attributes()}));
            let plan = PatchPlan::parse(json!({"Operations": operations}), &user(), &Limits::default(), &Leniency::lenient());
            prop_assert_eq!(plan.unwrap().apply("id", &before), Ok(after));
        }

        #[test]
        fn changes_are_empty_only_between_equal_documents(one in documents(&user()), other in documents(&user())) {
            prop_assert_eq!(Document::changes(&one, &one), []);
            prop_assert_eq!(Document::changes(&one, &other).is_empty(), one == other);
        }
    }
}
