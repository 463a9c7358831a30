//! Whoever has no right learns nothing: every refusal has the same bytes, and what is somebody else's does not exist.

use std::{collections::BTreeSet, time::Duration};

use rollcall_directory::{LOOKUP_ROUTES, ROUTES};
use rollcall_gateway::GUIDE_ROUTES;
use rollcall_testkit::within;
use serde_json::{Value, json};

use crate::{
    directory::{Answer, BULK, Directory, PATCH_OP, USER, id_of, ids, send},
    oauth::Client,
    server::Server,
};

/// Everything of an answer but what differs between any two requests, and `connection`, which depends on whether the
/// request had a body.
fn bytes(answer: &Answer) -> String {
    let headers: BTreeSet<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "connection" | "date" | "x-request-id"))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    format!("{} {headers:?} {}", answer.status, answer.text)
}

/// A token of the right shape and checksum that was never issued: the one of another installation.
fn foreign_token() -> String {
    crate::server::Place::new().directory_of("acme", "other").token
}

/// Every path of the route table, with placeholders filled.
fn paths(user: &str) -> Vec<(String, &'static [&'static str])> {
    let fill = |path: &str, endpoint: &str| {
        path.replace("{endpoint}", endpoint).replace("{id}", user).replace("{name}", "User").replace("{urn}", USER)
    };
    ROUTES
        .iter()
        .flat_map(|route| ["Users", "Groups", "Nothing"].map(|endpoint| (fill(route.path, endpoint), route.methods)))
        .collect()
}

#[tokio::test]
async fn every_lookup_refuses_every_wrong_token_with_the_same_bytes() {
    let place = Server::shared();
    let (ours, theirs) = (place.directory_of("isolation", "other"), place.directory_of("isolation", "other"));
    let user = ours.user("looked-up").await;
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for route in LOOKUP_ROUTES {
        let path = route.path.replace("{id}", &user);
        for token in ["", "Bearer x", &format!("Bearer {}", theirs.token), &format!("Bearer {}", foreign_token())] {
            let answer = send("GET", &ours.lookup_url(&path), &[("authorization", token)], None).await.unwrap();
            assert_eq!(answer.status, 401, "{token}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
            seen.insert(bytes(&answer));
        }
    }
    assert_eq!(seen.len(), 1, "{seen:#?}");
}

#[tokio::test]
async fn every_guide_refuses_every_wrong_token_or_tells_everybody_the_same() {
    let place = Server::shared();
    let directory = place.directory_of("isolation", "okta");
    let (expired, revoked) = (place.directory_of("isolation", "okta"), place.directory_of("isolation", "okta"));
    place.expire(&expired.token_id);
    place.json(&["token", "revoke", "--token-id", &revoked.token_id]);
    let bearer = |token: &str| format!("Bearer {token}");
    let wrong = [
        "".to_owned(),
        "Bearer x".to_owned(),
        bearer(&foreign_token()),
        bearer(&expired.token),
        bearer(&revoked.token),
    ];
    for route in GUIDE_ROUTES {
        let url = format!("http://{}{}", place.address, route.path.replace("{name}", "okta"));
        for method in route.methods.iter().copied() {
            let mut seen: BTreeSet<String> = BTreeSet::new();
            let body = || (method == "POST").then(|| br#"{"directory_id":"a","directory_name":"b"}"#.to_vec());
            for token in &wrong {
                let answer = send(method, &url, &[("authorization", token.as_str())], body()).await.unwrap();
                assert_eq!(answer.status, if route.needs_token { 401 } else { 200 }, "{method} {url} {token}");
                seen.insert(bytes(&answer));
            }
            if !route.needs_token {
                let token = bearer(&directory.token);
                seen.insert(bytes(&send(method, &url, &[("authorization", &token)], body()).await.unwrap()));
            }
            assert_eq!(seen.len(), 1, "{method} {url}: {seen:#?}");
        }
    }
}

#[tokio::test]
async fn every_route_refuses_every_wrong_token_with_the_same_bytes() {
    let server = Server::start();
    let (directory, other) = (server.directory(), server.directory());
    let user = directory.user("anna").await;
    let (expired, revoked) = (server.directory(), server.directory());
    server.place().expire(&expired.token_id);
    let choice = ["--tenant", "acme", "--directory", &revoked.id, "--token-id", &revoked.token_id];
    server.place().json(&[&["token", "revoke"], choice.as_slice()].concat());

    let (client, gone) = (Client::of(server.place(), &other, &[]), Client::of(server.place(), &directory, &[]));
    let (others_access, access_gone) = (client.token().await, gone.token().await);
    server.place().json(&["oauth-client", "revoke", "--client-id", &gone.id]);
    // The server has seen this token just now, and hears of the revocation by another process within a bound.
    let leftover = Directory { token: access_gone.clone(), ..directory.clone() };
    let is_refused = async || leftover.get("/Users").await.status == 401;
    within(Duration::from_secs(40), "a revoked client's token is refused", is_refused).await;

    let mut changed = directory.token.clone();
    let last = if changed.pop() == Some('0') { '1' } else { '0' };
    changed.push(last);
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    let base = |directory: &Directory| directory.base_url.clone();
    let nowhere = directory.base_url.replace(&directory.id, "no-such-directory");
    let root = format!("http://{}/scim/v2", server.place().address);
    let wrong: Vec<(&str, Option<String>, String)> = vec![
        ("none", None, base(&directory)),
        ("another scheme", Some(format!("Basic {}", directory.token)), base(&directory)),
        ("empty", Some("Bearer ".to_owned()), base(&directory)),
        ("malformed", bearer("not-a-token"), base(&directory)),
        ("mistyped", bearer(&changed), base(&directory)),
        ("unknown", bearer(&foreign_token()), base(&directory)),
        ("expired", bearer(&expired.token), base(&expired)),
        ("revoked", bearer(&revoked.token), base(&revoked)),
        ("of another directory", bearer(&other.token), base(&directory)),
        ("a client's, of another directory", bearer(&others_access), base(&directory)),
        ("a revoked client's", bearer(&access_gone), base(&directory)),
        ("of no directory", bearer(&directory.token), nowhere),
        ("none at the root", None, root.clone()),
        ("expired at the root", bearer(&expired.token), root),
    ];
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (path, methods) in paths(&user) {
        for method in methods.iter().copied() {
            for (what, authorization, base) in &wrong {
                let headers: Vec<(&str, &str)> =
                    authorization.iter().map(|value| ("authorization", value.as_str())).collect();
                let body = matches!(method, "POST" | "PUT" | "PATCH").then(|| b"{}".to_vec());
                let answer = send(method, &format!("{base}{path}"), &headers, body).await.unwrap();
                assert_eq!(answer.status, 401, "{what}: {method} {path}: {}", answer.text);
                assert!(answer.header("www-authenticate").starts_with("Bearer"));
                seen.insert(bytes(&answer));
                assert_eq!(seen.len(), 1, "{what}: {method} {path} is answered otherwise: {seen:#?}");
            }
        }
    }
    assert_eq!(
        directory.get(&format!("/Users/{user}")).await.status,
        200,
        "the right token opens what all those did not"
    );
    let log = server.place().log();
    for word in ["expired", "revoked", "another directory"] {
        assert!(log.contains(word), "the log tells them apart: {word}");
    }
}

#[tokio::test]
async fn a_token_in_two_headers_or_with_two_words_opens_nothing() {
    let directory = Server::shared().directory_of("isolation", "other");
    let bearer = format!("Bearer {}", directory.token);
    let url = directory.url("/Users");
    let twice = [("authorization", bearer.as_str()), ("authorization", bearer.as_str())];
    assert_eq!(send("GET", &url, &twice, None).await.unwrap().status, 401);
    let more = format!("{bearer} more");
    assert_eq!(send("GET", &url, &[("authorization", &more)], None).await.unwrap().status, 401);
}

/// `one` and `two` with the ids taken out.
fn alike(one: &Answer, one_id: &str, two: &Answer, two_id: &str) {
    let shown =
        |answer: &Answer, id: &str| bytes(answer).replace(id, "ID").replace(&answer.text.len().to_string(), "LENGTH");
    assert_eq!(shown(one, one_id), shown(two, two_id));
}

#[tokio::test]
async fn an_id_of_another_directory_is_an_id_that_does_not_exist() {
    let place = Server::shared();
    let (ours, theirs) = (place.directory_of("isolation", "other"), place.directory_of("isolation", "okta"));
    let (user, group) = (theirs.user("their-user").await, theirs.group("their-group", &[]).await);
    let unknown = "018f0000-0000-7000-8000-000000000000";
    let our_group = ours.group("our-group", &[]).await;

    for (endpoint, foreign) in [("Users", &user), ("Groups", &group), ("Users", &group), ("Groups", &user)] {
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let body = match method {
                "PUT" => Some(json!({ "userName": "x", "displayName": "x" })),
                "PATCH" => Some(
                    json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "displayName", "value": "x" }] }),
                ),
                _ => None,
            };
            let one = ours.send(method, &format!("/{endpoint}/{foreign}"), body.as_ref()).await;
            let two = ours.send(method, &format!("/{endpoint}/{unknown}"), body.as_ref()).await;
            assert_eq!(one.status, 404, "{method} /{endpoint}");
            alike(&one, foreign, &two, unknown);
        }
    }
    for filter in ["id eq \"ID\"", "members.value eq \"ID\"", "id eq \"ID\" or externalId eq \"ID\""] {
        for endpoint in ["/Groups", ""] {
            let found = ours.find(endpoint, &filter.replace("ID", &user)).await;
            if found.status == 200 {
                assert_eq!(found.body["totalResults"], 0, "{filter}");
            }
            alike(&found, &user, &ours.find(endpoint, &filter.replace("ID", unknown)).await, unknown);
        }
    }
    let add = |id: &str| json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
    let path = format!("/Groups/{our_group}");
    alike(&ours.patch(&path, add(&user)).await, &user, &ours.patch(&path, add(unknown)).await, unknown);
    assert!(ours.members(&our_group).await.is_empty());

    let bulk = |id: &str| {
        let operations = json!([
            { "method": "DELETE", "path": format!("/Users/{id}") },
            { "method": "PATCH", "path": format!("/Groups/{our_group}"), "data": { "schemas": [PATCH_OP], "Operations": add(id) } },
        ]);
        json!({ "schemas": [BULK], "Operations": operations })
    };
    alike(&ours.post("/Bulk", bulk(&user)).await, &user, &ours.post("/Bulk", bulk(unknown)).await, unknown);
    assert_eq!(
        theirs.get(&format!("/Users/{user}")).await.ok(200)["userName"],
        "their-user",
        "nothing happened to theirs"
    );
}

#[tokio::test]
async fn names_of_another_directory_are_free_here_and_lists_show_only_ours() {
    let place = Server::shared();
    let (ours, theirs) = (place.directory_of("isolation", "other"), place.directory_of("isolation", "other"));
    theirs.user("same-name").await;
    let our_user = ours.user("same-name").await;
    assert_eq!(ids(&ours.get("/Users").await.ok(200)), std::slice::from_ref(&our_user));
    assert_eq!(ids(&ours.get("/").await.ok(200)), std::slice::from_ref(&our_user));
    let searched = ours.post("/.search", json!({ "schemas": [crate::directory::SEARCH] })).await.ok(200);
    assert_eq!(ids(&searched), std::slice::from_ref(&our_user));
    let manager = json!({ "schemas": [USER, crate::directory::ENTERPRISE], "userName": "with-manager",
        crate::directory::ENTERPRISE: { "manager": { "value": theirs.user("their-manager").await } } });
    let shown = ours.post("/Users", manager).await.ok(201);
    let Value::Object(manager) = &shown[crate::directory::ENTERPRISE]["manager"] else { panic!("{shown}") };
    assert!(manager.get("displayName").is_none(), "their name does not show: {shown}");
    assert_ne!(id_of(&shown), our_user);
}
