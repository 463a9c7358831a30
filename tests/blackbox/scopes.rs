//! What a token may do, and from where.

use serde_json::{Value, json};

use crate::{
    directory::{BULK, Directory, GROUP, SEARCH, USER},
    server::Server,
};

/// The same directory with a token that was issued with these options.
fn with_token(directory: &Directory, options: &[&str]) -> Directory {
    let choice = ["token", "issue", "--tenant", &directory.tenant, "--directory", &directory.id];
    let issued = Server::shared().json(&[&choice, options].concat());
    Directory::new(&directory.tenant, &directory.id, &directory.name, &issued)
}

fn user(name: &str) -> Value {
    json!({ "schemas": [USER], "userName": name })
}

#[tokio::test]
async fn a_token_does_what_its_scopes_say_and_nothing_else() {
    let directory = Server::shared().directory_of("acme", "other");
    let (anna, group) = (directory.user("anna").await, directory.group("Staff", &[]).await);
    let (anna, group) = (format!("/Users/{anna}"), format!("/Groups/{group}"));
    let limited = with_token(&directory, &["--scopes", "users:read users:update groups:create"]);
    limited.get(&anna).await.ok(200);
    limited.get("/Users").await.ok(200);
    limited.patch(&anna, json!([{ "op": "replace", "path": "title", "value": "t" }])).await.ok(200);
    limited.put(&anna, user("anna")).await.ok(200);
    limited.post("/Groups", json!({ "schemas": [GROUP], "displayName": "New" })).await.ok(201);
    let search = json!({ "schemas": [SEARCH], "filter": "userName pr" });
    limited.post("/Users/.search", search.clone()).await.ok(200);
    for path in ["/ServiceProviderConfig", "/Schemas", "/ResourceTypes"] {
        limited.get(path).await.ok(200);
    }
    let refused = [
        (limited.post("/Users", user("berta")).await, "users:create"),
        (limited.delete(&anna).await, "users:delete"),
        (limited.get(&group).await, "groups:read"),
        (limited.get("/Groups").await, "groups:read"),
        (limited.post("/Groups/.search", search.clone()).await, "groups:read"),
        (limited.post("/.search", search).await, "groups:read"),
        (
            limited.patch(&group, json!([{ "op": "replace", "path": "displayName", "value": "x" }])).await,
            "groups:update",
        ),
        (limited.delete(&group).await, "groups:delete"),
        (limited.delete("/Users/nobody").await, "users:delete"),
    ];
    for (answer, scope) in refused {
        let detail = answer.error(403, None);
        assert!(detail.contains(&format!("has not the scope {scope}.")), "{detail}");
        let told = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        assert_eq!(answer.header("www-authenticate"), told);
    }
    let answer = limited.look_up(&anna.replace("/Users", "/users")).await;
    assert_eq!((answer.status, answer.header("content-type")), (403, "application/problem+json"), "{}", answer.text);
    assert_eq!(directory.get(&group).await.ok(200)["displayName"], "Staff", "nothing was changed");
}

#[tokio::test]
async fn each_operation_of_a_bulk_request_needs_its_own_scope() {
    let directory = Server::shared().directory_of("acme", "other");
    let limited = with_token(&directory, &["--scopes", "users:create"]);
    let operations = json!([
        { "method": "POST", "path": "/Users", "bulkId": "a", "data": user("bulk-a") },
        { "method": "POST", "path": "/Groups", "bulkId": "b", "data": { "schemas": [GROUP], "displayName": "B" } },
        { "method": "DELETE", "path": "/Users/bulkId:a" },
    ]);
    let answer = limited.post("/Bulk", json!({ "schemas": [BULK], "Operations": operations })).await.ok(200);
    let statuses: Vec<&str> =
        answer["Operations"].as_array().unwrap().iter().map(|done| done["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["201", "403", "403"], "{answer}");
    assert_eq!(directory.find("/Users", "userName eq \"bulk-a\"").await.ok(200)["totalResults"], 1);
}

#[tokio::test]
async fn a_token_for_lookups_alone_sees_no_directory() {
    let directory = Server::shared().directory_of("acme", "other");
    let anna = directory.user("anna").await;
    let consumer = with_token(&directory, &["--scopes", "lookups:read"]);
    consumer.look_up(&format!("/users/{anna}")).await.ok(200);
    consumer.get(&format!("/Users/{anna}")).await.error(403, None);
    consumer.get("/Users").await.error(403, None);
}

#[tokio::test]
async fn a_token_is_good_from_its_networks_and_elsewhere_only_if_that_is_observed() {
    let directory = Server::shared().directory_of("acme", "other");
    with_token(&directory, &["--networks", "127.0.0.0/8,::1"]).get("/Users").await.ok(200);
    with_token(&directory, &["--networks", "203.0.113.0/24", "--observe-networks"]).get("/Users").await.ok(200);
    let elsewhere = with_token(&directory, &["--networks", "203.0.113.0/24"]);
    let forged = elsewhere.try_send("GET", "/Users", &[("x-forwarded-for", "203.0.113.5")], None).await.unwrap();
    for answer in [elsewhere.get("/Users").await, forged] {
        let detail = answer.error(401, None);
        assert!(!detail.contains("address"), "a thief is not told: {detail}");
    }
}

#[tokio::test]
async fn scopes_and_networks_that_there_are_not_are_refused_by_name() {
    let directory = Server::shared().directory_of("acme", "other");
    for (options, told) in [
        (["--scopes", "users:admin"], "there is no scope \"users:admin\""),
        (["--networks", "10.0.0.0/64"], "\"10.0.0.0/64\" is no address range"),
    ] {
        let choice = ["token", "issue", "--tenant", &directory.tenant, "--directory", &directory.id];
        let output = Server::shared().run(&[&choice, &options[..]].concat());
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(told), "{said}");
    }
}
