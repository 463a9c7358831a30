//! Versions: ETag, If-Match, If-None-Match.

use serde_json::{Value, json};

use super::directory;
use crate::directory::{Answer, Directory, USER};

async fn conditional(
    directory: &Directory,
    method: &str,
    path: &str,
    header: (&str, &str),
    body: Option<&Value>,
) -> Answer {
    directory.try_send(method, path, &[header], body).await.unwrap()
}

#[tokio::test]
async fn a_reader_who_has_it_already_gets_no_body() {
    let directory = directory();
    let path = format!("/Users/{}", directory.user("anna").await);
    let first = directory.get(&path).await;
    let etag = first.header("etag").to_owned();
    assert!(etag.starts_with("W/\""), "{etag}");
    assert_eq!(first.body["meta"]["version"], etag);
    let again = conditional(&directory, "GET", &path, ("if-none-match", &etag), None).await;
    assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", etag.as_str()));
    let other = conditional(&directory, "GET", &path, ("if-none-match", "W/\"0\""), None).await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn a_writer_with_an_old_version_changes_nothing() {
    let directory = directory();
    let path = format!("/Users/{}", directory.user("anna").await);
    let old = directory.get(&path).await.header("etag").to_owned();
    directory.patch(&path, json!([{ "op": "add", "path": "title", "value": "new" }])).await.ok(200);
    let body = json!({ "schemas": [USER], "userName": "anna" });
    conditional(&directory, "PUT", &path, ("if-match", &old), Some(&body)).await.error(412, None);
    conditional(&directory, "DELETE", &path, ("if-match", &old), None).await.error(412, None);
    let current = directory.get(&path).await;
    assert_eq!(current.body["title"], "new");
    let etag = current.header("etag").to_owned();
    assert_eq!(conditional(&directory, "PUT", &path, ("if-match", &etag), Some(&body)).await.status, 200);
    assert_eq!(conditional(&directory, "DELETE", &path, ("if-match", "*"), None).await.status, 204);
}

#[tokio::test]
async fn a_new_group_changes_what_is_shown_of_a_user_but_not_the_users_version() {
    let directory = directory();
    let user = directory.user("anna").await;
    let path = format!("/Users/{user}");
    let before = directory.get(&path).await.header("etag").to_owned();
    directory.group("team", &[&user]).await;
    let changed = conditional(&directory, "GET", &path, ("if-none-match", &before), None).await;
    assert_eq!(changed.status, 200, "the groups that it shows are new");
    let patch = json!({ "schemas": [crate::directory::PATCH_OP], "Operations": [{ "op": "add", "path": "title", "value": "t" }] });
    let written = conditional(&directory, "PATCH", &path, ("if-match", &before), Some(&patch)).await;
    assert_eq!(written.status, 200, "nobody else wrote: {}", written.text);
}
