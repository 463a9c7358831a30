//! RFC 7644: the filters of §3.4.2.2 and the messages.

use rollcall_scim::{
    Limits, ScimError,
    filter::{Condition, Filter},
    messages::{BulkMethod, BulkRequest, BulkResponse, BulkResult, bulk_references, replace_references},
    quirks::Leniency,
};
use serde_json::json;

use crate::support::{ENTERPRISE, group, keyword, matches, user};

fn resolved(filter: &str, leniency: &Leniency) -> Result<Condition, ScimError> {
    Filter::parse(filter, &Limits::default())?.resolve(&user(), leniency)
}

#[test]
fn the_example_filters_hold_where_they_should() {
    let babs = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bjensen", "userType": "Employee",
        "title": "Tour Guide", "name": {"familyName": "O'Malley"},
        "emails": [{"type": "work", "value": "bjensen@example.com"}, {"type": "home", "value": "babs@jensen.org"}],
        "ims": [{"type": "xmpp", "value": "babs@foo.com"}],
        "meta": {"lastModified": "2012-05-13T04:42:34Z", "resourceType": "User"}
    });
    let john = json!({
        "userName": "John", "userType": "Intern", "name": {"familyName": "Smith"},
        "emails": [{"type": "home", "value": "john@example.org"}], "meta": {"lastModified": "2010-05-13T04:42:34Z"}
    });
    for (filter, on_babs, on_john) in [
        ("userName eq \"bjensen\"", true, false),
        ("name.familyName co \"O'Malley\"", true, false),
        ("userName sw \"J\"", false, true),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"J\"", false, true),
        ("title pr", true, false),
        ("meta.lastModified gt \"2011-05-13T04:42:34Z\"", true, false),
        ("meta.lastModified ge \"2011-05-13T04:42:34Z\"", true, false),
        ("meta.lastModified lt \"2011-05-13T04:42:34Z\"", false, true),
        ("meta.lastModified le \"2011-05-13T04:42:34Z\"", false, true),
        ("title pr and userType eq \"Employee\"", true, false),
        ("title pr or userType eq \"Intern\"", true, true),
        ("schemas eq \"urn:ietf:params:scim:schemas:core:2.0:User\"", true, false),
        ("userType eq \"Employee\" and (emails co \"example.com\" or emails.value co \"example.org\")", true, false),
        (
            "userType ne \"Employee\" and not (emails co \"example.com\" or emails.value co \"example.org\")",
            false,
            false,
        ),
        ("userType eq \"Employee\" and (emails.type eq \"work\")", true, false),
        ("userType eq \"Employee\" and emails[type eq \"work\" and value co \"@example.com\"]", true, false),
        (
            "emails[type eq \"work\" and value co \"@example.com\"] or ims[type eq \"xmpp\" and value co \"@foo.com\"]",
            true,
            false,
        ),
    ] {
        assert_eq!((matches(&user(), filter, &babs), matches(&user(), filter, &john)), (on_babs, on_john), "{filter}");
    }
}

#[test]
fn members_manager_and_emails_mean_their_value() {
    assert!(matches(&group(), "id eq \"g\" and members eq \"u\"", &json!({"id": "g", "members": [{"value": "u"}]})));
    let report = json!({"id": "u", ENTERPRISE: {"manager": {"value": "m"}}});
    assert!(matches(&user(), "id eq \"u\" and manager eq \"m\"", &report));
    assert!(matches(&user(), &format!("{ENTERPRISE}:manager eq \"m\""), &report));
    assert!(matches(&user(), &format!("{}.MANAGER.Value eq \"m\"", ENTERPRISE.to_uppercase()), &report));
}

#[test]
fn what_is_not_understood_names_the_attribute_and_the_fix() {
    for (filter, named) in [
        ("badge eq \"x\"", "badge"),
        ("emails.badge eq \"x\"", "badge"),
        ("emails[badge eq \"x\"]", "badge"),
        ("userName.first eq \"x\"", "first"),
        ("userName eq 1", "userName"),
        ("active eq \"maybe\"", "active"),
        ("active gt true", "active"),
        ("active co \"t\"", "active"),
        ("x509Certificates.value gt \"QQ==\"", "x509Certificates.value"),
        ("meta.created eq \"yesterday\"", "meta.created"),
        ("meta.created sw \"2011\"", "meta.created"),
        ("name eq \"x\"", "familyName"),
        ("title gt null", "title"),
        ("password eq \"x\"", "password"),
        ("urn:ietf:params:scim:schemas:core:2.0:User:password pr", "password"),
        ("userName[value eq \"x\"]", "userName"),
        ("urn:example:extension:x:y eq \"1\"", "urn:example:extension:x:y"),
        ("meta.created eq \"9999-12-31T23:59:59-23:00\"", "meta.created"),
    ] {
        let error = resolved(filter, &Leniency::lenient()).unwrap_err();
        assert_eq!((error.status, error.scim_type.unwrap().as_str()), (400, "invalidFilter"), "{filter}");
        assert!(error.detail.contains(named), "{filter}: {error}");
    }
}

#[test]
fn leniencies_of_filters_are_errors_for_strict_directories() {
    for filter in ["active eq \"True\"", "manager eq \"m\"", "emails[type eq \"work\"].value eq \"x\""] {
        assert!(resolved(filter, &Leniency::lenient()).is_ok(), "{filter}");
        assert_eq!(keyword(resolved(filter, &Leniency::strict())), "invalidFilter", "{filter}");
    }
}

/// §3.7.2, with the references in either direction.
fn bulk() -> serde_json::Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "failOnErrors": 1,
        "Operations": [
            {"method": "POST", "path": "/Users", "bulkId": "qwerty", "data": {"userName": "Alice"}},
            {"method": "POST", "path": "/Groups", "bulkId": "ytrewq",
                "data": {"displayName": "Tour Guides", "members": [{"type": "User", "value": "bulkId:qwerty"}]}},
            {"method": "patch", "path": "/Groups/bulkId:ytrewq", "version": "W/\"1\"",
                "data": {"Operations": [{"op": "remove", "path": "members[value eq \"bulkId:qwerty\"]"},
                    {"op": "add", "path": "members", "value": {"value": "x", "$ref": "../Users/bulkId:qwerty"}}]}},
            {"method": "DELETE", "path": "/Users/bulkId:qwerty"}
        ]
    })
}

#[test]
fn bulk_references_are_found_and_replaced_everywhere() {
    let mut request = BulkRequest::parse(bulk(), &Limits::default()).unwrap();
    assert_eq!(request.fail_on_errors, Some(1));
    let references = |at: usize| bulk_references(&request.operations[at]).into_iter().collect::<Vec<_>>();
    assert_eq!(references(0), Vec::<String>::new());
    assert_eq!(references(1), ["qwerty"]);
    assert_eq!(references(2), ["qwerty", "ytrewq"]);
    for operation in &mut request.operations {
        replace_references(operation, |name| (name == "qwerty").then(|| "id-1".to_owned()));
    }
    let [_, create, patch, delete] = request.operations.as_slice() else { panic!("four operations") };
    assert_eq!(create.data.as_ref().unwrap()["members"][0]["value"], "id-1");
    assert_eq!(patch.method, BulkMethod::Patch);
    assert_eq!(patch.target(), Some(("Groups", Some("bulkId:ytrewq"))), "an unknown reference stays");
    let operations = &patch.data.as_ref().unwrap()["Operations"];
    assert_eq!(operations[0]["path"], "members[value eq \"id-1\"]");
    assert_eq!(operations[1]["value"]["$ref"], "../Users/id-1");
    assert_eq!(delete.path, "/Users/id-1");
}

#[test]
fn a_malformed_bulk_request_is_refused_and_an_oversized_one_is_413() {
    for operations in [
        json!(null),
        json!([1]),
        json!([{"method": "GET", "path": "/Users"}]),
        json!([{"method": "POST", "path": "/Users"}]),
        json!([{"method": "DELETE"}]),
        json!([{"method": "POST", "path": "/Users", "bulkId": "a"}, {"method": "POST", "path": "/Users", "bulkId": "a"}]),
    ] {
        let body = json!({"Operations": operations});
        assert_eq!(keyword(BulkRequest::parse(body.clone(), &Limits::default())), "invalidSyntax", "{body}");
    }
    let small = Limits { bulk_operations: 3, ..Limits::default() };
    assert_eq!(BulkRequest::parse(bulk(), &small).unwrap_err().status, 413);
}

#[test]
fn a_bulk_answer_has_its_status_as_text_and_nothing_empty() {
    let result = BulkResult {
        method: BulkMethod::Post,
        bulk_id: Some("qwerty".into()),
        version: None,
        location: None,
        status: 409,
        response: Some(ScimError::taken("User", "userName").to_json()),
    };
    let shown = BulkResponse { results: vec![result] }.to_json();
    let operation = &shown["Operations"][0];
    assert_eq!((&operation["status"], operation.get("location")), (&json!("409"), None));
    assert_eq!(operation["response"]["scimType"], "uniqueness");
}

#[test]
fn a_bulk_path_is_an_endpoint_and_perhaps_an_id() {
    let target = |path: &str| {
        let operation = json!({"Operations": [{"method": "DELETE", "path": path}]});
        let request = BulkRequest::parse(operation, &Limits::default()).unwrap();
        request.operations[0].target().map(|(endpoint, id)| (endpoint.to_owned(), id.map(str::to_owned)))
    };
    assert_eq!(target("/Users"), Some(("Users".into(), None)));
    assert_eq!(target("/Users/1"), Some(("Users".into(), Some("1".into()))));
    for path in ["Users", "/", "/Users/", "/Users/1/2", "/Users?x", "https://x/Users"] {
        assert_eq!(target(path), None, "{path}");
    }
}
