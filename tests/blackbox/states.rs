//! What clients and consumers see of a directory in each of its states, on every kind of route.

use rollcall_testkit::{self as testkit, Redis};
use serde_json::{Value, json};

use crate::{
    directory::{Answer, BULK, Directory, GROUP, PATCH_OP, SEARCH, USER, send},
    oauth::Client,
    server::{Place, Server, eventually},
};

/// A draft, and a token for it.
pub(crate) fn draft(place: &Place) -> Directory {
    let sample = place.directory_of("acme", "other");
    let (id, name) = (format!("{}-draft", sample.id), format!("draft.{}", sample.name));
    let keys = ["--client", "okta", "--directory-id", &id, "--directory-name", &name, "--draft"];
    let made = place.json(&[&["directory", "create", "--tenant", "acme"], keys.as_slice()].concat());
    assert_eq!((&made["state"], &made["stage"]), (&json!("draft"), &json!("draft")));
    let issued = place.json(&["token", "issue", "--tenant", "acme", "--directory", &id]);
    Directory::new("acme", &id, &name, &issued)
}

fn take(place: &Place, directory: &Directory, step: &str) -> Value {
    place.json(&["directory", step, "--tenant", &directory.tenant, "--directory", &directory.id])
}

fn shown(place: &Place, directory: &Directory) -> Value {
    take(place, directory, "show")
}

/// Requests of every kind.
struct Routes {
    directory: Directory,
    user: String,
    group: String,
}

impl Routes {
    async fn of(directory: &Directory) -> Self {
        let user = directory.user("anna").await;
        let group = directory.group("Staff", &[&user]).await;
        Self { directory: directory.clone(), user, group }
    }

    async fn reads(&self) -> Vec<(String, Answer)> {
        let search = json!({ "schemas": [SEARCH], "count": 1 });
        let paths = ["/Users", "/Groups?excludedAttributes=members", "/ServiceProviderConfig", "/Schemas", "/Me"];
        let mut answers = Vec::new();
        for path in paths.map(str::to_owned).into_iter().chain([format!("/Users/{}", self.user)]) {
            answers.push((format!("GET {path}"), self.directory.get(&path).await));
            let head = self.directory.send("HEAD", &path, None).await;
            answers.push((format!("HEAD {path}"), head));
        }
        for path in ["/.search", "/Users/.search", "/Groups/.search/"] {
            answers.push((format!("POST {path}"), self.directory.post(path, search.clone()).await));
        }
        // What is not there is not there in any state that can be read.
        answers.retain(|(what, answer)| !(what.ends_with("/Me") && [404, 405, 501].contains(&answer.status)));
        answers
    }

    async fn writes(&self) -> Vec<(String, Answer)> {
        let user = json!({ "schemas": [USER], "userName": "bert" });
        let group = json!({ "schemas": [GROUP], "displayName": "Crew" });
        let anna = json!({ "schemas": [USER], "userName": "anna" });
        let title = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "title", "value": "x" }] });
        let bulk = json!({ "schemas": [BULK], "Operations": [{ "method": "POST", "path": "/Users", "bulkId": "1", "data": user }] });
        let (user_path, group_path) = (format!("/Users/{}", self.user), format!("/Groups/{}", self.group));
        let remove = json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "remove", "path": "members" }] });
        let requests = [
            ("POST", "/Users", Some(&user)),
            ("POST", "/Groups", Some(&group)),
            ("POST", "/Users/", Some(&user)),
            ("PUT", user_path.as_str(), Some(&anna)),
            ("PATCH", user_path.as_str(), Some(&title)),
            ("PATCH", group_path.as_str(), Some(&remove)),
            ("POST", "/Bulk", Some(&bulk)),
            ("DELETE", user_path.as_str(), None),
            ("DELETE", group_path.as_str(), None),
        ];
        let mut answers = Vec::new();
        for (method, path, body) in requests {
            answers.push((format!("{method} {path}"), self.directory.send(method, path, body).await));
        }
        answers
    }

    async fn lookups(&self) -> Vec<(String, Answer)> {
        let mut answers = Vec::new();
        for path in [format!("/users/{}", self.user), "/users?userName=anna".to_owned()] {
            answers.push((format!("lookup {path}"), self.directory.look_up(&path).await));
        }
        answers
    }

    /// Consumers see nothing: the answer is that of an id that does not exist.
    async fn consumers_see_nothing(&self) {
        let nobody = "0199a3f0-0000-7000-8000-000000000000";
        let of_user = self.directory.look_up(&format!("/users/{}", self.user)).await;
        let of_nobody = self.directory.look_up(&format!("/users/{nobody}")).await;
        assert_eq!((of_user.status, of_nobody.status), (404, 404));
        assert_eq!(of_user.text.replace(&self.user, nobody), of_nobody.text);
        assert_eq!(of_user.header("content-type"), of_nobody.header("content-type"));
        let by_name = async |name: &str| self.directory.look_up(&format!("/users?userName={name}")).await;
        assert_eq!(by_name("anna").await.text, by_name("nobody").await.text);
        assert_eq!(self.directory.look_up("/users?externalId=e-1").await.ok(200), json!({ "users": [] }));
    }
}

#[track_caller]
fn all_good(answers: &[(String, Answer)]) {
    for (what, answer) in answers {
        // HEAD is no method of these routes in any state.
        let good = (200..300).contains(&answer.status) || (what.starts_with("HEAD") && answer.status == 405);
        assert!(good, "{what}: {} {}", answer.status, answer.text);
    }
}

/// 503 with the word for it, in the form of its surface, for all.
#[track_caller]
fn put_off(answers: &[(String, Answer)], word: &str) {
    for (what, answer) in answers {
        assert_eq!(answer.status, 503, "{what}: {}", answer.text);
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{what}");
        if what.starts_with("lookup") {
            assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
        } else if !what.starts_with("HEAD") {
            answer.error(503, None);
        }
        assert!(what.starts_with("HEAD") || answer.text.contains(word), "{what}: {}", answer.text);
    }
}

async fn a_life(place: &Place) {
    let directory = draft(place);
    let routes = Routes::of(&directory).await;
    all_good(&routes.reads().await);
    routes.consumers_see_nothing().await;
    take(place, &directory, "freeze");
    testkit::eventually("frozen", async || directory.post("/Users", json!({})).await.status == 503).await;
    routes.consumers_see_nothing().await;
    take(place, &directory, "thaw");
    let refused = take_refused(place, &directory, "full-sync");
    assert!(refused.contains("submit"), "{refused}");
    let submitted = take(place, &directory, "submit");
    assert_eq!((&submitted["state_before"], &submitted["changed"]), (&json!("draft"), &json!(true)));
    assert_eq!(submitted["state"], "receiving", "there were changes before");
    assert_eq!(take(place, &directory, "submit")["changed"], false);
    let user = routes.user.clone();
    testkit::eventually("consumers see it", async || directory.look_up(&format!("/users/{user}")).await.status == 200)
        .await;
    all_good(&routes.lookups().await);

    let synced = take(place, &directory, "full-sync");
    assert_eq!((&synced["users"], &synced["groups"], &synced["memberships"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!((&synced["state_before"], &synced["state"]), (&json!("receiving"), &json!("synced")));
    assert_eq!(synced["repaired"], json!([]));

    let client = Client::of(place, &directory, &[]);
    assert_eq!(take(place, &directory, "freeze")["state"], "frozen");
    testkit::eventually("frozen", async || directory.post("/Users", json!({})).await.status == 503).await;
    all_good(&routes.reads().await);
    all_good(&routes.lookups().await);
    put_off(&routes.writes().await, "frozen");
    let with_access = Directory { token: client.token().await, ..directory.clone() };
    all_good(&[("an access token".to_owned(), with_access.get("/Users").await)]);
    assert_eq!(with_access.delete(&format!("/Users/{user}")).await.status, 503);

    assert_eq!(take(place, &directory, "disable")["state"], "disabled");
    testkit::eventually("disabled", async || directory.get("/Users").await.status == 503).await;
    for answers in [routes.reads().await, routes.writes().await, routes.lookups().await] {
        put_off(&answers, "disabled");
    }
    client.asks("").await.ok(200);
    assert_eq!(take(place, &directory, "enable")["state"], "frozen", "what was frozen before is frozen again");
    testkit::eventually("enabled", async || directory.get("/Users").await.status == 200).await;
    put_off(&routes.writes().await, "frozen");
    assert_eq!(take(place, &directory, "thaw")["state"], "synced");
    testkit::eventually("thawed", async || directory.post("/Users", json!({})).await.status == 400).await;
    all_good(&routes.reads().await);
    all_good(&[routes.writes().await.remove(0)]);

    let typed = ["directory", "archive", "--tenant", "acme", "--directory", directory.id.as_str()];
    for wrong in [&[][..], &["--confirm", "another.example"], &["--confirm", &directory.id]] {
        let refused = place.refusal(&[&typed, wrong].concat());
        assert!(refused.contains("for good") && refused.contains(&directory.name), "{refused}");
    }
    assert_eq!(shown(place, &directory)["state"], "synced");
    let confirmed = [typed.as_slice(), &["--confirm", directory.name.as_str()]].concat();
    assert_eq!(place.json(&confirmed)["state"], "archived");
    testkit::eventually("archived", async || directory.get("/Users").await.status == 401).await;
    let stranger = Directory { token: format!("{}x", directory.token), ..directory.clone() };
    let of_stranger = stranger.get("/Users").await;
    for (what, answer) in [routes.reads().await, routes.writes().await].concat() {
        assert_eq!(answer.status, 401, "{what}");
        assert!(what.starts_with("HEAD") || answer.text == of_stranger.text, "{what}: {}", answer.text);
        assert_eq!(answer.header("www-authenticate"), of_stranger.header("www-authenticate"));
    }
    for (what, answer) in routes.lookups().await {
        assert_eq!(answer.status, 401, "{what}");
    }
    assert!((400..500).contains(&client.asks("").await.status));
    let refused = take_refused(place, &directory, "enable");
    assert!(refused.contains("archived"), "{refused}");

    diagnoses_and_contact(place, &directory);
    let actions = place.json(&["audit", "list", "--tenant", "acme", "--directory", &directory.id]);
    let actions: Vec<&str> = actions
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| line["action"].as_str()?.strip_prefix("directory."))
        .collect();
    let wanted = [
        "created",
        "frozen",
        "thawed",
        "submitted",
        "receiving",
        "synced",
        "frozen",
        "disabled",
        "enabled",
        "thawed",
        "archived",
    ];
    assert_eq!(actions, wanted);
}

fn take_refused(place: &Place, directory: &Directory, step: &str) -> String {
    place.refusal(&["directory", step, "--tenant", &directory.tenant, "--directory", &directory.id])
}

/// Why its client was turned away is known, and that it was there.
fn diagnoses_and_contact(place: &Place, directory: &Directory) {
    let refusals = ["token", "refusals", "--tenant", "acme", "--directory", directory.id.as_str(), "--since", "1h"];
    eventually("all three reasons are known", || {
        let seen = place.json(&refusals).to_string();
        ["\"frozen\"", "\"disabled\"", "\"archived\""].iter().all(|reason| seen.contains(reason)).then_some(())
    });
    let shown = shown(place, directory);
    assert_eq!(shown["last_contact_from"], "127.0.0.1");
    for moment in ["last_contact", "scim_change_timestamp"] {
        assert!(shown[moment].as_str().is_some_and(|at| at.starts_with("20")), "{moment}: {shown}");
    }
    assert!(shown["last_contact"].as_str() > shown["scim_change_timestamp"].as_str(), "{shown}");
    assert_eq!((&shown["client_profile"], &shown["policies"]["strict"]), (&json!("okta"), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_says_the_same_on_every_kind_of_route() {
    a_life(Server::shared()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_says_the_same_with_the_services_apart() {
    let server = Server::start_at(Place::split());
    a_life(server.place()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_sync_has_what_is_remembered_for_lookups_forgotten() {
    let server = Server::start_at(Place::split());
    let directory = server.directory();
    let user = directory.user("anna").await;
    let (_, prefix) = server.place().redis.clone().unwrap();
    let pattern = format!("{prefix}:*lookup-generation*");
    let remembered = || {
        let key = Redis::shared().says(&["--scan", "--pattern", &pattern]);
        let value = (!key.trim().is_empty()).then(|| Redis::shared().says(&["get", key.trim()]));
        value.filter(|value| !value.trim().is_empty())
    };
    directory.look_up(&format!("/users/{user}")).await.ok(200);
    let before = eventually("answers are remembered", remembered);
    assert_eq!(take(server.place(), &directory, "full-sync")["users"], 1);
    assert_ne!(remembered(), Some(before), "whose generation has gone is not used");
    directory.look_up(&format!("/users/{user}")).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_takes_so_many_and_no_more_whoever_sends_at_once_in_bulk_too() {
    let mut place = Place::new();
    place.environment.push(("ROLLCALL_LIMITS__DRAFT_RESOURCES", "6".to_owned()));
    let server = Server::start_with(place, |command| {
        command.env("ROLLCALL_LIMITS__DRAFT_RESOURCES", "6");
    });
    let directory = draft(server.place());
    let requests = (0..12).map(|number| {
        let directory = directory.clone();
        tokio::spawn(async move {
            let user = |letter: &str| json!({ "schemas": [USER], "userName": format!("{letter}{number}") });
            if number % 3 > 0 {
                return vec![directory.post("/Users", user("u")).await.status];
            }
            let operation =
                |letter: &str| json!({ "method": "POST", "path": "/Users", "bulkId": letter, "data": user(letter) });
            let bulk = json!({ "schemas": [BULK], "Operations": [operation("a"), operation("b")] });
            let done = directory.post("/Bulk", bulk).await.ok(200);
            let status = |operation: &Value| operation["status"].as_str().unwrap().parse().unwrap();
            done["Operations"].as_array().unwrap().iter().map(status).collect()
        })
    });
    let mut statuses: Vec<u16> = Vec::new();
    for request in requests.collect::<Vec<_>>() {
        statuses.extend(request.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 6, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), statuses.len() - 6, "{statuses:?}");
    let refused = directory.post("/Groups", json!({ "schemas": [GROUP], "displayName": "g" })).await.error(403, None);
    assert!(refused.contains("rollcall directory submit") && refused.contains("6 users and groups"), "{refused}");
    assert_eq!(directory.get("/Users?count=0").await.ok(200)["totalResults"], 6);
    // What is there can be changed and deleted, and a name that is free is so for another.
    let gone = directory.get("/Users?count=1").await.ok(200)["Resources"][0]["id"].as_str().unwrap().to_owned();
    directory.delete(&format!("/Users/{gone}")).await.ok(204);
    directory.user("another").await;
    // Submitted, it takes them at once: whoever remembers the draft asks whether it still is one.
    take(server.place(), &directory, "submit");
    directory.user("seventh").await;
}

#[tokio::test]
async fn policies_are_shown_and_changed_one_by_one() {
    let place = Server::shared();
    let directory = place.directory_of("acme", "other");
    let policy = |more: &[&str]| {
        let choice = ["directory", "policy", "--tenant", "acme", "--directory", directory.id.as_str()];
        place.json(&[&choice, more].concat())
    };
    let usual = policy(&[]);
    assert_eq!((&usual["strict"], &usual["delete"]), (&json!(false), &json!("restorable")));
    assert_eq!(policy(&["--strict", "true"])["strict"], true);
    let changed = policy(&["--delete", "erase", "--unknown-member", "skip"]);
    assert_eq!((&changed["strict"], &changed["unknown_member"]), (&json!(true), &json!("skip")));
    assert_eq!(policy(&["--strict", "false"])["delete"], "erase");
    directory.group("Staff", &[]).await;
    directory.group("staff", &[]).await;
    let refuse = policy(&["--duplicate-group-name", "refuse"]);
    assert_eq!(refuse["duplicate_group_names"], 1);
    let first = &refuse["first_duplicate_group_names"][0];
    assert_eq!((first["name"].as_str().unwrap().to_lowercase().as_str(), &first["groups"]), ("staff", &json!(2)));
    assert_eq!(shown(place, &directory)["policies"]["duplicate_group_name"], "refuse");
    let output =
        place.run(&["directory", "policy", "--tenant", "acme", "--directory", &directory.id, "--replace", "x"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("the choices are \"overwrite\" and \"keep-omitted\""));
    let words = place.run(&["directory", "freeze", "--tenant", "acme", "--directory", &directory.id]);
    let words = String::from_utf8_lossy(&words.stdout).into_owned();
    assert!(words.contains("is frozen; `rollcall directory thaw` undoes it") && words.contains("503"), "{words}");
}

#[tokio::test]
async fn the_first_change_shows_at_once_and_strangers_do_not_count_as_contact() {
    let place = Server::shared();
    let directory = place.directory_of("acme", "other");
    let before = shown(place, &directory);
    assert_eq!((&before["state"], &before["last_contact"]), (&json!("submitted"), &Value::Null));
    assert_eq!(before["scim_change_timestamp"], Value::Null);
    let bearer = format!("Bearer {}", directory.token.replace("rct_", "rct_0"));
    assert_eq!(send("GET", &directory.url("/Users"), &[("authorization", &bearer)], None).await.unwrap().status, 401);
    let user = json!({ "schemas": [USER], "userName": "first" });
    let created = directory.post("/Users", user).await.ok(201);
    let at = created["meta"]["lastModified"].as_str().unwrap().to_owned();
    let seconds = at.split('.').next().unwrap().trim_end_matches('Z').to_owned();
    let stamp = shown(place, &directory)["scim_change_timestamp"].as_str().unwrap().to_owned();
    assert!(stamp.starts_with(&seconds), "{stamp} {at}");
    eventually("it is receiving", || (shown(place, &directory)["state"] == "receiving").then_some(()));
    eventually("its client was there", || shown(place, &directory)["last_contact"].is_string().then_some(()));
}
