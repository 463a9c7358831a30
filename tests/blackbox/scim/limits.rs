//! What is too large is refused with what to do about it, and nothing of it is kept.

use serde_json::{Value, json};

use super::directory;
use crate::directory::USER;

fn photo(bytes: usize) -> Value {
    json!([{ "type": "photo", "value": format!("data:image/png;base64,{}", "A".repeat(bytes)) }])
}

#[tokio::test]
async fn a_resource_beyond_its_bound_is_refused_by_post_put_and_patch() {
    let directory = directory();
    let large = json!({ "schemas": [USER], "userName": "large", "photos": photo(300_000) });
    let detail = directory.post("/Users", large.clone()).await.error(413, None);
    assert!(detail.contains("262144"), "{detail}");
    let id = directory.user("small").await;
    directory.put(&format!("/Users/{id}"), large).await.error(413, None);
    let operations = json!([{ "op": "add", "path": "photos", "value": photo(300_000) }]);
    directory.patch(&format!("/Users/{id}"), operations).await.error(413, None);
    let kept = directory.get(&format!("/Users/{id}")).await.ok(200);
    assert_eq!((&kept["userName"], kept.get("photos")), (&json!("small"), None));
}

#[tokio::test]
async fn a_page_beyond_its_bound_is_refused_whole_and_a_smaller_one_given() {
    let directory = directory();
    for number in 0..70 {
        let user = json!({ "schemas": [USER], "userName": format!("user{number}"), "photos": photo(250_000) });
        directory.post("/Users", user).await.ok(201);
    }
    let detail = directory.get("/Users?count=70").await.error(400, Some("tooMany"));
    assert!(detail.contains("smaller count"), "{detail}");
    let page = directory.get("/Users?count=10").await.ok(200);
    assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(70), &json!(10)));
}
