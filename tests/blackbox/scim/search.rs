//! `/.search`.

use std::collections::BTreeSet;

use serde_json::json;

use super::directory;
use crate::directory::{SEARCH, id_of, ids};

#[tokio::test]
async fn a_search_by_post_gives_what_the_query_gives() {
    let directory = directory();
    let user = directory.user("anna").await;
    directory.user("bert").await;
    let request = json!({ "schemas": [SEARCH], "filter": "userName eq \"anna\"", "attributes": ["userName"], "startIndex": 1, "count": 10 });
    let found = directory.post("/Users/.search", request.clone()).await.ok(200);
    assert_eq!((&found["totalResults"], ids(&found)), (&json!(1), vec![user.clone()]));
    assert!(found["Resources"][0].get("meta").is_none(), "only what was asked for: {found}");
    assert_eq!(ids(&directory.post("/.search", request).await.ok(200)), [user]);
}

#[tokio::test]
async fn a_search_at_the_root_looks_through_every_type() {
    let directory = directory();
    let user = directory.user("same").await;
    let group = directory.group("same", &[]).await;
    let everything =
        directory.post("/.search", json!({ "schemas": [SEARCH], "filter": "meta.created pr" })).await.ok(200);
    let mut expected = [user, group];
    let mut found = ids(&everything);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    let types: Vec<_> =
        everything["Resources"].as_array().unwrap().iter().map(|one| &one["meta"]["resourceType"]).collect();
    assert!(types.contains(&&json!("User")) && types.contains(&&json!("Group")));
}

#[tokio::test]
async fn a_search_that_is_none_is_refused() {
    let directory = directory();
    directory.user("anna").await;
    let wrong = json!({ "schemas": [SEARCH], "filter": "userName is \"anna\"" });
    directory.post("/Users/.search", wrong).await.error(400, Some("invalidFilter"));
    directory.post("/Users/.search", json!([])).await.error(400, Some("invalidSyntax"));
    directory.get("/Users/.search").await.error(405, None);
    let user = directory.find("/Users", "userName eq \"anna\"").await.ok(200);
    assert!(!id_of(&user["Resources"][0]).is_empty());
}

#[tokio::test]
async fn a_search_at_the_root_by_cursor_sees_every_type_once_on_pages_of_any_size() {
    let directory = directory();
    for number in 0..3 {
        directory.user(&format!("user{number}")).await;
        directory.group(&format!("group{number}"), &[]).await;
    }
    for size in [1, 2, 3, 4, 6, 7] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let search = json!({ "schemas": [SEARCH], "cursor": cursor, "count": size });
            let page = directory.post("/.search", search).await.ok(200);
            assert_eq!(page["totalResults"], 6);
            seen.extend(ids(&page));
            let Some(next) = page["nextCursor"].as_str() else { break };
            assert!(!ids(&page).is_empty(), "a page before the last holds something");
            cursor = next.to_owned();
        }
        assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (6, 6), "pages of {size}");
    }
    let by_index = directory.get("?startIndex=3&count=2").await.ok(200);
    assert_eq!(by_index["Resources"][0]["meta"]["resourceType"], "User");
    assert_eq!(by_index["Resources"][1]["meta"]["resourceType"], "Group");
}
