//! PATCH: the examples of RFC 7644 §3.5.2 and the rules around them.

use rollcall_scim::{Limits, MemberOp, PatchPlan, quirks::Leniency};
use serde_json::{Value, json};

use crate::support::{ENTERPRISE, ID, group, json as attributes, keyword, patched, plan, posted, try_patched, user};

fn kind(before: Value, operations: Value) -> &'static str {
    keyword(try_patched(before, operations, &Leniency::lenient()))
}

fn member_ops(operations: Value) -> Vec<MemberOp> {
    plan(&group(), operations, &Leniency::lenient()).unwrap().member_ops().to_vec()
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// §3.5.2.1, second and third example.
#[test]
fn add_without_path_appends_to_lists_and_sets_the_rest() {
    let after = patched(
        json!({"emails": [{"value": "a@x"}]}),
        json!([{"op": "add", "value": {"emails": [{"value": "babs@jensen.org", "type": "home"}], "nickName": "Babs"}}]),
    );
    assert_eq!(after["emails"], json!([{"value": "a@x"}, {"value": "babs@jensen.org", "type": "home"}]));
    assert_eq!(after["nickName"], "Babs");
}

/// §3.5.2.1: "If the value already exists, no changes SHOULD be made".
#[test]
fn adding_what_is_there_changes_nothing() {
    let before = posted(json!({"title": "x", "emails": [{"type": "work", "value": "a"}]}));
    let operations = json!([{"op": "add", "path": "emails", "value": [{"value": "a", "type": "work"}]},
        {"op": "replace", "path": "title", "value": "x"}]);
    let plan = plan(&user(), operations, &Leniency::lenient()).unwrap();
    assert_eq!(plan.apply(ID, &before), Ok(before));
}

/// §3.5.2.1, first example; §3.5.2.2, first, second and fourth; §3.5.2.3, first and last.
#[test]
fn members_are_added_removed_and_replaced() {
    assert_eq!(
        member_ops(json!([{"op": "add", "path": "members", "value": [{"display": "Babs Jensen",
            "$ref": "https://example.com/v2/Users/2819c223", "value": "2819c223"}]}])),
        [MemberOp::Add(ids(&["2819c223"]))]
    );
    assert_eq!(
        member_ops(json!([{"op": "remove", "path": "members[value eq \"2819c223\"]"}])),
        [MemberOp::Remove(ids(&["2819c223"]))]
    );
    assert_eq!(member_ops(json!([{"op": "remove", "path": "members"}])), [MemberOp::Replace(Vec::new())]);
    assert_eq!(
        member_ops(json!([{"op": "remove", "path": "members[value eq \"2819c223\"]"},
            {"op": "add", "path": "members", "value": [{"value": "902c246b"}]}])),
        [MemberOp::Remove(ids(&["2819c223"])), MemberOp::Add(ids(&["902c246b"]))]
    );
    assert_eq!(
        member_ops(
            json!([{"op": "replace", "path": "members", "value": [{"value": "a"}, {"value": "b"}, {"value": "a"}]}])
        ),
        [MemberOp::Replace(ids(&["a", "b"]))]
    );
    assert_eq!(member_ops(json!([{"op": "replace", "value": {"members": []}}])), [MemberOp::Replace(Vec::new())]);
}

#[test]
fn members_are_removed_by_condition() {
    let ops = member_ops(json!([{"op": "remove", "path": "members[type eq \"Group\"]"}]));
    let [MemberOp::RemoveWhere(condition)] = ops.as_slice() else { panic!("{ops:?}") };
    assert_eq!(condition.to_string(), "members.type eq \"Group\"");
    assert!(condition.matches_element(&json!({"value": "g", "type": "group"})));
    assert_eq!(
        member_ops(json!([{"op": "remove", "path": "members[value eq \"a\" or value eq \"b\"]"}])),
        [MemberOp::Remove(ids(&["a", "b"]))]
    );
}

#[test]
fn what_a_member_is_cannot_be_changed() {
    for operation in [
        json!({"op": "replace", "path": "members[value eq \"a\"].value", "value": "b"}),
        json!({"op": "replace", "path": "members[value eq \"a\"].type", "value": "Group"}),
        json!({"op": "replace", "path": "members[value eq \"a\"]", "value": {"value": "b"}}),
    ] {
        assert_eq!(keyword(plan(&group(), json!([operation]), &Leniency::lenient())), "mutability");
    }
    assert_eq!(member_ops(json!([{"op": "replace", "path": "members[value eq \"a\"].display", "value": "x"}])), []);
    assert_eq!(
        keyword(plan(&group(), json!([{"op": "add", "path": "members", "value": [{}]}]), &Leniency::lenient())),
        "invalidValue"
    );
}

/// §3.5.2.2, third example.
#[test]
fn remove_with_a_filter_removes_those_elements() {
    let before = json!({"emails": [{"type": "work", "value": "a@example.com"}, {"type": "work", "value": "b@x.org"},
        {"type": "home", "value": "c@example.com"}]});
    let operations = json!([{"op": "remove", "path": "emails[type eq \"work\" and value ew \"example.com\"]"}]);
    assert_eq!(
        patched(before, operations)["emails"],
        json!([{"type": "work", "value": "b@x.org"}, {"type": "home", "value": "c@example.com"}])
    );
    assert!(patched(json!({}), json!([{"op": "remove", "path": "emails[type eq \"work\"]"}])).get("emails").is_none());
}

/// §3.5.2.3, second and third example.
#[test]
fn replace_with_a_filter_replaces_the_element_or_its_part() {
    let before = json!({"addresses": [{"type": "work", "streetAddress": "old", "country": "FR"},
        {"type": "home", "streetAddress": "stays"}]});
    let new = json!({"type": "work", "streetAddress": "911 Universal City Plaza", "primary": true});
    let after =
        patched(before.clone(), json!([{"op": "replace", "path": "addresses[type eq \"work\"]", "value": new}]));
    assert_eq!(after["addresses"], json!([new, {"type": "home", "streetAddress": "stays"}]));
    let after = patched(
        before.clone(),
        json!([{"op": "replace", "path": "addresses[type eq \"work\"].streetAddress", "value": "1010 Broadway Ave"}]),
    );
    assert_eq!(after["addresses"][0], json!({"type": "work", "streetAddress": "1010 Broadway Ave", "country": "FR"}));
    assert_eq!(kind(before, json!([{"op": "replace", "path": "addresses[type eq \"x\"]", "value": new}])), "noTarget");
}

/// §3.5.2.3, fourth example.
#[test]
fn replace_without_path_replaces_lists_and_merges_complex_attributes() {
    let after = patched(
        json!({"nickName": "B", "emails": [{"value": "old"}], "name": {"givenName": "A", "familyName": "B"}}),
        json!([{"op": "replace", "value": {"emails": [{"value": "bjensen@example.com", "type": "work", "primary": true},
            {"value": "babs@jensen.org", "type": "home"}], "nickName": "Babs", "name": {"givenName": "C"}}}]),
    );
    assert_eq!(after["emails"].as_array().unwrap().len(), 2);
    assert_eq!(after["nickName"], "Babs");
    assert_eq!(after["name"], json!({"givenName": "C", "familyName": "B"}));
}

#[test]
fn a_new_primary_takes_the_mark_from_the_old_one() {
    let before = json!({"emails": [{"value": "a", "type": "work", "primary": true}, {"value": "b", "type": "home"}]});
    let primaries = |operations| {
        let after = patched(before.clone(), operations);
        let list = after["emails"].as_array().unwrap().clone();
        let primary = list.into_iter().filter(|email| email["primary"] == true).map(|email| email["value"].clone());
        primary.collect::<Vec<_>>()
    };
    assert_eq!(primaries(json!([{"op": "add", "path": "emails", "value": [{"value": "c", "primary": true}]}])), ["c"]);
    assert_eq!(primaries(json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}])), ["b"]);
    assert_eq!(
        primaries(json!([{"op": "replace", "path": "emails", "value": [{"value": "x", "primary": true},
            {"value": "y", "primary": true}]}])),
        ["x"]
    );
}

#[test]
fn nothing_is_applied_if_one_operation_fails() {
    let operations =
        json!([{"op": "replace", "path": "title", "value": "Changed"}, {"op": "remove", "path": "userName"}]);
    assert_eq!(kind(json!({"title": "x"}), operations), "mutability");
}

#[test]
fn what_cannot_be_done_has_the_rfcs_keyword() {
    for (operation, expected) in [
        (json!({"op": "upsert", "path": "title", "value": "x"}), "invalidSyntax"),
        (json!({"path": "title", "value": "x"}), "invalidSyntax"),
        (json!({"op": "add", "path": "title"}), "invalidSyntax"),
        (json!({"op": "add", "path": 1, "value": "x"}), "invalidSyntax"),
        (json!(1), "invalidSyntax"),
        (json!({"op": "replace", "path": "emails[type eq", "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": "userName.first", "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": "name.first", "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": "emails[type eq \"work\"].first", "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": "name[givenName eq \"x\"]", "value": {}}), "invalidPath"),
        (json!({"op": "replace", "path": "emails[badge eq \"x\"]", "value": {}}), "invalidFilter"),
        (json!({"op": "remove"}), "noTarget"),
        (json!({"op": "remove", "value": {"title": "x"}}), "noTarget"),
        (json!({"op": "add", "value": "x"}), "invalidValue"),
        (json!({"op": "replace", "path": "active", "value": "maybe"}), "invalidValue"),
        (json!({"op": "replace", "path": "title", "value": 1}), "invalidValue"),
        (json!({"op": "replace", "path": "title", "value": ["x"]}), "invalidValue"),
        (json!({"op": "replace", "path": "name", "value": "x"}), "invalidValue"),
        (json!({"op": "replace", "path": "userName", "value": ""}), "invalidValue"),
        (json!({"op": "replace", "value": {"userName": null}}), "invalidValue"),
        (json!({"op": "remove", "path": "userName"}), "mutability"),
        (json!({"op": "replace", "path": "id", "value": ID}), "mutability"),
        (json!({"op": "replace", "path": "meta.created", "value": "2011-05-13T04:42:34Z"}), "mutability"),
        (json!({"op": "add", "path": "groups", "value": [{"value": "g"}]}), "mutability"),
        (json!({"op": "replace", "path": format!("{ENTERPRISE}:manager.displayName"), "value": "x"}), "mutability"),
        (json!({"op": "replace", "value": {"id": "another"}}), "mutability"),
        (json!({"op": "replace", "path": ENTERPRISE, "value": "x"}), "invalidValue"),
    ] {
        assert_eq!(kind(json!({}), json!([operation])), expected, "{operation}");
    }
}

#[test]
fn another_message_is_invalid_syntax_and_too_many_operations_are_413() {
    let parse = |body: Value| PatchPlan::parse(body, &user(), &Limits::default(), &Leniency::lenient());
    let urn = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
    assert_eq!(keyword(parse(json!({"schemas": [urn], "Operations": []}))), "invalidSyntax");
    assert_eq!(keyword(parse(json!({}))), "invalidSyntax");
    assert_eq!(keyword(parse(json!([]))), "invalidSyntax");
    let operations = vec![json!({"op": "remove", "path": "title"}); 1001];
    assert_eq!(parse(json!({"Operations": operations})).unwrap_err().status, 413);
}

#[test]
fn an_emptied_value_unsets() {
    let before = json!({"title": "x", "name": {"givenName": "A", "familyName": "B"}, "emails": [{"value": "e"}],
        ENTERPRISE: {"department": "D", "manager": {"value": "m", "$ref": "../Users/m"}}});
    let after = patched(
        before.clone(),
        json!([{"op": "replace", "path": "title", "value": ""}, {"op": "replace", "path": "name.givenName", "value": null},
            {"op": "replace", "path": "emails", "value": []},
            {"op": "replace", "path": format!("{ENTERPRISE}:manager.value"), "value": ""}]),
    );
    assert_eq!(after, json!({"userName": "u", "name": {"familyName": "B"}, ENTERPRISE: {"department": "D"}}));
    for empty in [json!(""), json!(null), json!([]), json!({"value": ""}), json!({"value": null, "$ref": "x"})] {
        let operations = json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": empty},
            {"op": "remove", "path": format!("{ENTERPRISE}:department")}]);
        assert!(patched(before.clone(), operations).get(ENTERPRISE).is_none(), "{empty}");
    }
}

#[test]
fn another_manager_does_not_keep_the_old_ones_address() {
    let before = json!({ENTERPRISE: {"manager": {"value": "m", "$ref": "../Users/m"}}});
    let operations = json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": {"value": "n"}}]);
    assert_eq!(patched(before, operations)[ENTERPRISE]["manager"], json!({"value": "n"}));
}

#[test]
fn a_whole_extension_is_merged_and_removed() {
    let before = json!({ENTERPRISE: {"department": "D", "division": "E"}});
    for operation in [
        json!({"op": "replace", "path": ENTERPRISE, "value": {"department": "F"}}),
        json!({"op": "add", "value": {ENTERPRISE: {"department": "F"}}}),
    ] {
        let after = patched(before.clone(), json!([operation]));
        assert_eq!(after[ENTERPRISE], json!({"department": "F", "division": "E"}));
    }
    assert!(patched(before, json!([{"op": "remove", "path": ENTERPRISE}])).get(ENTERPRISE).is_none());
}

#[test]
fn a_sub_attribute_of_a_list_without_filter_is_of_every_element() {
    let before = json!({"emails": [{"value": "a", "type": "home"}, {"value": "b"}]});
    let after = patched(before.clone(), json!([{"op": "replace", "path": "emails.type", "value": "work"}]));
    assert_eq!(after["emails"], json!([{"value": "a", "type": "work"}, {"value": "b", "type": "work"}]));
    let after = patched(before, json!([{"op": "remove", "path": "emails.value"}]));
    assert!(after.get("emails").is_none(), "labels alone say nothing");
}

#[test]
fn removing_the_value_of_one_element_leaves_the_others() {
    let before = json!({"phoneNumbers": [{"type": "fax", "value": "1"}, {"type": "work", "value": "2"}]});
    let after = patched(before, json!([{"op": "remove", "path": "phoneNumbers[type eq \"fax\"].value"}]));
    assert_eq!(after["phoneNumbers"], json!([{"type": "work", "value": "2"}]));
}

#[test]
fn a_plan_can_be_applied_again() {
    let plan =
        plan(&user(), json!([{"op": "add", "path": "nickName", "value": "Babs"}]), &Leniency::lenient()).unwrap();
    let before = posted(json!({}));
    let once = plan.apply(ID, &before).unwrap();
    assert_eq!(plan.apply(ID, &once), Ok(once.clone()));
    assert_eq!(attributes(&once)["nickName"], "Babs");
    assert_eq!(attributes(&before).get("nickName"), None);
}
