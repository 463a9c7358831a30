//! Random bodies and documents of a resource type.

use std::sync::Arc;

use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value};

use super::{moments, texts};
use crate::{
    Document, Limits, accept,
    quirks::Leniency,
    schema::{Attribute, DataType, Mutability, ResourceType, Returned},
};

type Values = BoxedStrategy<Value>;

/// A body that a lenient directory accepts: well-formed values of some attributes, among them empty ones, booleans as
/// texts, repeated values, several primaries, unknown names and an unregistered extension.
pub fn bodies(resource_type: &ResourceType) -> impl Strategy<Value = Value> + use<> {
    let mut fields: Vec<BoxedStrategy<Option<(String, Value)>>> = Vec::new();
    let core = resource_type.common.iter().chain(&resource_type.schema.attributes);
    for attribute in core.filter(|attribute| attribute.name != "members" && attribute.name != "schemas") {
        fields.push(field(attribute));
    }
    for extension in &resource_type.extensions {
        let urn = extension.schema.id.clone();
        let block = objects(extension.schema.attributes.iter().map(|attribute| field(attribute)).collect());
        fields.push(proptest::option::of(block.prop_map(move |block| (urn.clone(), block))).boxed());
    }
    let foreign = ("urn:example:scim:schemas:extension:hr:1.0:User", "badgeColour");
    fields.push(
        proptest::option::weighted(0.2, texts())
            .prop_map(move |text| text.map(|text| (foreign.0.to_owned(), serde_json::json!({ foreign.1: text }))))
            .boxed(),
    );
    fields.push(
        proptest::option::weighted(0.1, texts())
            .prop_map(|text| text.map(|text| ("unknown".to_owned(), text.into())))
            .boxed(),
    );
    objects(fields)
}

/// A document in canonical form.
pub fn documents(resource_type: &Arc<ResourceType>) -> impl Strategy<Value = Document> + use<> {
    let accepted = Arc::clone(resource_type);
    bodies(resource_type).prop_filter_map("not accepted", move |body| {
        accept(&accepted, body, &Limits::default(), &Leniency::lenient()).ok().map(|draft| draft.document)
    })
}

fn objects(fields: Vec<BoxedStrategy<Option<(String, Value)>>>) -> Values {
    fields.prop_map(|fields| Value::Object(fields.into_iter().flatten().collect::<Map<_, _>>())).boxed()
}

fn field(attribute: &Attribute) -> BoxedStrategy<Option<(String, Value)>> {
    let spellings = vec![attribute.name.clone(), attribute.name.clone(), attribute.name.to_ascii_uppercase()];
    let named = (select(spellings), value(attribute));
    let settable = attribute.mutability != Mutability::ReadOnly && attribute.returned != Returned::Never;
    if attribute.required {
        return named.prop_map(Some).boxed();
    }
    proptest::option::weighted(if settable { 0.4 } else { 0.05 }, named).boxed()
}

fn value(attribute: &Attribute) -> Values {
    let one = single(attribute);
    if attribute.multi_valued {
        return proptest::collection::vec(one, 0..4).prop_map(Value::Array).boxed();
    }
    if attribute.required {
        return one;
    }
    prop_oneof![12 => one, 1 => Just(Value::Null), 1 => Just(Value::String(String::new()))].boxed()
}

fn single(attribute: &Attribute) -> Values {
    match attribute.data_type {
        DataType::String | DataType::Reference => texts().prop_map(Value::from).boxed(),
        DataType::Boolean => select(vec![true.into(), false.into(), Value::from("True"), Value::from("FALSE")]).boxed(),
        DataType::Decimal => (-4_i32..4).prop_map(|half| Value::from(f64::from(half) / 2.0)).boxed(),
        DataType::Integer => (-2_i64..3).prop_map(Value::from).boxed(),
        DataType::DateTime => moments().prop_map(Value::from).boxed(),
        DataType::Binary => select(vec![Value::from("QUJD"), Value::from("qujd")]).boxed(),
        DataType::Complex => objects(attribute.sub_attributes.iter().map(|sub| field(sub)).collect()),
    }
}
