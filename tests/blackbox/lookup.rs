//! Who a user is and which groups they are in, asked by what enforces access.

use serde_json::{Value, json};

use crate::{
    directory::{BULK, Directory, GROUP, PATCH_OP, USER, encoded, send},
    server::Server,
};

async fn found(directory: &Directory, id: &str) -> Value {
    directory.look_up(&format!("/users/{id}")).await.ok(200)
}

/// The names of the groups, with a star behind those that are reached through others.
async fn groups(directory: &Directory, id: &str) -> Vec<String> {
    let user = found(directory, id).await;
    let name = |group: &Value| {
        let star = if group["direct"] == true { "" } else { "*" };
        format!("{}{star}", group["displayName"].as_str().unwrap())
    };
    let mut names: Vec<String> = user["groups"].as_array().unwrap().iter().map(name).collect();
    names.sort();
    names
}

fn names(answer: &Value) -> Vec<&str> {
    answer["users"].as_array().unwrap().iter().map(|user| user["userName"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_user_is_found_by_id_name_and_external_id_with_all_groups() {
    let directory = Server::shared().directory_of("acme", "other");
    let user =
        json!({ "schemas": [USER], "userName": "Anna@Lookup.example", "externalId": "e-1", "displayName": "Anna" });
    let user = directory.post("/Users", user).await.ok(201)["id"].as_str().unwrap().to_owned();
    let inner =
        json!({ "schemas": [GROUP], "displayName": "Inner", "externalId": "g-1", "members": [{ "value": user }] });
    let inner = directory.post("/Groups", inner).await.ok(201)["id"].as_str().unwrap().to_owned();
    let outer = directory.group("Outer", &[&inner]).await;
    let expected = json!({
        "id": user, "userName": "Anna@Lookup.example", "externalId": "e-1", "displayName": "Anna", "active": true,
        "groups": [
            { "id": inner, "displayName": "Inner", "externalId": "g-1", "direct": true },
            { "id": outer, "displayName": "Outer", "direct": false },
        ],
    });
    assert_eq!(found(&directory, &user).await, expected);
    for question in ["userName=anna%40LOOKUP.example", "externalId=e-1"] {
        let answer = directory.look_up(&format!("/users?{question}")).await.ok(200);
        assert_eq!(answer, json!({ "users": [expected] }), "{question}");
    }
    let short = format!("http://{}/lookup/v1/users/{user}", Server::shared().address);
    let bearer = format!("Bearer {}", directory.token);
    assert_eq!(send("GET", &short, &[("authorization", &bearer)], None).await.unwrap().ok(200), expected);
    for question in ["userName=nobody", "externalId=E-1"] {
        assert_eq!(directory.look_up(&format!("/users?{question}")).await.ok(200), json!({ "users": [] }));
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_in_the_next_answer() {
    let directory = Server::shared().directory_of("acme", "other");
    let (anna, bert) = (directory.user("anna").await, directory.user("bert").await);
    let path = format!("/Users/{anna}");
    let active = async || found(&directory, &anna).await["active"].clone();
    assert_eq!(active().await, true);
    directory.patch(&path, json!([{ "op": "replace", "path": "active", "value": false }])).await.ok(200);
    assert_eq!(active().await, false);
    directory.put(&path, json!({ "schemas": [USER], "userName": "anna" })).await.ok(200);
    assert_eq!(active().await, false, "what is left out enables nobody");
    directory.put(&path, json!({ "schemas": [USER], "userName": "anna", "active": true })).await.ok(200);
    assert_eq!(active().await, true);

    let group = directory.group("Staff", &[&bert]).await;
    assert_eq!((groups(&directory, &anna).await, groups(&directory, &bert).await), (vec![], vec!["Staff".to_owned()]));
    let members = |op: &str, id: &str| json!([{ "op": op, "path": "members", "value": [{ "value": id }] }]);
    directory.patch(&format!("/Groups/{group}"), members("add", &anna)).await.ok(204);
    assert_eq!(groups(&directory, &anna).await, ["Staff"]);
    let rename = json!([{ "op": "replace", "path": "displayName", "value": "Crew" }]);
    directory.patch(&format!("/Groups/{group}"), rename).await.ok(204);
    assert_eq!(groups(&directory, &anna).await, ["Crew"]);
    let all = directory.group("All", &[]).await;
    directory.patch(&format!("/Groups/{all}"), members("add", &group)).await.ok(204);
    assert_eq!(groups(&directory, &anna).await, ["All*", "Crew"]);
    directory.patch(&format!("/Groups/{group}"), members("remove", &anna)).await.ok(204);
    assert_eq!((groups(&directory, &anna).await.len(), groups(&directory, &bert).await.len()), (0, 2));
    directory.delete(&format!("/Groups/{all}")).await.ok(204);
    assert_eq!(groups(&directory, &bert).await, ["Crew"]);
    let put = json!({ "schemas": [GROUP], "displayName": "Crew", "members": [{ "value": anna }] });
    directory.put(&format!("/Groups/{group}"), put).await.ok(200);
    assert_eq!((groups(&directory, &anna).await, groups(&directory, &bert).await), (vec!["Crew".to_owned()], vec![]));

    let operations = json!([
        { "method": "PATCH", "path": format!("/Groups/{group}"), "data": { "schemas": [PATCH_OP], "Operations": members("add", &bert) } },
        { "method": "DELETE", "path": path },
    ]);
    directory.post("/Bulk", json!({ "schemas": [BULK], "Operations": operations })).await.ok(200);
    assert_eq!(groups(&directory, &bert).await, ["Crew"]);
    assert_eq!(directory.look_up(&format!("/users/{anna}")).await.status, 404);
}

#[tokio::test]
async fn a_name_finds_who_has_it_now() {
    let directory = Server::shared().directory_of("acme", "other");
    let named = async |question: &str| directory.look_up(&format!("/users?{question}")).await.ok(200);
    let rename = |name: &str| json!([{ "op": "replace", "path": "userName", "value": name }]);
    let first = directory.user("chief").await;
    assert_eq!(named("userName=chief").await["users"][0]["id"], first.as_str());
    directory.patch(&format!("/Users/{first}"), rename("former")).await.ok(200);
    let renamed = named("userName=chief").await;
    assert_eq!((names(&renamed), &renamed["users"][0]["renamed"]), (vec!["former"], &true.into()));
    let second = directory.user("heir").await;
    named("userName=heir").await;
    directory.patch(&format!("/Users/{second}"), rename("former2")).await.ok(200);
    directory.patch(&format!("/Users/{first}"), rename("heir")).await.ok(200);
    assert_eq!(named("userName=HEIR").await["users"][0]["id"], first.as_str());
    let two = |id: &str| json!([{ "op": "replace", "path": "externalId", "value": id }]);
    directory.patch(&format!("/Users/{first}"), two("shared")).await.ok(200);
    assert_eq!(names(&named("externalId=shared").await).len(), 1);
    directory.patch(&format!("/Users/{second}"), two("shared")).await.ok(200);
    assert_eq!(names(&named("externalId=shared").await).len(), 2);
    let third = json!({ "schemas": [USER], "userName": "third", "externalId": "shared" });
    directory.post("/Users", third).await.ok(201);
    assert_eq!(names(&named("externalId=shared").await).len(), 3);
    directory.patch(&format!("/Users/{first}"), two("own")).await.ok(200);
    assert_eq!(names(&named("externalId=shared").await), ["former2", "third"]);
    assert!(names(&named("userName=new").await).is_empty());
    directory.user("new").await;
    assert_eq!(names(&named("userName=new").await), ["new"]);
}

#[tokio::test]
async fn nothing_of_another_directory_is_found() {
    let place = Server::shared();
    let (ours, theirs) = (place.directory_of("acme", "other"), place.directory_of("acme", "other"));
    let user = theirs.user("theirs@lookup.example").await;
    found(&theirs, &user).await;
    let (other, nobody) = (ours.look_up(&format!("/users/{user}")).await, "018f0000-0000-7000-8000-000000000000");
    let made_up = ours.look_up(&format!("/users/{nobody}")).await;
    assert_eq!((other.status, made_up.status), (404, 404));
    assert_eq!(other.text.replace(&user, nobody), made_up.text);
    let named = ours.look_up(&format!("/users?userName={}", encoded("theirs@lookup.example"))).await.ok(200);
    assert!(names(&named).is_empty());
    let bearer = format!("Bearer {}", ours.token);
    let crossed =
        send("GET", &theirs.lookup_url("/users?userName=x"), &[("authorization", &bearer)], None).await.unwrap();
    assert_eq!(crossed.status, 401);
}

#[tokio::test]
async fn a_token_that_may_only_read_looks_up_and_changes_nothing() {
    let place = Server::shared();
    let directory = place.directory_of("acme", "other");
    let user = directory.user("read-only").await;
    let choice = ["--tenant", "acme", "--directory", &directory.id, "--read-only"];
    let issued = place.json(&[&["token", "issue"], choice.as_slice()].concat());
    let reader = Directory { token: issued["token"].as_str().unwrap().to_owned(), ..directory.clone() };
    assert_eq!(found(&reader, &user).await["userName"], "read-only");
    reader.get(&format!("/Users/{user}")).await.ok(200);
    let refused = reader.post("/Users", json!({ "schemas": [USER], "userName": "x" })).await;
    assert!(refused.error(403, None).contains("has not the scope users:create"));
    assert_eq!(reader.delete(&format!("/Users/{user}")).await.status, 403);
}

#[tokio::test]
async fn errors_are_problems_as_rfc_9457_has_them() {
    let directory = Server::shared().directory_of("acme", "other");
    let bearer = format!("Bearer {}", directory.token);
    for (method, path, status) in [
        ("GET", "/users", 400),
        ("GET", "/users?userName=a&externalId=b", 400),
        ("GET", "/users?email=a", 400),
        ("GET", "/users/not-an-id", 404),
        ("GET", "/groups", 404),
        ("GET", "", 404),
        ("POST", "/users", 405),
        ("DELETE", "/users/x", 405),
    ] {
        let answer = send(method, &directory.lookup_url(path), &[("authorization", &bearer)], None).await.unwrap();
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {path}");
        assert_eq!(answer.body["status"], status);
        assert!(!answer.body["detail"].as_str().unwrap().is_empty());
    }
}
