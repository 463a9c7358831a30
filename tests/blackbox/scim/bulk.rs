//! `/Bulk`.

use serde_json::{Value, json};

use super::directory;
use crate::{
    directory::{BULK, Directory, GROUP, PATCH_OP, USER, values},
    server::{Place, Server},
};

fn bulk(operations: Value) -> Value {
    json!({ "schemas": [BULK], "Operations": operations })
}

fn statuses(response: &Value) -> Vec<String> {
    let status = |operation: &Value| operation["status"].as_str().unwrap_or("not a string").to_owned();
    response["Operations"].as_array().unwrap().iter().map(status).collect()
}

/// What became of the operations.
async fn send(directory: &Directory, operations: Value) -> Vec<Value> {
    directory.post("/Bulk", bulk(operations)).await.ok(200)["Operations"].as_array().unwrap().clone()
}

fn post_user(bulk_id: &str, user_name: &str) -> Value {
    json!({ "method": "POST", "path": "/Users", "bulkId": bulk_id, "data": { "schemas": [USER], "userName": user_name } })
}

#[tokio::test]
async fn references_are_resolved_in_whatever_order_they_stand() {
    let directory = directory();
    let group = json!({ "schemas": [GROUP], "displayName": "team", "members": [{ "value": "bulkId:anna" }, { "value": "bulkId:bert" }] });
    let operations = json!([
        { "method": "POST", "path": "/Groups", "bulkId": "team", "data": group },
        post_user("anna", "anna"),
        post_user("bert", "bert"),
    ]);
    let response = directory.post("/Bulk", bulk(operations)).await.ok(200);
    assert_eq!(statuses(&response), ["201", "201", "201"], "{response}");
    let group = directory.find("/Groups", "displayName eq \"team\"").await.ok(200);
    assert_eq!(values(&group["Resources"][0]["members"]).len(), 2);
}

#[tokio::test]
async fn it_stops_after_as_many_errors_as_the_client_says() {
    let directory = directory();
    directory.user("taken").await;
    let operations = json!([post_user("1", "taken"), post_user("2", "taken"), post_user("3", "free")]);
    let request = json!({ "schemas": [BULK], "failOnErrors": 1, "Operations": operations });
    let response = directory.post("/Bulk", request).await.ok(200);
    assert_eq!(statuses(&response), ["409"], "{response}");
    assert_eq!(response["Operations"][0]["response"]["scimType"], "uniqueness");
    assert_eq!(directory.find("/Users", "userName eq \"free\"").await.ok(200)["totalResults"], 0);
}

#[tokio::test]
async fn without_a_limit_the_rest_is_done() {
    let directory = directory();
    let user = directory.user("taken").await;
    let patch = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "title", "value": "t" }] });
    let operations = json!([
        post_user("1", "taken"),
        post_user("2", "free"),
        { "method": "PATCH", "path": format!("/Users/{user}"), "data": patch },
        { "method": "DELETE", "path": "/Users/018f0000-0000-7000-8000-000000000000" },
        { "method": "DELETE", "path": format!("/Users/{user}") },
    ]);
    let response = directory.post("/Bulk", bulk(operations)).await.ok(200);
    assert_eq!(statuses(&response), ["409", "201", "200", "404", "204"], "{response}");
}

#[tokio::test]
async fn a_failed_operation_names_its_resource_unless_it_was_to_make_one() {
    let directory = directory();
    directory.user("taken").await;
    let nobody = "/Users/018f0000-0000-7000-8000-000000000000";
    let operations = json!([
        post_user("1", "taken"),
        { "method": "DELETE", "path": nobody },
        { "method": "PUT", "path": nobody, "data": { "userName": "x" } },
        { "method": "PATCH", "path": "/Users/bulkId:1", "data": { "schemas": [PATCH_OP], "Operations": [] } },
    ]);
    let response = directory.post("/Bulk", bulk(operations)).await.ok(200);
    let location = |at: usize| response["Operations"][at].get("location").cloned();
    assert_eq!(location(0), None, "{response}");
    assert_eq!(location(1), Some(directory.url(nobody).into()), "{response}");
    assert_eq!(location(2), Some(directory.url(nobody).into()), "{response}");
    assert_eq!(location(3), None, "what was never made has no address: {response}");
}

#[tokio::test]
async fn a_reference_to_nothing_and_too_many_operations_are_refused() {
    let directory = directory();
    let group = json!({ "schemas": [GROUP], "displayName": "team", "members": [{ "value": "bulkId:nobody" }] });
    let operations = json!([{ "method": "POST", "path": "/Groups", "bulkId": "team", "data": group }]);
    let response = directory.post("/Bulk", bulk(operations)).await.ok(200);
    assert!(statuses(&response)[0].starts_with('4'), "{response}");
    let many: Vec<Value> =
        (0..1001).map(|number| json!({ "method": "DELETE", "path": format!("/Users/{number}") })).collect();
    directory.post("/Bulk", bulk(json!(many))).await.error(413, None);
    let big = post_user("1", &"x".repeat(1_100_000));
    directory.post("/Bulk", bulk(json!([big]))).await.error(413, None);
}

#[tokio::test]
async fn groups_that_hold_each_other_are_made_in_one_request() {
    let directory = directory();
    let group =
        |name: &str, member: &str| json!({ "schemas": [GROUP], "displayName": name, "members": [{ "value": member }] });
    let answer = send(
        &directory,
        json!([
            { "method": "POST", "path": "/Groups", "bulkId": "one", "data": group("one", "bulkId:two") },
            { "method": "POST", "path": "/Groups", "bulkId": "two", "data": group("two", "bulkId:one") },
            { "method": "POST", "path": "/Groups", "bulkId": "self", "data": group("self", "bulkId:self") },
        ]),
    )
    .await;
    let ids: Vec<String> =
        answer.iter().map(|one| one["location"].as_str().unwrap().rsplit_once('/').unwrap().1.to_owned()).collect();
    assert!(answer.iter().all(|one| one["status"] == "201"), "{answer:?}");
    for (group, member) in [(0, 1), (1, 0), (2, 2)] {
        assert_eq!(directory.members(&ids[group]).await, [ids[member].clone()]);
    }
}

#[tokio::test]
async fn a_group_of_a_circle_that_cannot_be_made_takes_back_those_that_need_it() {
    let directory = directory();
    let group =
        |name: &str, member: &str| json!({ "schemas": [GROUP], "displayName": name, "members": [{ "value": member }] });
    let answer = send(
        &directory,
        json!([
            { "method": "POST", "path": "/Groups", "bulkId": "one", "data": group("one", "bulkId:two") },
            { "method": "POST", "path": "/Groups", "bulkId": "two", "data": { "schemas": [GROUP], "members": [{ "value": "bulkId:one" }] } },
        ]),
    )
    .await;
    assert_eq!((&answer[0]["status"], &answer[1]["status"]), (&json!("409"), &json!("400")), "{answer:?}");
    assert_eq!(directory.get("/Groups").await.ok(200)["totalResults"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_in_the_middle_is_the_result_of_its_operation_and_what_was_done_is_said() {
    let server = Server::start_at(Place::split());
    let client = server.directory();
    // A full disk, for whoever is called so.
    let full = "CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'full' USING ERRCODE = '53100'; END $$; \
                CREATE TRIGGER disk_full BEFORE INSERT ON resource FOR EACH ROW WHEN (NEW.name_key = 'full') EXECUTE FUNCTION disk_full()";
    tokio::task::block_in_place(|| server.place().psql(full));
    let post = |name: &str| json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": { "schemas": [USER], "userName": name } });
    let of = |names: &[&str]| bulk(names.iter().map(|name| post(name)).collect());
    let answer = client.post("/Bulk", of(&["before", "full", "after"])).await.ok(200);
    assert_eq!(statuses(&answer), ["201", "503"], "{answer}");
    assert_eq!(client.get("/Users").await.ok(200)["totalResults"], 1, "what came after was not tried");
    let whole = client.post("/Bulk", of(&["full", "after"])).await;
    assert!(whole.error(503, None).contains("nothing was changed"));
    assert_eq!(client.get("/Users").await.ok(200)["totalResults"], 1);
}
