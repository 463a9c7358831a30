//! The request shapes that recorded clients send, each with the quirk that it makes use of.

use rollcall_scim::{
    Limits, MemberOp, PatchPlan, accept,
    quirks::{Leniency, Quirk},
};
use serde_json::{Value, json};

use crate::support::{ENTERPRISE, ID, group, json as attributes, plan, posted, used, user, with_name};

/// Applies operations in a lenient directory, and checks which quirks they used and that a strict one refuses them.
fn patched(before: Value, operations: Value, quirks: &[Quirk]) -> Value {
    let lenient = Leniency::lenient();
    let after = plan(&user(), operations.clone(), &lenient).unwrap().apply(ID, &posted(before.clone())).unwrap();
    assert_eq!(used(&lenient), quirks, "{operations}");
    let strict =
        plan(&user(), operations.clone(), &Leniency::strict()).and_then(|plan| plan.apply(ID, &posted(before)));
    assert_eq!(strict.is_err(), !quirks.is_empty(), "{operations}");
    attributes(&after)
}

fn members(operations: Value, quirks: &[Quirk]) -> Vec<MemberOp> {
    let lenient = Leniency::lenient();
    let plan = plan(&group(), operations, &lenient).unwrap();
    assert_eq!(used(&lenient), quirks);
    plan.member_ops().to_vec()
}

fn created(body: Value, quirks: &[Quirk]) -> Value {
    let lenient = Leniency::lenient();
    let draft = accept(&user(), with_name(body.clone()), &Limits::default(), &lenient).unwrap();
    assert_eq!(used(&lenient), quirks, "{body}");
    let strict = accept(&user(), with_name(body), &Limits::default(), &Leniency::strict());
    assert_eq!(strict.is_err(), !quirks.is_empty());
    attributes(&draft.document)
}

#[test]
fn entra_disables_with_a_capital_op_and_a_text() {
    let after = patched(
        json!({"active": true}),
        json!([{"op": "Replace", "path": "active", "value": "False"}]),
        &[Quirk::OperationLetterCase, Quirk::BooleanAsText],
    );
    assert_eq!(after["active"], false);
}

#[test]
fn okta_deactivates_without_a_path() {
    assert_eq!(
        patched(json!({"active": true}), json!([{"op": "replace", "value": {"active": false}}]), &[])["active"],
        false
    );
}

#[test]
fn entra_removes_listed_members_only() {
    let operations =
        json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "a"}, {"value": "b"}]}]);
    let quirks = [Quirk::OperationLetterCase, Quirk::RemoveListedValues];
    assert_eq!(members(operations, &quirks), [MemberOp::Remove(vec!["a".into(), "b".into()])]);
    assert_eq!(members(json!([{"op": "remove", "path": "members", "value": []}]), &[Quirk::RemoveListedValues]), []);
}

#[test]
fn entra_adds_several_members_with_null_addresses() {
    let operations = json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": "a"}, {"$ref": null, "value": "b"}]}]);
    assert_eq!(members(operations, &[Quirk::OperationLetterCase]), [MemberOp::Add(vec!["a".into(), "b".into()])]);
}

#[test]
fn a_member_may_be_a_bare_id_or_a_single_object() {
    let add = |value: Value| json!([{"op": "add", "path": "members", "value": value}]);
    assert_eq!(members(add(json!("a")), &[Quirk::MemberAsText]), [MemberOp::Add(vec!["a".into()])]);
    assert_eq!(members(add(json!({"value": "a"})), &[Quirk::ListAsSingle]), [MemberOp::Add(vec!["a".into()])]);
}

#[test]
fn okta_renames_a_group_with_its_own_id() {
    let lenient = Leniency::lenient();
    let operations = json!([{"op": "replace", "value": {"id": ID, "displayName": "Push"}}]);
    let plan = plan(&group(), operations, &lenient).unwrap();
    let before = accept(&group(), json!({"displayName": "x"}), &Limits::default(), &lenient).unwrap().document;
    assert_eq!(attributes(&plan.apply(ID, &before).unwrap()), json!({"displayName": "Push"}));
    assert!(plan.apply("another", &before).is_err());
    assert_eq!(plan.member_ops(), [], "members stay");
}

#[test]
fn authentik_sends_schemas_and_id_in_a_patch_value() {
    let operations = json!([{"op": "replace", "value": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": ID, "displayName": "ak two", "externalId": "e"}}]);
    let before = accept(&group(), json!({"displayName": "x"}), &Limits::default(), &Leniency::lenient()).unwrap();
    let after = plan(&group(), operations, &Leniency::lenient()).unwrap().apply(ID, &before.document).unwrap();
    assert_eq!(attributes(&after), json!({"displayName": "ak two", "externalId": "e"}));
}

#[test]
fn entra_builds_one_work_address_from_four_operations() {
    let add = |part: &str, value: &str| json!({"op": "add", "path": format!("addresses[type eq \"work\"].{part}"), "value": value});
    let operations = json!([
        add("streetAddress", "1 Main St"),
        add("locality", "Springfield"),
        add("postalCode", "01234"),
        add("country", "US")
    ]);
    assert_eq!(
        patched(json!({}), operations, &[Quirk::ElementCreatedFromFilter])["addresses"],
        json!([{"type": "work", "streetAddress": "1 Main St", "locality": "Springfield", "postalCode": "01234", "country": "US"}])
    );
}

#[test]
fn entra_replaces_an_email_that_is_not_there_yet() {
    let operations = json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "x"}]);
    let before = json!({"emails": [{"type": "home", "value": "h"}]});
    assert_eq!(
        patched(before, operations, &[Quirk::ElementCreatedFromFilter])["emails"],
        json!([{"type": "home", "value": "h"}, {"type": "work", "value": "x"}])
    );
}

#[test]
fn entra_selects_the_primary_role_by_text() {
    let operations = json!([{"op": "add", "path": "roles[primary eq \"True\"].value", "value": "Admin"}]);
    let quirks = [Quirk::BooleanLiteralAsText, Quirk::ElementCreatedFromFilter];
    assert_eq!(patched(json!({}), operations.clone(), &quirks)["roles"], json!([{"primary": true, "value": "Admin"}]));
    let before = json!({"roles": [{"primary": true, "value": "User", "type": "t"}]});
    assert_eq!(
        patched(before, operations, &quirks[..1])["roles"],
        json!([{"primary": true, "value": "Admin", "type": "t"}])
    );
}

#[test]
fn what_a_filter_cannot_describe_is_no_target() {
    for filter in [
        "type eq \"a\" or type eq \"b\"",
        "type sw \"w\"",
        "not (type eq \"work\")",
        "type pr",
        "type eq \"a\" and type eq \"b\"",
    ] {
        let operations = json!([{"op": "add", "path": format!("emails[{filter}].value"), "value": "x"}]);
        let plan = plan(&user(), operations, &Leniency::lenient()).unwrap();
        assert_eq!(plan.apply(ID, &posted(json!({}))).unwrap_err().scim_type.unwrap().as_str(), "noTarget", "{filter}");
    }
}

#[test]
fn entra_with_its_flag_sends_dotted_and_urn_keys() {
    let before = json!({"name": {"formatted": "F"}, ENTERPRISE: {"department": "D"}});
    let employee = format!("{ENTERPRISE}:employeeNumber");
    let operations = json!([{"op": "replace", "value": {"displayName": "Bjfe", "name.givenName": "Kkom", employee: "Aklq",
        "emails[type eq \"work\"].value": "w"}}]);
    let quirks = [Quirk::ElementCreatedFromFilter, Quirk::DottedKey, Quirk::UrnKey];
    assert_eq!(
        patched(before, operations, &quirks),
        json!({"userName": "u", "name": {"formatted": "F", "givenName": "Kkom"}, "displayName": "Bjfe",
            "emails": [{"type": "work", "value": "w"}], ENTERPRISE: {"department": "D", "employeeNumber": "Aklq"}})
    );
}

#[test]
fn entra_sends_the_manager_in_four_shapes() {
    let path = format!("{ENTERPRISE}:manager");
    for (path, value, quirks) in [
        (path.clone(), json!("m"), &[Quirk::ComplexAsText][..]),
        (path.clone(), json!([{"$ref": "../Users/m", "value": "m"}]), &[Quirk::ComplexInList]),
        (path.clone(), json!({"value": "m"}), &[]),
        (format!("{path}.value"), json!("m"), &[]),
        (format!("{ENTERPRISE}.manager"), json!("m"), &[Quirk::DotAfterUrn, Quirk::ComplexAsText]),
    ] {
        let after = patched(json!({}), json!([{"op": "add", "path": path, "value": value}]), quirks);
        assert_eq!(after[ENTERPRISE]["manager"]["value"], "m", "{path} {value}");
    }
    assert_eq!(
        created(json!({ENTERPRISE: {"manager": "m"}}), &[Quirk::ComplexAsText])[ENTERPRISE]["manager"],
        json!({"value": "m"})
    );
}

#[test]
fn entras_older_jobs_send_every_value_in_a_list_of_one() {
    let listed = |value: Value| json!([{"$ref": null, "value": value}]);
    let operations = json!([{"op": "replace", "path": "displayName", "value": listed(json!("Ann"))},
        {"op": "replace", "path": "name.givenName", "value": listed(json!("Ann"))},
        {"op": "replace", "path": "active", "value": listed(json!(false))},
        {"op": "add", "path": "emails[type eq \"work\"].value", "value": listed(json!("w"))},
        {"op": "add", "path": format!("{ENTERPRISE}:department"), "value": [{"value": "D"}]}]);
    let before = json!({"active": true, "emails": [{"type": "work", "value": "old"}]});
    assert_eq!(
        patched(before, operations, &[Quirk::SimpleInList]),
        json!({"userName": "u", "active": false, "emails": [{"type": "work", "value": "w"}], "displayName": "Ann",
            "name": {"givenName": "Ann"}, ENTERPRISE: {"department": "D"}})
    );
    for other in [json!(["Ann"]), json!([{"value": "a"}, {"value": "b"}]), json!([{"value": "a", "type": "work"}])] {
        let operations = json!([{"op": "replace", "path": "title", "value": other}]);
        assert!(plan(&user(), operations, &Leniency::lenient()).is_err());
    }
}

#[test]
fn an_extension_without_anything_in_it_is_unset_however_it_is_written() {
    for nothing in [json!(null), json!({}), json!([]), json!("")] {
        assert_eq!(created(json!({ENTERPRISE: nothing}), &[]).get(ENTERPRISE), None);
        let before = json!({ENTERPRISE: {"department": "D"}});
        let after = patched(before, json!([{"op": "replace", "path": ENTERPRISE, "value": nothing}]), &[]);
        assert_eq!(after.get(ENTERPRISE).is_some(), nothing.is_object(), "an object is merged");
    }
}

#[test]
fn an_object_may_come_as_its_json_in_a_text_but_roles_keep_theirs() {
    let before = json!({"emails": [{"type": "work", "value": "old", "primary": true}]});
    let operations = json!([{"op": "replace", "path": "emails[type eq \"work\"]",
        "value": "{\"type\": \"work\", \"value\": \"new\"}"}]);
    let after = patched(before, operations, &[Quirk::ComplexAsText]);
    assert_eq!(after["emails"], json!([{"type": "work", "value": "new"}]));
    let add = json!([{"op": "add", "path": "members", "value": ["{\"value\": \"a\", \"type\": \"User\"}", "b"]}]);
    assert_eq!(members(add, &[Quirk::MemberAsText]), [MemberOp::Add(vec!["a".into(), "b".into()])]);
    let role = r#"{"id":"06b0","value":"Admin","displayName":"Admin"}"#;
    let after = patched(json!({}), json!([{"op": "add", "path": "roles", "value": [role]}]), &[Quirk::ComplexAsText]);
    assert_eq!(after["roles"], json!([{"value": role}]));
    let after = patched(json!({}), json!([{"op": "add", "path": "roles", "value": [{"value": role}]}]), &[]);
    assert_eq!(after["roles"], json!([{"value": role}]));
}

#[test]
fn a_single_operation_may_stand_without_a_list() {
    patched(json!({}), json!({"op": "replace", "path": "title", "value": "x"}), &[Quirk::ListAsSingle]);
}

#[test]
fn an_endpoint_is_found_in_other_letters_unless_strict() {
    let registry = rollcall_scim::schema::Registry::standard();
    let lenient = Leniency::lenient();
    assert_eq!(registry.served_at("users", &lenient), registry.by_endpoint("Users"));
    assert_eq!(used(&lenient), [Quirk::EndpointLetterCase]);
    assert_eq!(registry.served_at("users", &Leniency::strict()), None);
    assert_eq!(registry.served_at("Users", &Leniency::strict()), registry.by_endpoint("Users"));
    assert_eq!(registry.served_at("people", &lenient), None);
}

#[test]
fn entra_sends_attributes_that_nobody_registered() {
    let tag = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User";
    let operations = json!([{"op": "add", "path": format!("{tag}:tag"), "value": "701985"},
        {"op": "add", "path": "extensionAttribute15", "value": "x"}, {"op": "replace", "path": "title", "value": "Chief"},
        {"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:Group:x", "value": "y"}]);
    let after = patched(json!({}), operations, &[Quirk::UnknownAttribute, Quirk::UnmappedExtension]);
    assert_eq!(after, json!({"userName": "u", "title": "Chief", tag: {"tag": "701985"}}));
}

#[test]
fn an_unregistered_extension_is_kept_merged_and_removed() {
    let urn = "urn:isvname:scim:schemas:extension:appname:1.0:User";
    assert_eq!(
        created(json!({urn: {"level": 3, "none": null}}), &[Quirk::UnmappedExtension])[urn],
        json!({"level": 3})
    );
    let before = json!({urn: {"level": 3, "deep": {"a": 1}}});
    let quirks = &[Quirk::UnmappedExtension];
    let after = patched(before.clone(), json!([{"op": "add", "value": {urn.to_uppercase(): {"Level": 4}}}]), quirks);
    assert_eq!(after[urn], json!({"level": 4, "deep": {"a": 1}}));
    let after =
        patched(before.clone(), json!([{"op": "replace", "path": format!("{urn}:deep.b"), "value": 2}]), quirks);
    assert_eq!(after[urn], json!({"level": 3, "deep": {"a": 1, "b": 2}}));
    let after = patched(before.clone(), json!([{"op": "remove", "path": format!("{urn}:level")}]), quirks);
    assert_eq!(after[urn], json!({"deep": {"a": 1}}));
    assert!(patched(before, json!([{"op": "remove", "path": urn}]), quirks).get(urn).is_none());
}

#[test]
fn a_list_in_an_unregistered_extension_is_added_to_and_removed_from() {
    let urn = "urn:ietf:params:scim:schemas:extension:greenhouse:2.0:User";
    let ids = |ids: &[&str]| -> Value { ids.iter().map(|id| json!({"value": id})).collect() };
    let path = format!("{urn}:department_ids");
    let before = json!({urn: {"department_ids": ids(&["1"]), "level": 3}});
    let quirks = &[Quirk::UnmappedExtension];
    let add = json!([{"op": "add", "path": path, "value": ids(&["1", "2", "2"])}]);
    let after = patched(before.clone(), add, quirks);
    assert_eq!(after[urn], json!({"department_ids": ids(&["1", "2"]), "level": 3}));
    let nested = json!([{"op": "add", "value": {urn: {"department_ids": ids(&["3"]), "level": 4}}}]);
    assert_eq!(patched(before.clone(), nested, quirks)[urn], json!({"department_ids": ids(&["1", "3"]), "level": 4}));
    let replace = json!([{"op": "replace", "path": path, "value": ids(&["2"])}]);
    assert_eq!(patched(before, replace, quirks)[urn]["department_ids"], ids(&["2"]));
    let before = json!({urn: {"department_ids": ids(&["1", "2"]), "level": 3}});
    let remove = |value: Value| json!([{"op": "remove", "path": path, "value": value}]);
    let listed = &[Quirk::RemoveListedValues, Quirk::UnmappedExtension];
    let after = patched(before.clone(), remove(ids(&["1", "9"])), listed);
    assert_eq!(after[urn], json!({"department_ids": ids(&["2"]), "level": 3}));
    assert_eq!(patched(before.clone(), remove(ids(&["1", "2"])), listed)[urn], json!({"level": 3}));
    assert_eq!(patched(before, remove(Value::Null), quirks)[urn], json!({"level": 3}));
}

#[test]
fn unknown_attributes_are_left_out_and_counted_by_name() {
    let lenient = Leniency::lenient();
    let body = json!({"userName": "u", "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "badgeColour": "red",
        "department": "flat", "name": {"nick": "x", "givenName": "A"}, ENTERPRISE: {"manager": {"managerId": "42"}, "shoe": 1}});
    let draft = accept(&user(), body, &Limits::default(), &lenient).unwrap();
    assert_eq!(attributes(&draft.document), json!({"userName": "u", "name": {"givenName": "A"}}));
    let names: Vec<String> = lenient.unmapped().into_iter().map(|(name, _)| name).collect();
    let manager = format!("{ENTERPRISE}:manager.managerId");
    let shoe = format!("{ENTERPRISE}:shoe");
    assert_eq!(names, ["badgeColour", "department", "name.nick", &manager, &shoe]);
}

#[test]
fn schemas_may_be_missing_old_or_unknown() {
    let group_body = |schemas: Value| json!({"displayName": "g", "schemas": schemas});
    for (schemas, quirk) in [
        (json!(null), Quirk::MissingSchemas),
        (json!([]), Quirk::MissingSchemas),
        (json!(["urn:scim:schemas:core:1.0"]), Quirk::Scim1Schema),
        (
            json!([
                "urn:ietf:params:scim:schemas:core:2.0:Group",
                "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
            ]),
            Quirk::UnknownSchema,
        ),
    ] {
        let lenient = Leniency::lenient();
        accept(&group(), group_body(schemas.clone()), &Limits::default(), &lenient).unwrap();
        assert_eq!(used(&lenient), [quirk]);
        assert!(accept(&group(), group_body(schemas), &Limits::default(), &Leniency::strict()).is_err());
    }
}

#[test]
fn clients_repeat_what_is_ours_and_send_empty_values() {
    let body = json!({"id": null, "meta": {"resourceType": "User", "created": "x"}, "groups": [], "roles": [], "title": null,
        "addresses": [{"country": null, "formatted": "a\nb", "type": "other", "primary": false}], "phoneNumbers": null,
        "name": {"middleName": "", "givenName": "A"}});
    assert_eq!(
        created(body, &[]),
        json!({"userName": "u", "addresses": [{"formatted": "a\nb", "type": "other", "primary": false}], "name": {"givenName": "A"}})
    );
}

#[test]
fn onelogin_sends_texts_for_booleans_and_one_object_for_a_list() {
    let body = json!({"active": "true", "emails": {"value": "ned@onelogin.example"}});
    assert_eq!(
        created(body, &[Quirk::BooleanAsText, Quirk::ListAsSingle]),
        json!({"userName": "u", "active": true, "emails": [{"value": "ned@onelogin.example"}]})
    );
}

#[test]
fn the_postman_collection_writes_names_in_other_letter_case() {
    let body = json!({"emails": [{"Primary": true, "type": "work", "value": "a"}], ENTERPRISE: {"Department": "bob", "Manager": {"Value": "m"}}});
    assert_eq!(
        created(body, &[]),
        json!({"userName": "u", "emails": [{"primary": true, "type": "work", "value": "a"}],
            ENTERPRISE: {"department": "bob", "manager": {"value": "m"}}})
    );
}

#[test]
fn okta_syncs_a_password_which_leaves_no_trace() {
    for operations in [
        json!([{"op": "replace", "value": {"password": "Kv7J2LEa", "active": true}}]),
        json!([{"op": "replace", "path": "password", "value": "Kv7J2LEa"}]),
        json!([{"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:password", "value": "Kv7J2LEa"}]),
    ] {
        let plan = plan(&user(), operations, &Leniency::lenient()).unwrap();
        assert!(plan.password_sent());
        assert!(!format!("{plan:?}").contains("Kv7J2LEa"));
        assert!(plan.apply(ID, &posted(json!({}))).unwrap().attributes().get("password").is_none());
    }
}

#[test]
fn a_patch_without_operations_or_schemas_passes() {
    let lenient = Leniency::lenient();
    let plan = PatchPlan::parse(json!({"Operations": []}), &user(), &Limits::default(), &lenient).unwrap();
    assert_eq!(plan.apply(ID, &posted(json!({}))), Ok(posted(json!({}))));
    assert_eq!(used(&lenient), [Quirk::NoOperations]);
    assert!(PatchPlan::parse(json!({"Operations": []}), &user(), &Limits::default(), &Leniency::strict()).is_err());
}

#[test]
fn a_list_of_values_removes_those_from_any_list() {
    let before = json!({"roles": [{"value": "a", "type": "t"}, {"value": "b"}]});
    let operations = json!([{"op": "remove", "path": "roles", "value": [{"value": "A"}]}]);
    assert_eq!(patched(before, operations, &[Quirk::RemoveListedValues])["roles"], json!([{"value": "b"}]));
}

#[test]
fn every_quirk_has_its_own_name() {
    let names: Vec<&str> =
        [Quirk::OperationLetterCase, Quirk::BooleanAsText, Quirk::UnknownAttribute].map(Quirk::as_str).into();
    assert_eq!(names, ["operation_letter_case", "boolean_as_text", "unknown_attribute"]);
}
