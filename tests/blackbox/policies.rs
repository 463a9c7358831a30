//! What a directory's admin decided about what comes in: what clients see of it, and the commands that go with it.

use std::time::Duration;

use rollcall_testkit::within;
use serde_json::{Value, json};

use crate::{
    directory::{BULK, Directory, ENTERPRISE, GROUP, PATCH_OP, USER, id_of, values},
    place::Place,
    server::Server,
};

const NOBODY: &str = "018f0000-0000-7000-8000-000000000001";

/// A directory with these policies from before its first request on.
fn directory_with(place: &Place, policies: &Value) -> Directory {
    let directory = place.directory_of("acme", "other");
    let set = format!("UPDATE directory SET policies = '{policies}' WHERE directory_id = '{}'", directory.id);
    match place.database_url() {
        None => place.sqlite(&set),
        Some(_) => drop(place.psql(&set)),
    }
    directory
}

fn user(name: &str, more: Value) -> Value {
    let mut body = json!({ "schemas": [USER], "userName": name });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn patched(directory: &Directory, path: &str, attribute: &str, value: Value) {
    let operations = json!([{ "op": "replace", "path": attribute, "value": value }]);
    let answer = directory.patch(path, operations).await;
    assert!([200, 204].contains(&answer.status), "{}", answer.text);
}

fn resource_command<'a>(directory: &'a Directory, command: &'a str) -> Vec<&'a str> {
    vec!["resource", command, "--tenant", &directory.tenant, "--directory", &directory.id]
}

fn restore<'a>(directory: &'a Directory, id: &'a str) -> Vec<&'a str> {
    [resource_command(directory, "restore"), vec!["--id", id]].concat()
}

#[tokio::test]
async fn by_default_an_inactive_user_stands_in_the_way_and_a_deleted_one_does_not() {
    let directory = Server::shared().directory_of("acme", "other");
    let body = user("anna", json!({ "externalId": "e", "active": false }));
    let anna = id_of(&directory.post("/Users", body.clone()).await.ok(201));
    let told = directory.post("/Users", user("anna", json!({ "externalId": "e", "active": true }))).await;
    let told = told.error(409, Some("uniqueness"));
    assert!(told.contains("inactive") && told.contains("PATCH active to true"), "{told}");
    directory.delete(&format!("/Users/{anna}")).await.ok(204);
    assert_ne!(id_of(&directory.post("/Users", body).await.ok(201)), anna);
}

#[tokio::test]
async fn a_user_comes_back_under_its_id_where_the_policy_says_so() {
    let place = Server::shared();
    let directory = directory_with(place, &json!({ "inactive_user": "revive", "deleted_user": "revive" }));
    let named = async |name: &str| directory.look_up(&format!("/users?userName={name}")).await.ok(200)["users"].clone();
    let body = user("anna", json!({ "externalId": "e", "active": false, "title": "t" }));
    let anna = id_of(&directory.post("/Users", body).await.ok(201));
    let group = directory.group("g", &[&anna]).await;
    assert_eq!(named("anna").await[0]["active"], false);
    let again = directory.post("/Users", user("Anna", json!({ "externalId": "e" }))).await;
    assert!(again.header("location").ends_with(&format!("/Users/{anna}")), "{}", again.text);
    let again = again.ok(201);
    assert_eq!((id_of(&again), &again["active"], again.get("title")), (anna.clone(), &json!(false), None));
    assert_eq!(values(&again["groups"]), std::slice::from_ref(&group));
    directory.post("/Users", user("anna", json!({}))).await.error(409, Some("uniqueness"));
    let again = directory.post("/Users", user("anna", json!({ "externalId": "e", "active": true }))).await.ok(201);
    assert_eq!((id_of(&again), &again["active"]), (anna.clone(), &json!(true)));
    assert_eq!(named("anna").await[0]["active"], true);
    let told = directory.post("/Users", user("anna", json!({ "externalId": "e" }))).await;
    assert!(!told.error(409, Some("uniqueness")).contains("inactive"));

    patched(&directory, &format!("/Users/{anna}"), "userName", json!("berta")).await;
    directory.delete(&format!("/Users/{anna}")).await.ok(204);
    assert_eq!(named("berta").await, json!([]));
    assert_eq!(named("anna").await, json!([]));
    let operations = json!([
        { "method": "POST", "path": "/Users", "bulkId": "1", "data": user("berta", json!({ "externalId": "e" })) },
        { "method": "POST", "path": "/Users", "bulkId": "2", "data": user("berta", json!({ "externalId": "e" })) },
    ]);
    let done = directory.post("/Bulk", json!({ "schemas": [BULK], "Operations": operations })).await.ok(200);
    assert_eq!(done["Operations"][0]["status"], "201");
    assert!(done["Operations"][0]["location"].as_str().unwrap().ends_with(&anna), "{done}");
    assert_eq!(done["Operations"][1]["status"], "409");
    assert_eq!(named("berta").await[0]["id"], anna.as_str());
    assert_eq!(named("anna").await[0]["renamed"], true);
    assert!(directory.members(&group).await.is_empty(), "memberships are the client's to send again");
}

#[tokio::test]
async fn who_was_there_before_is_not_taken_back_with_a_bulk_that_goes_wrong() {
    let directory = directory_with(Server::shared(), &json!({ "inactive_user": "revive" }));
    let body = user("anna", json!({ "externalId": "e", "active": false }));
    let anna = id_of(&directory.post("/Users", body).await.ok(201));
    let manager = json!({ "externalId": "e", "active": true, ENTERPRISE: { "manager": { "value": "bulkId:b" } } });
    let other = json!({ ENTERPRISE: { "manager": { "value": "bulkId:a" } } });
    let operations = json!([
        { "method": "POST", "path": "/Users", "bulkId": "a", "data": user("anna", manager) },
        { "method": "POST", "path": "/Users", "bulkId": "b", "data": user("bert", other) },
    ]);
    let done = directory.post("/Bulk", json!({ "schemas": [BULK], "Operations": operations })).await.ok(200);
    assert_eq!(done["Operations"][0]["status"], "409", "{done}");
    assert_eq!(directory.get(&format!("/Users/{anna}")).await.ok(200)["active"], false);
}

#[tokio::test]
async fn a_put_keeps_what_it_omits_where_the_policy_says_so() {
    let directory = directory_with(Server::shared(), &json!({ "replace": "keep-omitted" }));
    let full = json!({
        "externalId": "e", "title": "t", "nickName": "n", "active": false, "emails": [{ "value": "a@example.com" }],
        ENTERPRISE: { "department": "d" },
    });
    let path = format!("/Users/{}", id_of(&directory.post("/Users", user("anna", full)).await.ok(201)));
    let body = user("anna", json!({ "title": null, "emails": [], "nickName": "" }));
    let kept = directory.put(&path, body).await.ok(200);
    assert_eq!((&kept["externalId"], &kept["active"]), (&json!("e"), &json!(false)));
    assert_eq!(kept[ENTERPRISE]["department"], "d");
    assert!(["title", "emails", "nickName"].iter().all(|name| kept.get(*name).is_none()), "{kept}");
    directory.put(&path, json!({ "schemas": [USER], "title": "t" })).await.error(400, Some("invalidValue"));
    let member = directory.user("member").await;
    let group = directory.group("g", &[&member]).await;
    let path = format!("/Groups/{group}");
    directory.put(&path, json!({ "schemas": [GROUP], "displayName": "h" })).await.ok(200);
    assert_eq!(directory.members(&group).await, [member]);
    directory.put(&path, json!({ "schemas": [GROUP], "displayName": "h", "members": null })).await.ok(200);
    assert!(directory.members(&group).await.is_empty());
}

#[tokio::test]
async fn members_that_nobody_is_are_left_out_where_the_policy_says_so_and_reported() {
    let place = Server::shared();
    let directory = directory_with(place, &json!({ "unknown_member": "skip" }));
    let member = directory.user("member").await;
    let members = json!([{ "value": member }, { "value": NOBODY }, { "value": "not-an-id" }]);
    let body = json!({ "schemas": [GROUP], "displayName": "g", "members": members });
    let group = id_of(&directory.post("/Groups", body.clone()).await.ok(201));
    let path = format!("/Groups/{group}");
    assert_eq!(directory.members(&group).await, std::slice::from_ref(&member));
    directory.put(&path, body.clone()).await.ok(200);
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": NOBODY }] }]);
    directory.patch(&path, add.clone()).await.ok(204);
    let operations = json!([
        { "method": "PATCH", "path": path, "data": { "schemas": [PATCH_OP], "Operations": add } },
    ]);
    directory.post("/Bulk", json!({ "schemas": [BULK], "Operations": operations })).await.ok(200);
    assert_eq!(directory.members(&group).await, [member]);
    let report = place.json(&["directory", "report", "--tenant", "acme", "--directory", &directory.id]);
    let skipped = &report["skipped_members"];
    assert_eq!(skipped["total"], 2);
    let of_nobody = skipped["first"].as_array().unwrap().iter().find(|one| one["member"] == NOBODY).unwrap();
    assert_eq!((&of_nobody["times"], &of_nobody["group_name"]), (&json!(4), &json!("g")));
    assert!(place.log().contains("unknown_member_skipped"));
    let strict = Server::shared().directory_of("acme", "other");
    let told = strict.post("/Groups", body).await.error(400, Some("invalidValue"));
    assert!(told.contains(NOBODY) && told.contains("not-an-id"), "{told}");
}

#[tokio::test]
async fn a_second_group_of_a_name_is_refused_where_the_policy_says_so() {
    let directory = directory_with(Server::shared(), &json!({ "duplicate_group_name": "refuse" }));
    let group = |name: &str| json!({ "schemas": [GROUP], "displayName": name });
    let staff = id_of(&directory.post("/Groups", group("Staff")).await.ok(201));
    let told = directory.post("/Groups", group("STAFF")).await.error(409, Some("uniqueness"));
    assert!(told.contains("displayName"), "{told}");
    let crew = id_of(&directory.post("/Groups", group("Crew")).await.ok(201));
    directory.put(&format!("/Groups/{crew}"), group("staff")).await.error(409, Some("uniqueness"));
    patched(&directory, &format!("/Groups/{staff}"), "displayName", json!("Team")).await;
    directory.put(&format!("/Groups/{crew}"), group("staff")).await.ok(200);
    directory.delete(&format!("/Groups/{crew}")).await.ok(204);
    directory.post("/Groups", group("staff")).await.ok(201);
}

#[tokio::test]
async fn what_was_deleted_is_listed_and_brought_back_with_its_memberships() {
    let place = Server::shared();
    let directory = place.directory_of("acme", "other");
    let (anna, bert) = (directory.user("anna").await, directory.user("bert").await);
    let inner = directory.group("inner", &[&anna, &bert]).await;
    let outer = directory.group("outer", &[&inner]).await;
    let before = directory.get(&format!("/Groups/{outer}")).await.ok(200);
    let groups = async |id: &str| {
        let answer = directory.look_up(&format!("/users/{id}")).await;
        let names = |found: &Value| found["displayName"].as_str().unwrap().to_owned();
        answer.body["groups"].as_array().map(|groups| groups.iter().map(names).collect::<Vec<_>>())
    };
    assert_eq!(groups(&anna).await.unwrap(), ["inner", "outer"]);
    directory.delete(&format!("/Users/{anna}")).await.ok(204);
    directory.delete(&format!("/Groups/{inner}")).await.ok(204);
    assert_eq!((groups(&anna).await, groups(&bert).await), (None, Some(vec![])));
    let listed = place.json(&resource_command(&directory, "deleted"));
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|gone| (&gone["name"], &gone["type"])).collect();
    assert_eq!(names, [(&json!("inner"), &json!("Group")), (&json!("anna"), &json!("User"))]);
    let next = [resource_command(&directory, "deleted"), vec!["--limit", "1", "--before", &inner]].concat();
    assert_eq!(place.json(&next)[0]["id"], anna.as_str());

    // In a server that listens, or looks, everybody is told.
    let soon = async |id: &str, expected: &[&str]| {
        let are_known = async || groups(id).await.is_some_and(|groups| groups == expected);
        within(Duration::from_secs(40), &format!("{id} is in {expected:?}"), are_known).await;
    };
    let shown = place.json(&restore(&directory, &anna));
    assert_eq!((&shown["name"], &shown["groups"]), (&json!("anna"), &json!(0)));
    soon(&anna, &[]).await;
    let shown = place.json(&restore(&directory, &inner));
    assert_eq!((&shown["type"], &shown["groups"]), (&json!("Group"), &json!(1)));
    soon(&anna, &["inner", "outer"]).await;
    soon(&bert, &["inner", "outer"]).await;
    let after = directory.get(&format!("/Groups/{outer}")).await.ok(200);
    assert_eq!(values(&after["members"]), std::slice::from_ref(&inner));
    assert_ne!(before["meta"]["version"], after["meta"]["version"]);
    assert_eq!(place.json(&resource_command(&directory, "deleted")), json!([]));
    let audit = place.json(&["audit", "list", "--tenant", "acme", "--directory", &directory.id]);
    let lines = audit.as_array().unwrap().iter().filter(|line| line["action"] == "resource.restored");
    assert_eq!(lines.map(|line| line["actor"].as_str().unwrap()).collect::<Vec<_>>(), ["operator", "operator"]);
}

#[tokio::test]
async fn what_cannot_be_brought_back_is_said_in_one_sentence() {
    let place = Server::shared();
    let (directory, other) = (place.directory_of("acme", "other"), place.directory_of("acme", "other"));
    let anna = directory.user("anna").await;
    let not_deleted = place.refusal(&restore(&directory, &anna));
    assert!(not_deleted.contains("it is not deleted"), "{not_deleted}");
    directory.delete(&format!("/Users/{anna}")).await.ok(204);
    let elsewhere = place.refusal(&restore(&other, &anna));
    let made_up = place.refusal(&restore(&other, NOBODY));
    assert_eq!(elsewhere.replace(&anna, NOBODY), made_up);
    assert!(place.refusal(&restore(&directory, "not-an-id")).contains("not-an-id"));
    let second = directory.user("ANNA").await;
    let taken = place.refusal(&restore(&directory, &anna));
    assert!(taken.contains("userName \"anna\"") && taken.contains(&second), "{taken}");
    directory.delete(&format!("/Users/{second}")).await.ok(204);
    place.json(&restore(&directory, &anna));
    directory.get(&format!("/Users/{anna}")).await.ok(200);
    let erased = directory_with(place, &json!({ "delete": "erase" }));
    let bert = erased.user("bert").await;
    erased.delete(&format!("/Users/{bert}")).await.ok(204);
    assert_eq!(place.json(&resource_command(&erased, "deleted")), json!([]));
    assert!(place.refusal(&restore(&erased, &bert)).contains(&bert));
}

#[tokio::test]
async fn a_renamed_user_is_looked_up_by_either_name() {
    let directory = Server::shared().directory_of("acme", "other");
    let named = async |name: &str| {
        let users = directory.look_up(&format!("/users?userName={name}")).await.ok(200)["users"].clone();
        users.as_array().unwrap().iter().map(|user| (id_of(user), user.get("renamed").is_some())).collect::<Vec<_>>()
    };
    let rename =
        async |id: &str, name: &str| patched(&directory, &format!("/Users/{id}"), "userName", json!(name)).await;
    let anna = directory.user("anna").await;
    assert_eq!(named("anna").await, [(anna.clone(), false)]);
    assert_eq!(named("annabel").await, []);
    rename(&anna, "annabel").await;
    assert_eq!(named("ANNA").await, [(anna.clone(), true)]);
    assert_eq!(named("annabel").await, [(anna.clone(), false)]);
    let filtered = directory.find("/Users", "userName eq \"anna\"").await.ok(200);
    assert_eq!(filtered["totalResults"], 0);
    // A new user takes the old name, is renamed itself, and goes.
    let second = directory.user("anna").await;
    assert_eq!(named("anna").await, [(second.clone(), false)]);
    let put = user("berta", json!({}));
    directory.put(&format!("/Users/{second}"), put).await.ok(200);
    assert_eq!(named("anna").await, [(second.clone(), true)]);
    directory.delete(&format!("/Users/{second}")).await.ok(204);
    assert_eq!((named("anna").await, named("berta").await), (vec![(anna.clone(), true)], vec![]));
    rename(&anna, "anna").await;
    assert_eq!(
        (named("anna").await, named("annabel").await),
        (vec![(anna.clone(), false)], vec![(anna.clone(), true)])
    );
    let (id, named) = (directory.look_up(&format!("/users/{anna}")).await.ok(200), anna);
    assert!(id_of(&id) == named && id.get("renamed").is_none());
}

#[tokio::test]
async fn the_list_of_the_deleted_goes_on_whoever_was_brought_back_and_an_archived_directory_stays_as_it_is() {
    let place = Server::shared();
    let directory = place.directory_of("acme", "other");
    let (anna, bert) = (directory.user("anna").await, directory.user("bert").await);
    for id in [&anna, &bert] {
        directory.delete(&format!("/Users/{id}")).await.ok(204);
    }
    let deleted = resource_command(&directory, "deleted");
    let said = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let page = said(&[&deleted[..], &["--limit", "1"]].concat());
    let next = page.split_once("--before ").expect("the place of its last line").1.trim().to_owned();
    assert!(page.contains(&bert) && next.ends_with(&format!(",{bert}")), "{page}");
    let frozen = |step| place.json(&["directory", step, "--tenant", "acme", "--directory", &directory.id]);
    frozen("freeze");
    let told = said(&restore(&directory, &bert));
    assert!(told.contains("The directory is frozen; this was done all the same."), "{told}");
    frozen("thaw");
    let rest = place.json(&[&deleted[..], &["--before", &next]].concat());
    assert_eq!((rest.as_array().unwrap().len(), &rest[0]["id"]), (1, &json!(anna)));
    place.json(&[
        "directory",
        "archive",
        "--tenant",
        "acme",
        "--directory",
        &directory.id,
        "--confirm",
        &directory.name,
    ]);
    let refused = place.refusal(&restore(&directory, &anna));
    assert!(refused.contains("the directory is archived, which is for good"), "{refused}");
}
