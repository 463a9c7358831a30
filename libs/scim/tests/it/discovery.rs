//! `/Schemas`, `/ResourceTypes`, `/ServiceProviderConfig`.

use std::collections::BTreeSet;

use rollcall_scim::{
    messages::{Capabilities, service_provider_config},
    schema::{Attribute, DataType, GROUP, Mutability, Registry, Returned, Schema, USER, Uniqueness},
};
use serde_json::{Value, json};

use crate::support::{ENTERPRISE, user};

const BASE: &str = "https://id.example.com/scim/acme/okta/v2";

fn no_null_in(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().all(no_null_in),
        Value::Object(map) => map.values().all(no_null_in),
        _ => true,
    }
}

#[test]
fn the_standard_registry_serves_users_and_groups() {
    let registry = Registry::standard();
    assert_eq!(registry.by_endpoint("Users").unwrap().kind, USER);
    assert_eq!(registry.by_endpoint("Groups").unwrap().kind, GROUP);
    assert_eq!(
        registry.by_name("User").unwrap().to_json(BASE),
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
            "id": "User", "name": "User", "description": "User Account", "endpoint": "/Users",
            "schema": "urn:ietf:params:scim:schemas:core:2.0:User",
            "schemaExtensions": [{"schema": ENTERPRISE, "required": false}],
            "meta": {"resourceType": "ResourceType", "location": format!("{BASE}/ResourceTypes/User")}
        })
    );
}

#[test]
fn all_six_schemas_are_listed_with_all_characteristics_and_no_null() {
    let registry = Registry::standard();
    let names: Vec<String> = registry.schemas().iter().map(|schema| schema.name.clone()).collect();
    assert_eq!(names, ["User", "EnterpriseUser", "Group", "ServiceProviderConfig", "ResourceType", "Schema"]);
    for schema in registry.schemas() {
        let shown = schema.to_json(BASE);
        assert!(no_null_in(&shown));
        assert_eq!(shown["meta"]["location"], format!("{BASE}/Schemas/{}", schema.id));
        for attribute in shown["attributes"].as_array().unwrap() {
            for name in
                ["name", "type", "multiValued", "description", "required", "mutability", "returned", "uniqueness"]
            {
                assert!(attribute.get(name).is_some(), "{name} of {attribute}");
            }
            assert!(attribute.get("index").is_none());
            assert_eq!(attribute["type"] == "complex", attribute.get("subAttributes").is_some(), "{attribute}");
        }
    }
    assert_eq!(registry.schema(&ENTERPRISE.to_uppercase()).unwrap().name, "EnterpriseUser");
}

#[test]
fn user_name_is_required_and_unique_and_the_password_is_never_returned() {
    let user = user();
    let user_name = user.attribute("USERNAME").unwrap();
    assert!(user_name.required && !user_name.case_exact && user_name.uniqueness == Uniqueness::Server);
    let password = user.attribute("password").unwrap();
    assert_eq!((password.mutability, password.returned), (Mutability::WriteOnly, Returned::Never));
    assert!(user.attribute("id").unwrap().case_exact && user.attribute("externalId").unwrap().case_exact);
    assert_eq!(user.attribute("id").unwrap().returned, Returned::Always);
}

#[test]
fn index_numbers_are_given_once() {
    fn collect(attribute: &Attribute, numbers: &mut Vec<i32>) {
        numbers.extend(attribute.index.map(|id| id.0));
        attribute.sub_attributes.iter().for_each(|sub| collect(sub, numbers));
    }
    let mut numbers = Vec::new();
    for schema in Registry::standard().schemas() {
        schema.attributes.iter().for_each(|attribute| collect(attribute, &mut numbers));
    }
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len());
    assert_eq!(numbers.len(), 18);
}

#[test]
fn another_resource_type_is_data_alone() {
    let device = Schema::from_json(
        r#"{"id": "urn:example:core:2.0:Device", "name": "Device", "attributes": [
            {"name": "serial", "required": true, "caseExact": true, "mutability": "immutable", "index": 100},
            {"name": "ports", "type": "integer"}]}"#,
    )
    .unwrap();
    let common =
        Schema::from_json(r#"{"id": "c", "name": "c", "attributes": [{"name": "id", "mutability": "readOnly"}]}"#);
    let types = r#"[{"name": "Device", "endpoint": "/Devices", "kind": 9, "schema": "urn:example:core:2.0:Device"}]"#;
    let registry = Registry::from_definitions(types, &[device.into()], &common.unwrap(), Vec::new()).unwrap();
    let device = registry.by_endpoint("Devices").unwrap();
    assert_eq!(device.attribute("ports").unwrap().data_type, DataType::Integer);
    assert!(Registry::from_definitions(types, &[], &Schema { ..(*device.schema).clone() }, Vec::new()).is_err());
    assert!(Schema::from_json(r#"{"id": "x", "name": "x", "attributes": [], "atributes": []}"#).is_err());
}

#[test]
fn the_configuration_says_what_runs() {
    let capabilities = Capabilities {
        bulk_operations: 1000,
        bulk_bytes: 1_048_576,
        default_page: 100,
        max_page: 1000,
        cursor_seconds: 600,
    };
    let shown = service_provider_config(&capabilities, BASE);
    assert!(no_null_in(&shown));
    assert_eq!(shown["bulk"], json!({"supported": true, "maxOperations": 1000, "maxPayloadSize": 1_048_576}));
    assert_eq!(shown["pagination"]["maxPageSize"], 1000);
    assert_eq!(shown["changePassword"]["supported"], false);
    assert_eq!(shown["authenticationSchemes"][0]["type"], "oauthbearertoken");
    let registry = Registry::standard();
    let schema = registry.schema("urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig").unwrap();
    for (name, value) in shown.as_object().unwrap().iter().filter(|(name, _)| *name != "schemas" && *name != "meta") {
        let attribute = schema.attribute(name).unwrap_or_else(|| panic!("{name} is in the schema"));
        let parts = value.as_array().map_or(value, |list| &list[0]);
        assert!(parts.as_object().unwrap().keys().all(|part| attribute.sub_attribute(part).is_some()), "{name}");
    }
}
