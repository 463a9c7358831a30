//! `attributes` and `excludedAttributes`.

use rollcall_scim::{Projection, quirks::Leniency};
use serde_json::{Value, json};

use crate::support::{ENTERPRISE, group, posted, represented, user};

fn shown(attributes: Option<&str>, excluded: Option<&str>) -> Value {
    let document = posted(json!({
        "externalId": "e", "title": "t", "name": {"givenName": "A", "familyName": "B"},
        "emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "home"}],
        ENTERPRISE: {"department": "D", "manager": {"value": "m"}},
        "urn:example:extension:hr:1.0:User": {"badge": "7"}
    }));
    let mut resource = represented(&user(), &document, json!({"groups": [{"value": "g"}]}));
    Projection::parse(&user(), attributes, excluded, &Leniency::lenient()).unwrap().apply(&mut resource);
    Value::Object(resource)
}

fn names(shown: &Value) -> Vec<&str> {
    shown.as_object().unwrap().keys().map(String::as_str).filter(|name| *name != "schemas").collect()
}

#[test]
fn id_and_schemas_are_always_there() {
    assert_eq!(names(&shown(Some("title"), None)), ["id", "title"]);
    assert_eq!(names(&shown(Some("nonsense"), None)), ["id"]);
    assert!(shown(None, Some("id,schemas,title")).get("id").is_some());
    assert!(shown(Some("password"), None).get("schemas").is_some());
}

#[test]
fn excluded_attributes_are_left_out() {
    let rest = shown(None, Some("emails, NAME ,meta,groups"));
    assert_eq!(
        names(&rest),
        ["id", "externalId", "userName", "title", ENTERPRISE, "urn:example:extension:hr:1.0:User"]
    );
}

#[test]
fn sub_attributes_are_shown_and_left_out_alone() {
    assert_eq!(shown(Some("userName,emails.value"), None)["emails"], json!([{"value": "a"}, {"value": "b"}]));
    assert_eq!(shown(Some("NAME.GIVENNAME"), None)["name"], json!({"givenName": "A"}));
    assert_eq!(shown(None, Some("emails.type"))["emails"], json!([{"value": "a"}, {"value": "b"}]));
    assert_eq!(shown(None, Some("name.givenName,name.familyName")).get("name"), None);
    assert_eq!(shown(Some("emails"), Some("emails.type"))["emails"], json!([{"value": "a"}, {"value": "b"}]));
}

#[test]
fn extensions_are_named_by_urn_whole_or_in_part() {
    assert_eq!(shown(Some(ENTERPRISE), None)[ENTERPRISE], json!({"department": "D", "manager": {"value": "m"}}));
    assert_eq!(shown(Some(&format!("{ENTERPRISE}:department")), None)[ENTERPRISE], json!({"department": "D"}));
    assert_eq!(shown(Some("department"), None)[ENTERPRISE], json!({"department": "D"}));
    assert_eq!(shown(Some("manager.value"), None)[ENTERPRISE], json!({"manager": {"value": "m"}}));
    assert_eq!(shown(None, Some(ENTERPRISE)).get(ENTERPRISE), None);
    assert_eq!(shown(None, Some(&format!("{ENTERPRISE}:manager")))[ENTERPRISE], json!({"department": "D"}));
    let foreign = "urn:example:extension:hr:1.0:User";
    assert_eq!(shown(Some(&format!("{foreign}:badge")), None)[foreign], json!({"badge": "7"}));
    assert_eq!(shown(None, Some(foreign)).get(foreign), None);
    assert_eq!(names(&shown(Some("urn:ietf:params:scim:schemas:core:2.0:User:title"), None)), ["id", "title"]);
}

#[test]
fn only_what_is_shown_is_wanted() {
    let wants = |attributes: Option<&str>, excluded: Option<&str>| {
        Projection::parse(&group(), attributes, excluded, &Leniency::lenient()).unwrap().wants(&group(), "members")
    };
    assert!(wants(None, None) && wants(Some("members"), None) && wants(Some("Members.value"), None));
    assert!(!wants(Some("displayName"), None) && !wants(None, Some("MEMBERS")) && wants(None, Some("members.display")));
    assert!(wants(Some(""), None), "an empty parameter says nothing");
    assert!(!Projection::all(&user()).wants(&user(), "members"), "users have no members");
    assert!(Projection::all(&user()).wants(&user(), "groups"));
}

#[test]
fn a_filter_in_a_name_is_passed_over_unless_strict() {
    assert_eq!(names(&shown(Some("emails[type eq \"a,b\"],title"), None)), ["id", "title", "emails"]);
    let strict = Projection::parse(&user(), Some("emails[type eq \"work\"]"), None, &Leniency::strict());
    assert_eq!(strict.unwrap_err().status, 400);
}
