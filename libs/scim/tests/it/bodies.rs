//! POST and PUT bodies.

use rollcall_scim::{Limits, accept, quirks::Leniency};
use serde_json::{Value, json};

use crate::support::{ENTERPRISE, accepted, group, json as attributes, keyword, posted, user, with_name};

fn kind(body: Value) -> &'static str {
    keyword(accept(&user(), body, &Limits::default(), &Leniency::lenient()))
}

fn put_over(existing: Value, body: Value, leniency: &Leniency) -> Value {
    let draft = accept(&user(), with_name(body), &Limits::default(), leniency).unwrap();
    attributes(&draft.keep_over(&user(), &posted(existing), leniency).unwrap())
}

#[test]
fn a_body_needs_its_required_attributes() {
    assert_eq!(kind(json!({"userame": "x"})), "invalidValue");
    for empty in [json!(null), json!(""), json!([])] {
        assert_eq!(kind(json!({"userName": empty})), "invalidValue");
    }
    assert_eq!(
        keyword(accept(&group(), json!({"members": []}), &Limits::default(), &Leniency::lenient())),
        "invalidValue"
    );
    assert_eq!(kind(json!([])), "invalidSyntax");
}

#[test]
fn a_value_of_another_type_is_refused_with_its_attributes_name() {
    for (body, named) in [
        (json!({"title": 7}), "title"),
        (json!({"title": ["x"]}), "title"),
        (json!({"active": "maybe"}), "active"),
        (json!({"active": 1}), "active"),
        (json!({"name": "x"}), "name"),
        (json!({"name": {"givenName": {}}}), "name.givenName"),
        (json!({"emails": [7]}), "emails"),
        (json!({"emails": [{"value": true}]}), "emails.value"),
        (json!({"x509Certificates": [{"value": "not base64!"}]}), "x509Certificates.value"),
        (json!({ENTERPRISE: "x"}), ENTERPRISE),
        (json!({ENTERPRISE: {"manager": [{"value": "a"}, {"value": "b"}]}}), "manager"),
    ] {
        let error = accept(&user(), with_name(body), &Limits::default(), &Leniency::lenient()).unwrap_err();
        assert_eq!(error.scim_type.unwrap().as_str(), "invalidValue", "{error}");
        assert!(error.detail.contains(named), "{error}");
    }
}

#[test]
fn a_name_twice_in_different_letter_case_is_refused() {
    assert_eq!(kind(json!({"userName": "a", "username": "b"})), "invalidSyntax");
    assert_eq!(kind(with_name(json!({"emails": [{"value": "a", "Value": "b"}]}))), "invalidSyntax");
    let block = json!({"department": "D"});
    assert_eq!(kind(with_name(json!({ENTERPRISE: block, ENTERPRISE.to_lowercase(): block}))), "invalidSyntax");
}

#[test]
fn another_types_schema_is_refused() {
    for urn in ["urn:ietf:params:scim:schemas:core:2.0:Group", "urn:ietf:params:scim:api:messages:2.0:PatchOp"] {
        assert_eq!(kind(json!({"schemas": [urn], "userName": "u"})), "invalidSyntax");
    }
    assert_eq!(kind(json!({"schemas": [1], "userName": "u"})), "invalidSyntax");
}

#[test]
fn identical_values_are_merged_and_of_two_primaries_the_first_stays() {
    let document = posted(json!({"emails": [
        {"value": "a", "type": "work", "primary": true}, {"value": "b", "primary": true},
        {"type": "work", "primary": true, "value": "a"}, {"value": "A", "type": "work"}, {"value": "c", "primary": false}
    ]}));
    assert_eq!(
        attributes(&document)["emails"],
        json!([
            {"value": "a", "type": "work", "primary": true}, {"value": "b", "primary": false},
            {"type": "work", "primary": false, "value": "a"}, {"value": "A", "type": "work"},
            {"value": "c", "primary": false}
        ])
    );
}

#[test]
fn values_are_kept_exactly_as_sent() {
    let sent = json!({"phoneNumbers": [{"value": "tel:+1-555-555-5555", "type": "WORK"}], "title": " Ünïcode \u{1F600} ",
        "photos": [{"value": "not a uri"}], "roles": [{"value": "{\"id\":\"06b0\"}"}]});
    let kept = attributes(&posted(sent.clone()));
    for (name, value) in sent.as_object().unwrap() {
        assert_eq!(&kept[name], value);
    }
}

#[test]
fn a_put_clears_what_it_leaves_out_but_not_active_and_the_link() {
    let existing = json!({"title": "x", "active": false, "externalId": "e", ENTERPRISE: {"department": "D"}});
    let lenient = Leniency::lenient();
    assert_eq!(
        put_over(existing.clone(), json!({}), &lenient),
        json!({"userName": "u", "active": false, "externalId": "e"})
    );
    assert_eq!(put_over(existing.clone(), json!({"active": null}), &lenient)["active"], false);
    assert_eq!(
        put_over(existing.clone(), json!({"active": true, "externalId": "f"}), &lenient),
        json!({"userName": "u", "active": true, "externalId": "f"})
    );
    assert!(put_over(existing.clone(), json!({"externalId": ""}), &lenient).get("externalId").is_none());
    assert!(put_over(existing, json!({}), &Leniency::strict()).get("externalId").is_none());
}

#[test]
fn members_are_none_unless_they_are_named() {
    let members = |body| accepted(&group(), body).members;
    assert_eq!(members(json!({"displayName": "g"})), None);
    assert_eq!(members(json!({"displayName": "g", "members": null})), None);
    assert_eq!(members(json!({"displayName": "g", "members": []})), Some(Vec::new()));
    assert_eq!(
        members(json!({"displayName": "g", "Members": [{"Value": "a"}, {"value": "a"}, "b", null]})),
        Some(vec!["a".to_owned(), "b".to_owned()])
    );
}

#[test]
fn too_many_members_are_413_and_too_many_values_400() {
    let limits = Limits { members: 2, values: 2, ..Limits::default() };
    let body = json!({"displayName": "g", "members": [{"value": "a"}, {"value": "b"}, {"value": "c"}]});
    assert_eq!(accept(&group(), body, &limits, &Leniency::lenient()).unwrap_err().status, 413);
    let body = json!({"userName": "u", "emails": [{"value": "a"}, {"value": "b"}, {"value": "c"}]});
    assert_eq!(keyword(accept(&user(), body, &limits, &Leniency::lenient())), "invalidValue");
}

#[test]
fn errors_never_repeat_a_password() {
    for body in [json!({"password": "hunter2"}), json!({"userName": 1, "password": "hunter2"})] {
        let error = accept(&user(), body, &Limits::default(), &Leniency::lenient()).unwrap_err();
        assert!(!error.detail.contains("hunter2"));
    }
    let draft = accepted(&user(), json!({"userName": "u", "PassWord": "hunter2"}));
    assert!(draft.password_sent && !format!("{draft:?}").contains("hunter2"));
    assert!(!accepted(&user(), json!({"userName": "u", "password": null})).password_sent);
}
