//! `rollcall simulate` against the real server: what each client sends arrives, and what was changed behind its back is
//! found.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use rollcall_base::SecretText;
use rollcall_simulator::{Client, DifferenceKind, Options, Progress, Report, Step, simulate};
use serde_json::{Value, json};

use crate::{
    directory::{Directory, id_of},
    server::Server,
    states::draft,
};

fn directory_for(client: &str) -> Directory {
    let kind = match client {
        "entra-id-optscim" => "entra-id",
        "okta-custom" => "okta",
        kind if rollcall_base::ClientKind::ALL.iter().any(|known| known.as_str() == kind) => kind,
        _ => "other",
    };
    Server::shared().directory_of("simulate", kind)
}

fn arguments<'a>(directory: &'a Directory, client: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let target = ["--base-url", &directory.base_url, "--token", &directory.token];
    [&["simulate", client], target.as_slice(), &["--users", "30", "--groups", "4"], more].concat()
}

const TWO_CYCLES: [&str; 2] = ["--cycles", "2"];

/// Runs a client and asserts that nothing differs and that the server did not fail.
#[track_caller]
fn well(directory: &Directory, client: &str, more: &[&str]) -> Value {
    let report = Server::shared().json(&arguments(directory, client, &[TWO_CYCLES.as_slice(), more].concat()));
    assert_eq!((&report["differences"], &report["difference_counts"]), (&json!([]), &json!({})), "{client}: {report}");
    let failures = report["statuses"].as_object().unwrap().keys().filter(|status| status.as_str() >= "500").count();
    assert_eq!(failures, 0, "{client}: {report}");
    let id = &directory.id;
    let shown = Server::shared().json(&["directory", "show", "--tenant", "simulate", "--directory", id]);
    assert_eq!((&shown["users"], &shown["groups"]), (&report["users"], &report["groups"]), "{client}");
    report
}

/// Does `work` for each, a few at once.
fn side_by_side(clients: &[(&str, &[&str])], work: impl Fn(&str, &[&str]) + Sync) {
    let next = Mutex::new(clients.iter());
    let take = || next.lock().unwrap().next();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some((client, more)) = take() {
                    work(client, more);
                }
            });
        }
    });
}

#[test]
fn every_client_ends_its_cycles_without_a_difference() {
    let put: &[&str] = &["--group-updates", "put"];
    let patch: &[&str] = &["--group-updates", "patch"];
    let alone: &[&str] = &["--threads", "1"];
    let mut ways: Vec<(&str, &[&str])> = Client::ALL.iter().map(|client| (client.as_str(), &[][..])).collect();
    ways.extend([("ping-federate", put), ("ping-federate", alone), ("pingone", patch), ("sailpoint", put)]);
    side_by_side(&ways, |client, more| {
        let report = well(&directory_for(client), client, more);
        let count = |field: &str| report[field].as_u64().unwrap();
        let happened = ["joined", "moved", "renamed", "left", "returned"];
        assert!(happened.into_iter().all(|field| count(field) > 0), "{client}: {report}");
        assert_eq!(report["groups"], if client == "google-workspace" { json!(0) } else { json!(4) });
    });
}

#[test]
fn a_draft_takes_every_clients_connection_test_and_its_first_people() {
    side_by_side(&Client::ALL.map(|client| (client.as_str(), &[][..])), |client, _| {
        let directory = draft(Server::shared());
        let report = Server::shared().json(&arguments(&directory, client, &["--cycles", "1"]));
        assert_eq!(report["differences"], json!([]), "{client}: {report}");
        let shown = ["directory", "show", "--tenant", directory.tenant.as_str(), "--directory", directory.id.as_str()];
        assert_eq!(Server::shared().json(&shown)["state"], "draft", "{client}");
    });
}

#[test]
fn a_second_run_takes_over_what_the_first_one_made() {
    let ways =
        ["entra-id", "entra-id-optscim", "okta", "okta-custom", "ping-federate", "sase-5g", "rippling", "authentik"];
    side_by_side(&ways.map(|client| (client, &[][..])), |client, more| {
        let directory = directory_for(client);
        let first = well(&directory, client, more);
        let second = well(&directory, client, more);
        assert_eq!(second["users"], first["users"], "{client}");
        assert!(second["adopted"].as_u64().unwrap() > 30, "{client}: {second}");
        // What the company did in the second cycle is undone by a run that knows of one: names, jobs, groups.
        let shorter = Server::shared().json(&arguments(&directory, client, &["--cycles", "1"]));
        assert_eq!(shorter["differences"], json!([]), "{client}: {shorter}");
    });
}

#[tokio::test]
async fn the_same_seed_is_the_same_run_and_another_seed_another() {
    let sent = async |seed: &str| {
        let directory = directory_for("other");
        let report = well(&directory, "other", &["--seed", seed]);
        let names: BTreeSet<String> = names(&directory).await.into_values().collect();
        (report["methods"].clone(), report["memberships"].clone(), names)
    };
    let (first, again, other) = (sent("7").await, sent("7").await, sent("8").await);
    assert_eq!(first, again);
    assert!(first.2.is_disjoint(&other.2));
}

#[test]
fn what_a_client_cannot_do_is_told() {
    let directory = directory_for("okta");
    let refusal = |more: &[&str]| Server::shared().refusal(&arguments(&directory, "ping-federate", more));
    assert!(refusal(&["--threads", "6"]).contains("1 to 5 threads"));
    let okta = arguments(&directory, "okta", &["--group-updates", "put"]);
    assert!(Server::shared().refusal(&okta).contains("pingone"));
    let named = ["simulate", "--client", "azure", "--base-url", &directory.base_url, "--token", &directory.token];
    let output = Server::shared().run(&named);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && text.contains("entra-id-optscim"), "{text}");
}

#[test]
fn a_wrong_token_and_a_wrong_address_are_told() {
    let place = Server::shared();
    let directory = place.directory_of("simulate", "okta");
    let wrong = ["simulate", "okta", "--base-url", &directory.base_url, "--token", "rct_wrong"];
    let text = place.refusal(&wrong);
    assert!(text.contains("token"), "{text}");
    let nobody = format!("http://{}/scim/v2", crate::server::free_address());
    let text = place.refusal(&["simulate", "okta", "--base-url", &nobody, "--token", &directory.token]);
    assert!(text.contains(&nobody) && !text.contains(&directory.token), "{text}");
}

#[tokio::test]
async fn a_difference_makes_the_command_fail_and_is_printed() {
    let directory = directory_for("okta");
    well(&directory, "okta", &[]);
    let list = directory.get("/Groups?count=1&excludedAttributes=members").await.ok(200);
    directory.group(list["Resources"][0]["displayName"].as_str().unwrap(), &[]).await;
    let again = arguments(&directory, "okta", &["--cycles", "2", "--output", "json"]);
    let output = Server::shared().run(&again);
    assert!(!output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["difference_counts"], json!({ "group_extra": 1 }), "{report}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("1 differences between what was sent and what the directory holds"), "{text}");
}

/// The names of all users, by id.
async fn names(directory: &Directory) -> BTreeMap<String, String> {
    let list = directory.get("/Users?count=200&attributes=userName").await.ok(200);
    let users = list["Resources"].as_array().unwrap().iter();
    users.map(|user| (id_of(user), user["userName"].as_str().unwrap().to_owned())).collect()
}

async fn found(directory: &Directory, filter: &str) -> Vec<String> {
    let list = directory.find("/Users", filter).await.ok(200);
    list["Resources"].as_array().unwrap().iter().map(id_of).collect()
}

/// What somebody does to the directory before it is read back, given the names of the initial cycle.
async fn meddle(directory: &Directory, before: &BTreeMap<String, String>) {
    let now = names(directory).await;
    let (renamed, old_name) = before.iter().find(|(id, name)| now.get(*id).is_some_and(|now| now != *name)).unwrap();
    directory.user(old_name).await;

    let leavers = found(directory, "active eq false").await;
    let switch = |active: bool| json!([{ "op": "replace", "path": "active", "value": active }]);
    directory.patch(&format!("/Users/{}", leavers[0]), switch(true)).await.ok(200);
    let active = found(directory, "active eq true").await;
    let mut active = active.iter().filter(|id| before.contains_key(*id) && *id != renamed && *id != &leavers[0]);
    directory.patch(&format!("/Users/{}", active.next().unwrap()), switch(false)).await.ok(200);
    let title = json!([{ "op": "replace", "path": "title", "value": "Emperor" }]);
    directory.patch(&format!("/Users/{}", active.next().unwrap()), title).await.ok(200);
    let deleted = active.next().unwrap();
    assert_eq!(directory.delete(&format!("/Users/{deleted}")).await.status, 204);

    let groups = directory.get("/Groups?count=50&excludedAttributes=members").await.ok(200);
    let group = |name: &str| {
        let mut groups = groups["Resources"].as_array().unwrap().iter();
        id_of(groups.find(|group| group["displayName"].as_str().unwrap().contains(name)).unwrap())
    };
    let all = group("All staff");
    let member = active.next().unwrap();
    let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{member}\"]") }]);
    assert_eq!(directory.patch(&format!("/Groups/{all}"), remove).await.status, 204);
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": leavers[0] }] }]);
    assert_eq!(directory.patch(&format!("/Groups/{all}"), add).await.status, 204);
    let rename = json!([{ "op": "replace", "path": "displayName", "value": "The others" }]);
    assert_eq!(directory.patch(&format!("/Groups/{}", group(" 2.")), rename).await.status, 204);
    assert_eq!(directory.delete(&format!("/Groups/{}", group(" 3."))).await.status, 204);
}

/// Does something asynchronous where nothing may be waited for.
fn meanwhile<T: Send, F: Future<Output = T>>(work: impl FnOnce() -> F + Send) -> T {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::scope(|scope| scope.spawn(|| runtime().block_on(work())).join().unwrap())
}

#[tokio::test]
async fn whatever_is_changed_behind_its_back_is_found_and_told() {
    let directory = directory_for("other");
    let options = Options {
        users: 30,
        groups: 5,
        cycles: 1,
        ..Options::new(Client::Other, directory.base_url.clone(), SecretText::new(directory.token.clone()))
    };
    let mut before = BTreeMap::new();
    let mut watch = |progress: Progress| match (progress.step, progress.done) {
        (Step::Cycle(1), 0) => before = meanwhile(|| names(&directory)),
        (Step::Verifying, 0) => meanwhile(|| meddle(&directory, &before)),
        _ => {}
    };
    let report: Report = simulate(options, &mut watch).await.unwrap();
    use DifferenceKind::*;
    let found: BTreeSet<DifferenceKind> = report.difference_counts.keys().copied().collect();
    let expected = [
        UserMissing,
        UserExtra,
        WrongAttribute,
        StillActive,
        OldNameFound,
        GroupMissing,
        WrongName,
        MemberMissing,
        MemberExtra,
    ];
    assert_eq!(found, expected.into(), "{report}");
    let told = report.to_string();
    for words in ["has left, and active is true", "active is false, not true", "title is \"Emperor\"", "\"The others\""]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains(&directory.token));
}
