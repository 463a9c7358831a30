//! Lists: pages, cursors, order, filters.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::directory;
use crate::directory::{Directory, ENTERPRISE, LIST, USER, encoded, ids};

async fn filled(count: usize) -> Directory {
    let directory = directory();
    for number in 0..count {
        directory.user(&format!("user{number:02}")).await;
    }
    directory
}

#[tokio::test]
async fn a_crawl_by_start_index_sees_everybody_once_in_a_stable_order() {
    let directory = filled(11).await;
    let mut seen = Vec::new();
    while seen.len() < 11 {
        let page = directory.get(&format!("/Users?startIndex={}&count=4", seen.len() + 1)).await.ok(200);
        assert_eq!(page["totalResults"], 11);
        assert_eq!(page["startIndex"], seen.len() + 1);
        assert_eq!(page["itemsPerPage"], page["Resources"].as_array().unwrap().len());
        assert_eq!(page["schemas"], json!([LIST]));
        seen.extend(ids(&page));
    }
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 11);
    assert_eq!(
        ids(&directory.get("/Users?startIndex=6&count=2").await.ok(200)),
        seen[5..7],
        "a cold jump lands there too"
    );
    let end = directory.get("/Users?startIndex=12&count=4").await.ok(200);
    assert_eq!((&end["totalResults"], ids(&end).len()), (&json!(11), 0));
}

#[tokio::test]
async fn a_crawl_by_cursor_sees_everybody_once_and_the_last_page_has_none() {
    let directory = filled(7).await;
    let (mut seen, mut query) = (BTreeSet::new(), "cursor&count=3".to_owned());
    loop {
        let page = directory.get(&format!("/Users?{query}")).await.ok(200);
        seen.extend(ids(&page));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        assert!(cursor.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c)), "{cursor}");
        query = format!("cursor={cursor}&count=3");
    }
    assert_eq!(seen.len(), 7);
}

#[tokio::test]
async fn a_cursor_that_was_changed_or_belongs_elsewhere_is_refused() {
    let (ours, theirs) = (filled(3).await, filled(3).await);
    let page = ours.get("/Users?cursor&count=1").await.ok(200);
    let cursor = page["nextCursor"].as_str().unwrap().to_owned();
    theirs.get(&format!("/Users?cursor={cursor}&count=1")).await.error(400, Some("invalidCursor"));
    let mut changed = cursor.clone();
    let last = if changed.pop() == Some('A') { 'B' } else { 'A' };
    changed.push(last);
    ours.get(&format!("/Users?cursor={changed}&count=1")).await.error(400, Some("invalidCursor"));
    ours.get("/Users?cursor=nonsense").await.error(400, Some("invalidCursor"));
    ours.get(&format!("/Users?cursor={cursor}&count=1")).await.ok(200);
}

#[tokio::test]
async fn counts_and_indexes_out_of_range_are_read_as_the_rfc_says() {
    let directory = filled(3).await;
    for (query, shown) in
        [("count=0", 0), ("count=-5", 0), ("startIndex=0", 3), ("startIndex=-9&count=2", 2), ("count=999999", 3)]
    {
        let page = directory.get(&format!("/Users?{query}")).await.ok(200);
        assert_eq!((&page["totalResults"], ids(&page).len()), (&json!(3), shown), "{query}");
    }
    directory.get("/Users?count=many").await.error(400, Some("invalidValue"));
}

#[tokio::test]
async fn sorting_goes_both_ways_without_case() {
    let directory = directory();
    for name in ["b", "A", "c"] {
        directory.user(name).await;
    }
    let names = |page: Value| -> Vec<String> {
        page["Resources"].as_array().unwrap().iter().map(|user| user["userName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(directory.get("/Users?sortBy=userName").await.ok(200)), ["A", "b", "c"]);
    assert_eq!(names(directory.get("/Users?sortBy=username&sortOrder=descending&count=2").await.ok(200)), ["c", "b"]);
}

#[tokio::test]
async fn filters_find_what_they_say() {
    let directory = directory();
    for (name, title, mail, department) in [
        ("Anna", "Lead", "anna@one.example", "Sales"),
        ("Bert", "Clerk", "bert@two.example", "Sales"),
        ("Cleo", "Clerk", "cleo@one.example", "IT"),
    ] {
        let body = json!({
            "schemas": [USER], "userName": name, "title": title, "externalId": format!("ext-{name}"), "active": name != "Cleo",
            "emails": [{ "value": mail, "type": "work", "primary": true }], ENTERPRISE: { "department": department },
        });
        directory.post("/Users", body).await.ok(201);
    }
    for (filter, found) in [
        ("userName eq \"ANNA\"".to_owned(), 1),
        ("userName Eq \"anna\" OR userName eq \"bert\"".to_owned(), 2),
        ("title eq \"clerk\" and active eq true".to_owned(), 1),
        ("not (title eq \"clerk\")".to_owned(), 1),
        ("title eq \"lead\" or title eq \"clerk\" and active eq false".to_owned(), 2),
        ("emails[type eq \"work\" and value ew \"@one.example\"]".to_owned(), 2),
        ("emails[type eq \"work\"].value eq \"bert@two.example\"".to_owned(), 1),
        ("emails.value co \"one\"".to_owned(), 2),
        (format!("{ENTERPRISE}:department eq \"sales\""), 2),
        (format!("{USER}:userName sw \"c\""), 1),
        ("externalId eq \"ext-Anna\"".to_owned(), 1),
        ("externalId eq \"EXT-anna\"".to_owned(), 0),
        ("nickName pr".to_owned(), 0),
        ("meta.created gt \"2015-10-10T14:38:21.8617979-07:00\"".to_owned(), 3),
        ("userName eq \"nobody\"".to_owned(), 0),
    ] {
        let list = directory.find("/Users", &filter).await.ok(200);
        assert_eq!((&list["totalResults"], ids(&list).len()), (&json!(found), found), "{filter}");
    }
}

#[tokio::test]
async fn a_plus_is_a_space_in_a_query() {
    let directory = directory();
    directory.user("a b").await;
    let list = directory.get("/Users?filter=userName+eq+%22a+b%22").await.ok(200);
    assert_eq!(list["totalResults"], 1);
}

#[tokio::test]
async fn a_filter_that_is_not_understood_is_an_error_and_never_a_list() {
    let directory = filled(1).await;
    for filter in [
        "userName eq",
        "userName is \"x\"",
        "userName eq x",
        "(userName eq \"x\"",
        "nosuch eq \"x\"",
        "userName eq \"x\" and",
        "active gt true",
        "password eq \"x\"",
        "",
        " ",
    ] {
        directory.find("/Users", filter).await.error(400, Some("invalidFilter"));
    }
    let twice = "/Users?filter=userName%20pr&filter=userName%20eq%20%22x%22";
    directory.get(twice).await.error(400, Some("invalidFilter"));
    let deep = format!("{}userName eq \"x\"{}", "(".repeat(40), ")".repeat(40));
    directory.find("/Users", &deep).await.error(400, Some("invalidFilter"));
    let wide = vec!["title eq \"x\""; 65].join(" or ");
    directory.get(&format!("/Users?filter={}", encoded(&wide))).await.error(400, Some("invalidFilter"));
    let long = format!("userName eq \"{}\"", "x".repeat(4096));
    directory.find("/Users", &long).await.error(400, Some("invalidFilter"));
}
