//! An installation of several services: what each may have, and what happens when one of them is not there.

use serde_json::json;

use crate::{
    directory::{Directory, USER, send},
    server::{Place, eventually, free_address, health, refusal},
    services::{Running, service, url},
};

#[tokio::test]
async fn each_service_works_with_exactly_its_own_secrets() {
    let place = Place::split();
    // What a service is started with stands in `Place::bare`, `service` and `gateway`: a clean environment, and a data
    // folder for the token service alone.
    let (tokens, directory) = (service(&place, "tokens"), service(&place, "directory"));
    let _worker = service(&place, "worker").wait_until_ready();
    let _gateway = Running::start(place.gateway(&url(&tokens), &url(&directory)), place.address).wait_until_ready();
    let client = place.directory_of("acme", "other");
    let user = client.user("anna@split.example").await;
    let body = client.get(&format!("/Users/{user}")).await.ok(200);
    assert_eq!(body["meta"]["location"], client.url(&format!("/Users/{user}")));
    client.find("/Users", "userName eq \"anna@split.example\"").await.ok(200);
    assert!(!place.file("no-such-folder").exists(), "only the token service has a data folder");

    let mut with_database = place.gateway(&url(&tokens), &url(&directory));
    with_database.env("ROLLCALL_DATABASE__URL", place.database_url().unwrap());
    with_database.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    assert!(refusal(&with_database.output().unwrap()).contains("database.url"));
    let mut worker = place.service("worker", free_address());
    worker.env_remove("ROLLCALL_DATABASE__URL");
    worker.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    assert!(refusal(&worker.output().unwrap()).contains("database.url"));
    for role in ["tokens", "directory"] {
        let mut command = place.service(role, free_address());
        command.env_remove("ROLLCALL_INTERNAL__SECRET");
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        assert!(refusal(&command.output().unwrap()).contains("internal.secret"), "{role}");
        let mut command = place.service(role, free_address());
        command.env("ROLLCALL_INTERNAL__SECRET", "too short");
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        assert!(refusal(&command.output().unwrap()).contains("32 bytes"), "{role}");
        let mut command = place.service(role, free_address());
        command.env_remove("ROLLCALL_DATABASE__URL");
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        assert!(refusal(&command.output().unwrap()).contains("database.url"), "{role}");
    }
}

#[tokio::test]
async fn nothing_is_served_inside_without_a_grant_or_a_signature() {
    let place = Place::split();
    let tokens = service(&place, "tokens").wait_until_ready();
    let directory = service(&place, "directory").wait_until_ready();
    let gateway = Running::start(place.gateway(&url(&tokens), &url(&directory)), place.address).wait_until_ready();
    let client = place.directory_of("acme", "other");
    client.user("anna").await;
    let bearer = format!("Bearer {}", client.token);
    for grant in [None, Some("x"), Some("e30.AAAA")] {
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(grant.map(|grant| ("x-rollcall-grant", grant)));
        for path in ["/scim/v2/Users", "/scim/v2", "/scim/v2/ServiceProviderConfig"] {
            let answer = send("GET", &format!("{}{path}", url(&directory)), &headers, None).await.unwrap();
            answer.error(401, None);
        }
        // The gateway drops what is not its own, and goes by the token.
        assert_eq!(send("GET", &client.url("/Users"), &headers, None).await.unwrap().status, 200);
    }
    let (_, path) = client.base_url.split_once("/scim/").unwrap();
    let mounted = send("GET", &format!("{}/scim/{path}/Users", url(&directory)), &[], None).await.unwrap();
    assert_eq!(mounted.status, 404, "the directory service has no public URLs");
    for path in ["verify", "directory", "resolve"] {
        let target = format!("{}/internal/tokens/{path}", url(&tokens));
        for headers in [&[][..], &[("x-rollcall-signature", "x"), ("x-rollcall-token", client.token.as_str())]] {
            let answer = send("POST", &target, headers, Some(b"{}".to_vec())).await.unwrap();
            assert_eq!((answer.status, answer.text.as_str()), (401, ""), "{path}");
        }
        let at_the_edge = send("POST", &format!("{}/internal/tokens/{path}", url(&gateway)), &[], None).await.unwrap();
        assert_eq!(at_the_edge.status, 404);
    }
}

#[tokio::test]
async fn services_with_another_secret_are_not_believed() {
    let place = Place::split();
    let tokens = service(&place, "tokens").wait_until_ready();
    let address = free_address();
    let mut command = place.service("directory", address);
    command.env("ROLLCALL_INTERNAL__SECRET", "a secret of somebody else, just as long as ours");
    let directory = Running::start(command, address).wait_until_ready();
    let _gateway = Running::start(place.gateway(&url(&tokens), &url(&directory)), place.address).wait_until_ready();
    let client = place.directory_of("acme", "other");
    let answer = client.get("/Users").await;
    answer.error(503, None);
    assert!(place.log().contains("does not accept our grants"));
}

#[tokio::test]
async fn what_is_down_is_told_as_503_and_comes_back_by_itself() {
    let place = Place::split();
    let mut tokens = service(&place, "tokens");
    let mut directory = service(&place, "directory");
    let gateway = Running::start(place.gateway(&url(&tokens), &url(&directory)), place.address).wait_until_ready();
    let client = place.directory_of("acme", "other");
    client.user("anna").await;

    directory.stop();
    let answer = client.get("/Users").await;
    assert!(answer.error(503, None).contains("nothing was changed"));
    assert!(!answer.header("retry-after").is_empty());
    eventually("the gateway is not ready", || (!gateway.is_ready()).then_some(()));
    assert!(health(gateway.address, "/health/live").unwrap().starts_with("HTTP/1.1 200"));
    let directory = Running::start(place.service("directory", directory.address), directory.address);
    eventually("the gateway is ready again", || gateway.is_ready().then_some(()));
    assert_eq!(client.get("/Users").await.ok(200)["totalResults"], 1);

    tokens.stop();
    assert_eq!(client.get("/Users").await.status, 200, "a token that was checked is believed for a while");
    let unknown = Directory { token: Place::embedded().directory_of("acme", "other").token, ..client.clone() };
    let answer = unknown.get("/Users").await;
    answer.error(503, None);
    assert!(!answer.header("retry-after").is_empty());
    let _tokens = Running::start(place.service("tokens", tokens.address), tokens.address);
    eventually("the gateway is ready again", || gateway.is_ready().then_some(()));
    assert_eq!(unknown.get("/Users").await.status, 401);
    drop(directory);
}

#[tokio::test]
async fn a_body_streams_through_and_one_that_is_too_large_is_told_as_such() {
    let place = Place::split();
    let (tokens, directory) = (service(&place, "tokens"), service(&place, "directory"));
    let mut command = place.gateway(&url(&tokens), &url(&directory));
    command.env("ROLLCALL_HTTP__BODY_BYTES", "3000000");
    let _gateway = Running::start(command, place.address).wait_until_ready();
    let client = place.directory_of("acme", "other");
    let operation =
        json!({ "method": "POST", "path": "/Users", "bulkId": "a", "data": { "userName": "x".repeat(1_500_000) } });
    let bulk = json!({ "schemas": [crate::directory::BULK], "Operations": [operation] });
    let told = client.post("/Bulk", bulk).await.error(413, None);
    assert!(told.contains("1048576"), "the directory service says its own limit: {told}");
    let large = json!({ "schemas": [USER], "userName": "large", "title": "x".repeat(3_500_000) });
    let told = client.post("/Users", large).await.error(413, None);
    assert!(told.contains("3000000"), "the gateway says its own: {told}");
    client.post("/Me", json!({ "userName": "x".repeat(2_000_000) })).await.error(501, None);
    client.post("/Users", json!({ "schemas": [USER], "userName": "small" })).await.ok(201);
}
