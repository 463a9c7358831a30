//! Media types, methods, sizes, malformed bodies.

use serde_json::json;

use super::directory;
use crate::directory::{Answer, Directory, USER, send};

async fn raw(directory: &Directory, content_type: Option<&str>, body: &[u8]) -> Answer {
    let bearer = format!("Bearer {}", directory.token);
    let mut headers = vec![("authorization", bearer.as_str())];
    headers.extend(content_type.map(|value| ("content-type", value)));
    send("POST", &directory.url("/Users"), &headers, Some(body.to_vec())).await.unwrap()
}

#[tokio::test]
async fn both_media_types_are_taken_and_given() {
    let directory = directory();
    for (number, content_type) in [
        "application/scim+json",
        "application/json",
        "application/json; charset=UTF-8",
        "Application/SCIM+json;charset=utf-8",
        "application/json; charset=ISO-8859-1",
        "application/json;charset=\"windows-1252\"",
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({ "schemas": [USER], "userName": format!("user{number}") }).to_string();
        assert_eq!(raw(&directory, Some(content_type), body.as_bytes()).await.status, 201, "{content_type}");
    }
    for (accept, given) in [
        ("application/scim+json", "application/scim+json"),
        ("application/json", "application/json"),
        ("*/*", "application/scim+json"),
        ("text/html, application/json;q=0.9", "application/json"),
    ] {
        let answer = directory.try_send("GET", "/Users", &[("accept", accept)], None).await.unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (200, given), "{accept}");
    }
}

#[tokio::test]
async fn another_media_type_is_refused_either_way() {
    let directory = directory();
    let body = json!({ "schemas": [USER], "userName": "x" }).to_string();
    raw(&directory, Some("text/plain"), body.as_bytes()).await.error(415, None);
    raw(&directory, Some("application/x-www-form-urlencoded"), b"userName=x").await.error(415, None);
    raw(&directory, Some("application/json; charset=utf-16"), body.as_bytes()).await.error(415, None);
    let compressed = [("content-encoding", "gzip")];
    let answer = directory.try_send("POST", "/Users", &compressed, Some(&json!({ "userName": "x" }))).await.unwrap();
    answer.error(415, None);
    let answer = directory.try_send("GET", "/Users", &[("accept", "text/html")], None).await.unwrap();
    answer.error(406, None);
}

#[tokio::test]
async fn the_wrong_method_is_told_the_right_ones() {
    let directory = directory();
    for (method, path, allowed) in [
        ("DELETE", "/Users", "POST"),
        ("POST", "/Users/1", "PATCH"),
        ("GET", "/Bulk", "POST"),
        ("PUT", "/Groups", "GET"),
    ] {
        let answer = directory.send(method, path, None).await;
        answer.error(405, None);
        assert!(answer.header("allow").contains(allowed), "{method} {path}: {}", answer.header("allow"));
    }
    let both_wrong =
        directory.try_send("PUT", "/ServiceProviderConfig", &[("content-type", "text/plain")], Some(&json!({}))).await;
    both_wrong.unwrap().error(405, None);
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_without_an_outage() {
    let directory = directory();
    for body in
        [&b"{"[..], b"", b"null", b"\"text\"", b"{\"userName\": tre}", b"\xff\xfe", b"{\"userName\":\"x\"} trailing"]
    {
        raw(&directory, Some("application/scim+json"), body).await.error(400, Some("invalidSyntax"));
    }
    let nested = [b"{\"a\":".repeat(5000), b"1".to_vec(), b"}".repeat(5000)].concat();
    raw(&directory, Some("application/scim+json"), &nested).await.error(400, Some("invalidSyntax"));
    raw(&directory, Some("application/scim+json"), b"{\"userName\":\"\\ud800\"}")
        .await
        .error(400, Some("invalidValue"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_by_its_size() {
    let directory = directory();
    let body = json!({ "schemas": [USER], "userName": "x", "title": "y".repeat(11_000_000) }).to_string();
    raw(&directory, Some("application/scim+json"), body.as_bytes()).await.error(413, None);
}

#[tokio::test]
async fn answers_are_not_to_be_stored_and_carry_a_request_id() {
    let directory = directory();
    let answer = directory.get("/Users").await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.header("x-request-id").is_empty());
    let named = directory.try_send("GET", "/Users", &[("x-request-id", "abc-123")], None).await.unwrap();
    assert_eq!(named.header("x-request-id"), "abc-123");
}
