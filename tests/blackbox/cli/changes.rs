//! What the command line changes, a running server sees.

use std::time::Duration;

use rollcall_testkit::within;

use crate::{
    directory::{Answer, Directory, send},
    server::Server,
    shape::Shape,
};

/// Two seconds are promised on SQLite and thirty on PostgreSQL; the rest is for a busy machine.
fn promise() -> Duration {
    Duration::from_secs(if Shape::tested().has_postgres() { 30 } else { 2 } + 3)
}

/// The first answer with this status.
pub(super) async fn becomes(directory: &Directory, status: u16) -> Answer {
    let answer = async || Some(directory.get("/Users").await).filter(|answer| answer.status == status);
    within(promise(), &format!("the answer is {status}"), answer).await
}

#[tokio::test]
async fn a_token_that_is_revoked_is_refused_soon() {
    let server = Server::start();
    let directory = server.directory();
    assert_eq!(directory.get("/Users").await.status, 200);
    let choice = ["--tenant", "acme", "--directory", &directory.id, "--token-id", &directory.token_id];
    server.place().json(&[&["token", "revoke"], choice.as_slice()].concat());
    becomes(&directory, 401).await;
}

#[tokio::test]
async fn a_directory_that_was_asked_for_before_it_was_made_is_there_soon() {
    let server = Server::start();
    let directory = server.directory();
    let url = format!("http://{}/scim/acme/Later/v2/Users", server.place().address);
    let bearer = format!("Bearer {}", directory.token);
    assert_eq!(send("GET", &url, &[("authorization", &bearer)], None).await.unwrap().status, 401);
    let keys = ["--client", "okta", "--directory-id", "Later", "--directory-name", "later.example"];
    server.place().json(&[&["directory", "create", "--tenant", "acme"], keys.as_slice()].concat());
    let issued = server.place().json(&["token", "issue", "--tenant", "acme", "--directory", "Later"]);
    becomes(&Directory::new("acme", "Later", "later.example", &issued), 200).await;
}

#[tokio::test]
async fn several_tokens_of_a_directory_live_side_by_side() {
    let server = Server::start();
    let first = server.directory();
    let issued = server.place().json(&["token", "issue", "--tenant", "acme", "--directory", &first.id]);
    let second = Directory::new("acme", &first.id, &first.name, &issued);
    becomes(&second, 200).await;
    assert_eq!(first.get("/Users").await.status, 200);
    let choice = ["--tenant", "acme", "--directory", &first.id, "--token-id", &first.token_id];
    server.place().json(&[&["token", "revoke"], choice.as_slice()].concat());
    becomes(&first, 401).await;
    assert_eq!(second.get("/Users").await.status, 200);
}
