//! What the tests share.

use std::sync::Arc;

use rollcall_base::Timestamp;
use rollcall_scim::{
    Document, Draft, Envelope, Limits, PatchPlan, ScimError, accept,
    filter::Filter,
    quirks::{Leniency, Quirk},
    represent,
    schema::{Registry, ResourceType},
};
use serde_json::{Map, Value, json};

pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const ID: &str = "0193526c-0000-7000-8000-000000000001";

pub(crate) fn user() -> Arc<ResourceType> {
    Arc::clone(Registry::standard().by_name("User").unwrap())
}

pub(crate) fn group() -> Arc<ResourceType> {
    Arc::clone(Registry::standard().by_name("Group").unwrap())
}

pub(crate) fn accepted(resource_type: &ResourceType, body: Value) -> Draft {
    accept(resource_type, body, &Limits::default(), &Leniency::lenient()).unwrap()
}

/// The document that a POST of `body` makes.
pub(crate) fn posted(body: Value) -> Document {
    accepted(&user(), with_name(body)).document
}

/// `body` with a `schemas` and a `userName` if it has none.
pub(crate) fn with_name(body: Value) -> Value {
    let mut whole = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "u"});
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    whole
}

/// The document's attributes as JSON.
pub(crate) fn json(document: &Document) -> Value {
    Value::Object(document.attributes().clone())
}

pub(crate) fn plan(
    resource_type: &ResourceType,
    operations: Value,
    leniency: &Leniency,
) -> Result<PatchPlan, ScimError> {
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    PatchPlan::parse(body, resource_type, &Limits::default(), leniency)
}

/// A user's attributes after the operations, in a lenient directory.
pub(crate) fn patched(before: Value, operations: Value) -> Value {
    json(&try_patched(before, operations, &Leniency::lenient()).unwrap())
}

pub(crate) fn try_patched(before: Value, operations: Value, leniency: &Leniency) -> Result<Document, ScimError> {
    plan(&user(), operations, leniency)?.apply(ID, &posted(before))
}

pub(crate) fn represented(resource_type: &ResourceType, document: &Document, derived: Value) -> Map<String, Value> {
    let envelope = Envelope {
        id: ID,
        resource_type,
        version: "W/\"1\"",
        created: Timestamp::parse("2010-01-23T04:56:22Z").unwrap(),
        last_modified: Timestamp::parse("2011-05-13T04:42:34Z").unwrap(),
        location: "https://example.com/v2/Users/x",
    };
    represent(&envelope, document, derived.as_object().unwrap().clone())
}

pub(crate) fn matches(resource_type: &ResourceType, filter: &str, resource: &Value) -> bool {
    let filter = Filter::parse(filter, &Limits::default()).unwrap();
    filter.resolve(resource_type, &Leniency::lenient()).unwrap().matches(resource)
}

pub(crate) fn used(leniency: &Leniency) -> Vec<Quirk> {
    leniency.used().into_iter().map(|(quirk, _)| quirk).collect()
}

/// The keyword of a 400.
pub(crate) fn keyword<T: std::fmt::Debug>(outcome: Result<T, ScimError>) -> &'static str {
    let error = outcome.unwrap_err();
    assert_eq!(error.status, 400, "{error}");
    error.scim_type.unwrap().as_str()
}
