//! `/Users`.

use serde_json::json;

use super::directory;
use crate::directory::{ENTERPRISE, USER, id_of};

#[tokio::test]
async fn a_user_is_created_read_replaced_patched_and_deleted() {
    let directory = directory();
    let body = json!({
        "schemas": [USER, ENTERPRISE], "userName": "anna@contoso.example", "externalId": "e1", "active": true,
        "name": { "givenName": "Anna", "familyName": "Berg" }, "title": "Analyst",
        "emails": [{ "value": "anna@contoso.example", "type": "work", "primary": true }],
        ENTERPRISE: { "department": "Sales" },
    });
    let created = directory.post("/Users", body.clone()).await;
    let location = created.header("location").to_owned();
    let user = created.ok(201);
    let path = format!("/Users/{}", id_of(&user));
    assert_eq!(user["meta"]["location"], location);
    assert_eq!(location, directory.url(&path));
    assert_eq!(
        (user["meta"]["resourceType"].as_str(), user["name"]["givenName"].as_str()),
        (Some("User"), Some("Anna"))
    );
    assert_eq!(directory.get(&path).await.ok(200), user);

    let replaced = directory.put(&path, json!({ "schemas": [USER], "userName": "anna@contoso.example" })).await.ok(200);
    assert_eq!(replaced["id"], user["id"]);
    for cleared in ["name", "title", "emails", ENTERPRISE] {
        assert!(replaced.get(cleared).is_none(), "{cleared} is cleared: {replaced}");
    }
    assert_eq!(
        (&replaced["active"], &replaced["externalId"]),
        (&json!(true), &json!("e1")),
        "leavers stay out, links whole"
    );

    let patched = directory.patch(&path, json!([{ "op": "add", "path": "title", "value": "Lead" }])).await.ok(200);
    assert_eq!(patched["title"], "Lead");
    directory.delete(&path).await.ok(204);
    directory.get(&path).await.error(404, None);
    directory.delete(&path).await.error(404, None);
}

#[tokio::test]
async fn a_second_user_with_the_same_name_in_any_case_is_refused_with_the_attribute() {
    let directory = directory();
    let id = directory.user("Anna@Contoso.example").await;
    let second = json!({ "schemas": [USER], "userName": "anna@contoso.EXAMPLE" });
    let detail = directory.post("/Users", second.clone()).await.error(409, Some("uniqueness"));
    assert!(detail.contains("userName"), "{detail}");
    directory.delete(&format!("/Users/{id}")).await.ok(204);
    let again = directory.post("/Users", second).await.ok(201);
    assert_ne!(id_of(&again), id, "the name is free at once, the id is new");
}

#[tokio::test]
async fn a_rename_frees_the_old_name_and_takes_no_other_users() {
    let directory = directory();
    let (anna, _bert) = (directory.user("anna").await, directory.user("bert").await);
    let rename = |to: &str| json!([{ "op": "replace", "path": "userName", "value": to }]);
    directory.patch(&format!("/Users/{anna}"), rename("BERT")).await.error(409, Some("uniqueness"));
    directory.patch(&format!("/Users/{anna}"), rename("anne")).await.ok(200);
    assert_eq!(directory.find("/Users", "userName eq \"anna\"").await.ok(200)["totalResults"], 0);
    directory.user("anna").await;
}

#[tokio::test]
async fn what_entra_sends_for_a_leaver_switches_the_user_off_and_only_an_explicit_true_switches_on() {
    let directory = directory();
    let id = directory.user("leaver").await;
    let path = format!("/Users/{id}");
    let switch = |value: &str| json!([{ "op": "Replace", "path": "active", "value": value }]);
    assert_eq!(directory.patch(&path, switch("False")).await.ok(200)["active"], json!(false));
    let put = directory.put(&path, json!({ "schemas": [USER], "userName": "leaver" })).await.ok(200);
    assert_eq!(put["active"], json!(false), "a PUT that does not say so re-enables nobody");
    assert_eq!(directory.find("/Users", "userName eq \"leaver\"").await.ok(200)["totalResults"], 1, "still listed");
    assert_eq!(directory.patch(&path, switch("True")).await.ok(200)["active"], json!(true));
}

#[tokio::test]
async fn a_patch_is_applied_whole_or_not_at_all() {
    let directory = directory();
    let path = format!("/Users/{}", directory.user("atomic").await);
    let operations = json!([
        { "op": "add", "path": "title", "value": "changed" },
        { "op": "replace", "path": "emails[type eq", "value": "x" },
    ]);
    directory.patch(&path, operations).await.error(400, Some("invalidPath"));
    assert!(directory.get(&path).await.ok(200).get("title").is_none());
}

#[tokio::test]
async fn a_change_that_changes_nothing_makes_no_version() {
    let directory = directory();
    let path = format!("/Users/{}", directory.user("still").await);
    let title = json!([{ "op": "add", "path": "title", "value": "same" }]);
    let first = directory.patch(&path, title.clone()).await.ok(200);
    let second = directory.patch(&path, title).await.ok(200);
    assert_eq!(first["meta"], second["meta"]);
}

#[tokio::test]
async fn a_password_is_taken_and_never_seen_again() {
    let directory = directory();
    let body = json!({ "schemas": [USER], "userName": "secretive", "password": "hunter2-hunter2" });
    let created = directory.post("/Users", body).await;
    assert!(created.status == 201 && !created.text.contains("hunter2") && created.body.get("password").is_none());
    let path = format!("/Users/{}", id_of(&created.body));
    let patched =
        directory.patch(&path, json!([{ "op": "replace", "value": { "password": "hunter2-hunter3" } }])).await;
    assert!(patched.status == 200 && !patched.text.contains("hunter2"));
    assert!(!directory.get(&format!("{path}?attributes=password")).await.text.contains("hunter2"));
    directory.find("/Users", "password eq \"hunter2-hunter2\"").await.error(400, Some("invalidFilter"));
}

#[tokio::test]
async fn only_what_was_asked_for_is_shown() {
    let directory = directory();
    let body =
        json!({ "schemas": [USER], "userName": "shown", "title": "t", "emails": [{ "value": "a@b", "type": "work" }] });
    let path = format!("/Users/{}", id_of(&directory.post("/Users", body).await.ok(201)));
    let some = directory.get(&format!("{path}?attributes=emails.value")).await.ok(200);
    assert_eq!(some["emails"], json!([{ "value": "a@b" }]));
    assert!(some.get("title").is_none() && some.get("id").is_some(), "{some}");
    let less = directory.get(&format!("{path}?excludedAttributes=title,id")).await.ok(200);
    assert!(less.get("title").is_none() && less.get("id").is_some() && less["userName"] == "shown", "{less}");
}

#[tokio::test]
async fn what_is_no_user_is_refused_with_the_reason() {
    let directory = directory();
    for (body, scim_type, word) in [
        (json!({ "schemas": [USER] }), "invalidValue", "userName"),
        (json!({ "schemas": [USER], "userName": "" }), "invalidValue", "userName"),
        (json!({ "schemas": [USER], "userName": 7 }), "invalidValue", "userName"),
        (json!({ "schemas": [USER], "userName": "a\u{0}b" }), "invalidValue", "U+0000"),
        (json!({ "schemas": [USER], "userName": "x", "active": "perhaps" }), "invalidValue", "active"),
        (json!([]), "invalidSyntax", "object"),
    ] {
        let detail = directory.post("/Users", body.clone()).await.error(400, Some(scim_type));
        assert!(detail.to_lowercase().contains(&word.to_lowercase()), "{body}: {detail}");
    }
}

#[tokio::test]
async fn an_id_that_nobody_has_is_not_found_whatever_it_looks_like() {
    let directory = directory();
    for id in ["018f0000-0000-7000-8000-000000000000", "1", "00919288221112222", "%27%3B--", "%00", "a%2Fb"] {
        directory.get(&format!("/Users/{id}")).await.error(404, None);
        directory
            .put(&format!("/Users/{id}"), json!({ "schemas": [USER], "userName": "ghost" }))
            .await
            .error(404, None);
    }
    assert_eq!(directory.find("/Users", "userName eq \"ghost\"").await.ok(200)["totalResults"], 0);
}
