//! RFC 7643 §8: the example resources go in and come out.

use serde_json::{Value, json};

use crate::support::{ENTERPRISE, accepted, group, json, represented, user};

/// §8.2 and §8.3: the full user with the enterprise extension.
fn full_user() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "id": "2819c223-7f76-453a-919d-413861904646",
        "externalId": "701984",
        "userName": "bjensen@example.com",
        "name": {
            "formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara",
            "middleName": "Jane", "honorificPrefix": "Ms.", "honorificSuffix": "III"
        },
        "displayName": "Babs Jensen",
        "nickName": "Babs",
        "profileUrl": "https://login.example.com/bjensen",
        "emails": [
            {"value": "bjensen@example.com", "type": "work", "primary": true},
            {"value": "babs@jensen.org", "type": "home"}
        ],
        "addresses": [
            {
                "streetAddress": "100 Universal City Plaza", "locality": "Hollywood", "region": "CA",
                "postalCode": "91608", "country": "USA",
                "formatted": "100 Universal City Plaza\nHollywood, CA 91608 USA", "type": "work", "primary": true
            },
            {
                "streetAddress": "456 Hollywood Blvd", "locality": "Hollywood", "region": "CA", "postalCode": "91608",
                "country": "USA", "formatted": "456 Hollywood Blvd\nHollywood, CA 91608 USA", "type": "home"
            }
        ],
        "phoneNumbers": [{"value": "555-555-5555", "type": "work"}, {"value": "555-555-4444", "type": "mobile"}],
        "ims": [{"value": "someaimhandle", "type": "aim"}],
        "photos": [
            {"value": "https://photos.example.com/profilephoto/72930000000Ccne/F", "type": "photo"},
            {"value": "https://photos.example.com/profilephoto/72930000000Ccne/T", "type": "thumbnail"}
        ],
        "userType": "Employee",
        "title": "Tour Guide",
        "preferredLanguage": "en-US",
        "locale": "en-US",
        "timezone": "America/Los_Angeles",
        "active": true,
        "password": "t1meMa$heen",
        "groups": [{
            "value": "e9e30dba-f08f-4109-8486-d5c6a331660a",
            "$ref": "../Groups/e9e30dba-f08f-4109-8486-d5c6a331660a", "display": "Tour Guides"
        }],
        "x509Certificates": [{"value": "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjELMAkGA1UEBhMCVVMx"}],
        ENTERPRISE: {
            "employeeNumber": "701984", "costCenter": "4130", "organization": "Universal Studios",
            "division": "Theme Park", "department": "Tour Operations",
            "manager": {
                "value": "26118915-6090-4610-87e4-49d8ca9f808d",
                "$ref": "../Users/26118915-6090-4610-87e4-49d8ca9f808d", "displayName": "John Smith"
            }
        },
        "meta": {
            "resourceType": "User", "created": "2010-01-23T04:56:22Z", "lastModified": "2011-05-13T04:42:34Z",
            "version": "W/\"3694e05e9dff591\"",
            "location": "https://example.com/v2/Users/2819c223-7f76-453a-919d-413861904646"
        }
    })
}

#[test]
fn the_full_user_is_kept_without_what_is_ours_and_without_the_password() {
    let draft = accepted(&user(), full_user());
    let mut kept = full_user();
    for ours in ["schemas", "id", "meta", "groups", "password"] {
        kept.as_object_mut().unwrap().remove(ours);
    }
    kept[ENTERPRISE]["manager"].as_object_mut().unwrap().remove("displayName");
    assert_eq!(json(&draft.document), kept);
    assert!(draft.password_sent);
    assert_eq!(draft.document.user_name(), Some("bjensen@example.com"));
    assert_eq!(draft.document.external_id(), Some("701984"));
    assert_eq!(draft.document.active(), Some(true));
}

#[test]
fn the_representation_begins_with_schemas_and_id_and_ends_with_meta() {
    let document = accepted(&user(), full_user()).document;
    let resource = represented(&user(), &document, json!({"groups": []}));
    let names: Vec<&str> = resource.keys().map(String::as_str).collect();
    assert_eq!(&names[..3], ["schemas", "id", "externalId"]);
    assert_eq!(&names[names.len() - 2..], ["groups", "meta"]);
    assert_eq!(resource["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE]));
    assert_eq!(
        resource["meta"],
        json!({
            "resourceType": "User", "created": "2010-01-23T04:56:22.000000Z",
            "lastModified": "2011-05-13T04:42:34.000000Z", "location": "https://example.com/v2/Users/x",
            "version": "W/\"1\""
        })
    );
}

/// §8.1.
#[test]
fn the_minimal_user_has_one_schema() {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "2819c223", "userName": "bjensen@example.com",
        "meta": {"resourceType": "User"}
    });
    let document = accepted(&user(), body).document;
    assert_eq!(json(&document), json!({"userName": "bjensen@example.com"}));
    let resource = represented(&user(), &document, json!({}));
    assert_eq!(resource["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:User"]));
}

/// §8.4.
#[test]
fn the_groups_members_are_ids_and_not_in_the_document() {
    let draft = accepted(
        &group(),
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "e9e30dba", "displayName": "Tour Guides",
            "members": [
                {"value": "2819c223", "$ref": "https://example.com/v2/Users/2819c223", "display": "Babs Jensen"},
                {"value": "902c246b", "$ref": "https://example.com/v2/Users/902c246b", "display": "Mandy Pepperidge"}
            ]
        }),
    );
    assert_eq!(json(&draft.document), json!({"displayName": "Tour Guides"}));
    assert_eq!(draft.members, Some(vec!["2819c223".to_owned(), "902c246b".to_owned()]));
}
