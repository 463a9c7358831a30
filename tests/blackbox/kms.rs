//! An installation whose data keys AWS KMS wraps, while all goes well and while it does not.

use rollcall_testkit::{self as testkit, Gate, Kms};
use serde_json::json;

use crate::{
    directory::{Directory, send},
    server::{Place, Server, eventually, health},
    services::{Running, service, url},
    shape,
};

/// An installation with `key` at `endpoint`.
fn place(endpoint: String, key: &str) -> Place {
    let mut place = Place::embedded();
    place.keys = shape::kms(endpoint, key);
    place
}

/// How many calls the server has counted.
async fn calls(server: &Server, operation: &str, outcome: &str) -> u64 {
    let metrics = send("GET", &format!("http://{}/metrics", server.place().address), &[], None).await.unwrap().text;
    let series = format!("rollcall_key_service_calls_total{{operation=\"{operation}\",outcome=\"{outcome}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&series)).map_or(0, |value| value.parse().unwrap())
}

async fn status(directory: &Directory) -> u16 {
    directory.get("/Users?count=1").await.status
}

/// Asks until the answer is `wanted`: a call to KMS that failed is not made again for some seconds.
async fn becomes(directory: &Directory, wanted: u16) {
    testkit::eventually(&format!("the answer is {wanted}"), async || status(directory).await == wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kms_is_called_once_and_while_it_is_away_known_tenants_go_on_and_issuing_says_why_not() {
    let gate = Gate::before(Kms::shared().address()).await;
    let server = Server::start_at(place(gate.url(), &Kms::shared().create_key()));
    let (known, unknown) = (server.directory(), server.place().directory_of("globex", "okta"));
    for name in ["ada", "grace"] {
        known.user(name).await;
    }
    assert_eq!(calls(&server, "unwrap", "ok").await, 1, "the first request's; the second had it");

    gate.shut();
    known.user("joan").await;
    assert_eq!(status(&known).await, 200);
    // This process has never had the other tenant's key.
    let answer = unknown.get("/Users").await;
    answer.error(503, None);
    assert!(!answer.header("retry-after").is_empty());
    let issue = ["token", "issue", "--tenant", "acme", "--directory", &known.id];
    let refused = server.place().refusal(&issue);
    assert!(refused.contains("the key service cannot be reached"), "{refused}");
    let rotate = server.place().refusal(&["key", "rotate", "--tenant", "acme"]);
    assert!(rotate.contains("the key service cannot be reached"), "{rotate}");

    gate.open();
    becomes(&unknown, 200).await;
    server.place().json(&issue);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_service_without_kms_stays_ready_and_says_what_it_cannot_do() {
    let gate = Gate::before(Kms::shared().address()).await;
    let mut place = Place::split();
    place.keys = shape::kms(gate.url(), &Kms::shared().create_key());
    let (tokens, directory) = (service(&place, "tokens").wait_until_ready(), service(&place, "directory"));
    let _gateway = Running::start(place.gateway(&url(&tokens), &url(&directory)), place.address).wait_until_ready();
    let client = place.directory_of("acme", "other");
    client.user("ada").await;
    let answer = |path: &'static str| health(tokens.address, path).unwrap();
    let shows = |path: &'static str, what: &str| answer(path).contains(what).then_some(());
    let available = |value: u8| format!("\nrollcall_key_service_available {value}\n");
    assert!(answer("/health/ready").ends_with("{\"status\":\"ok\"}"), "{}", answer("/health/ready"));
    shows("/metrics", &available(1)).expect("all is well");

    gate.shut();
    // Nobody asks for a key: the service finds out by itself.
    tokio::task::block_in_place(|| {
        eventually("it is told", || shows("/health/ready", "{\"status\":\"degraded\",\"degraded\":[\"key service\"]}"));
    });
    assert!(answer("/health/ready").starts_with("HTTP/1.1 200"), "requests are still sent to it");
    shows("/metrics", &available(0)).expect("it is measured");
    client.user("grace").await;
    assert!(place.log().contains("the key service cannot be reached at the moment"));

    gate.open();
    tokio::task::block_in_place(|| eventually("it is over", || shows("/health/ready", "{\"status\":\"ok\"}")));
    shows("/metrics", &available(1)).expect("it is measured");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_by_hand_changes_the_key_and_no_client_notices() {
    let server = Server::start_at(place(Kms::shared().url(), &Kms::shared().create_key()));
    let directory = server.directory();
    directory.user("ada").await;
    let rotated = server.place().json(&["key", "rotate", "--tenant", "acme"]);
    let names: Vec<&str> = rotated.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["tenant", "data_key", "previous", "created_at"]);
    assert_ne!(rotated["data_key"], rotated["previous"]);
    assert_eq!(status(&directory).await, 200);
    // The server hears of the new key within seconds; from then on the next use moves the token.
    let is_moved = async || {
        assert_eq!(status(&directory).await, 200);
        server.place().log().contains("token moved to its tenant's newest key")
    };
    testkit::eventually("the token is moved", is_moved).await;
    assert_eq!(status(&directory).await, 200);
    assert_eq!(
        server.place().json(&["key", "rewrap", "--tenant", "acme"]),
        json!({ "tenant": "acme", "data_keys": 2 })
    );
    let text = server.place().refusal(&["key", "rotate", "--tenant", "nobody"]);
    assert!(text.contains("there is no tenant \"nobody\""), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_rewrap_the_old_kms_key_is_needed_no_more() {
    let kms = Kms::shared();
    let (old, new) = (kms.create_key(), kms.create_key());
    let server = Server::start_at(place(kms.url(), &old));
    let directory = server.directory();
    assert_eq!(status(&directory).await, 200);
    let (mut place, _) = server.stop("INT");
    place.keys = shape::kms(kms.url(), &new);
    assert_eq!(place.json(&["key", "rewrap", "--tenant", "acme"])["data_keys"], 1);
    kms.disable(&old);
    let _server = Server::start_at(place);
    assert_eq!(status(&directory).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_disabled_kms_key_nothing_verifies_until_it_is_enabled_again() {
    let kms = Kms::shared();
    if !kms.has_key_states("with_a_disabled_kms_key_nothing_verifies_until_it_is_enabled_again") {
        return;
    }
    let key = kms.create_key();
    let server = Server::start_at(place(kms.url(), &key));
    let directory = server.directory();
    kms.disable(&key);
    directory.get("/Users").await.error(503, None);
    let refused = server.place().refusal(&["token", "issue", "--tenant", "acme", "--directory", &directory.id]);
    assert!(refused.contains(&key) && refused.contains("disabled"), "{refused}");
    kms.enable(&key);
    becomes(&directory, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_from_another_tenants_row_is_refused_logged_as_an_error_and_counted() {
    let server = Server::start_at(place(Kms::shared().url(), &Kms::shared().create_key()));
    let (directory, other) = (server.directory(), server.place().directory_of("globex", "okta"));
    assert_eq!(calls(&server, "unwrap", "does_not_open").await, 0);
    let row = |slug: &str| format!("tenant_id = (SELECT id FROM tenant WHERE slug = '{slug}')");
    server.place().sqlite(&format!(
        "UPDATE data_key SET wrapped = (SELECT wrapped FROM data_key WHERE {}) WHERE {}",
        row("globex"),
        row("acme")
    ));
    directory.get("/Users").await.error(503, None);
    assert_eq!(calls(&server, "unwrap", "does_not_open").await, 1);
    let log = server.place().log();
    assert!(log.lines().any(|line| line.contains("ERROR") && line.contains("alarm")), "{log}");
    assert_eq!(status(&other).await, 200);
}

#[test]
fn the_configuration_that_is_checked_names_the_provider_and_the_key() {
    let place = place("http://127.0.0.1:1".to_owned(), "alias/rollcall");
    let checked = place.json(&["config", "check"]);
    assert_eq!(checked["keys"]["provider"], "aws-kms");
    assert_eq!(checked["keys"]["key_id"], "alias/rollcall");
    assert_eq!(Place::embedded().json(&["config", "check"])["keys"]["provider"], "local");
}
