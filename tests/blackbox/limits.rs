//! What one may have of the service, and that nobody is kept from theirs.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use reqwest::StatusCode;
use rollcall_access::{BearerToken, TokenKind};
use rollcall_base::SeededEntropy;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{
    directory::{BULK, Directory, USER, http, send},
    server::{Place, Server, eventually, health},
};

fn start(settings: &[(&str, &str)]) -> Server {
    Server::start_with(Place::new(), |command| {
        command.envs(settings.iter().map(|(name, value)| (format!("ROLLCALL_LIMITS__{name}"), value)));
    })
}

/// Small enough that a client on a busy machine reaches them.
const SMALL: [(&str, &str); 7] = [
    ("REQUESTS__DIRECTORY__PER_SECOND", "30"),
    ("REQUESTS__DIRECTORY__BURST", "40"),
    ("REQUESTS__TENANT__PER_SECOND", "40"),
    ("REQUESTS__TENANT__BURST", "40"),
    ("REQUESTS__IN_FLIGHT", "2"),
    ("REQUESTS__WORKING", "1"),
    ("REQUESTS__PATIENCE_MS", "20"),
];

/// What somebody who sends as fast as can be got.
#[derive(Default)]
struct Flood {
    taken: usize,
    refused: usize,
}

async fn flood(directory: Directory, stop: Arc<AtomicBool>) -> Flood {
    let (client, mut flood) = (http(), Flood::default());
    while !stop.load(Ordering::SeqCst) {
        let answer = client.get(directory.url("/Users")).bearer_auth(&directory.token).send().await.unwrap();
        match answer.status() {
            StatusCode::OK => flood.taken += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                flood.refused += 1;
                let headers = answer.headers().clone();
                assert_eq!(
                    (&headers["retry-after"], &headers["content-type"]),
                    (&"1".parse().unwrap(), &"application/scim+json".parse().unwrap())
                );
                let body: Value = answer.json().await.unwrap();
                assert_eq!(body["status"], "429");
                assert!(body["detail"].as_str().unwrap().contains("Nothing was changed"), "{body}");
            }
            other => panic!("{other}"),
        }
    }
    flood
}

/// 25 requests at once and then 20 a second: none may be refused.
async fn keeps_to_the_guarantee(directory: Directory) {
    let ask = async || {
        let answer = directory.get("/Users?count=1").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    join_all((0..25).map(|_| ask())).await;
    let pause = Duration::from_millis(50);
    let mut clock = interval_at(Instant::now() + pause, pause);
    // Who fell behind does not catch up: that would be more than 25 a second.
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..40 {
        clock.tick().await;
        ask().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_refused_and_neither_a_neighbour_nor_a_sibling_within_the_guarantee_is() {
    let server = start(&SMALL);
    let loud = server.place().directory_of("loud", "other");
    let (sibling, neighbour) =
        (server.place().directory_of("loud", "other"), server.place().directory_of("quiet", "other"));
    let stop = Arc::new(AtomicBool::new(false));
    let floods: Vec<_> = (0..8).map(|_| tokio::spawn(flood(loud.clone(), Arc::clone(&stop)))).collect();
    let kept = [sibling, neighbour].map(|quiet| tokio::spawn(keeps_to_the_guarantee(quiet)));
    for quiet in kept {
        quiet.await.unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    let mut all = Flood::default();
    for one in floods {
        let one = one.await.unwrap();
        all.taken += one.taken;
        all.refused += one.refused;
    }
    assert!(all.taken >= 40 && all.refused > 0, "{} taken, {} refused", all.taken, all.refused);
    let metrics = tokio::task::block_in_place(|| health(server.place().address, "/metrics")).unwrap();
    let counted = |line: &&str| line.starts_with("rollcall_limited_requests_total") && !line.ends_with(" 0");
    assert!(metrics.lines().any(|line| counted(&line)), "{metrics}");
    assert!(!metrics.contains("loud") && !metrics.contains("quiet"), "no tenant's name is in metrics");
}

/// How many requests are under way, as `/metrics` has it.
fn under_way(place: &Place) -> Option<u32> {
    let metrics = health(place.address, "/metrics")?;
    metrics.lines().find_map(|line| line.strip_prefix("rollcall_requests_in_flight "))?.trim().parse().ok()
}

#[test]
fn a_request_whose_client_goes_away_is_under_way_no_more() {
    let server = Server::start();
    let (place, directory) = (server.place(), server.directory());
    let mut client = std::net::TcpStream::connect(place.address).unwrap();
    let (_, path) = directory.base_url.split_once("/scim/").unwrap();
    let head = format!(
        "POST /scim/{path}/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: \
         application/scim+json\r\nContent-Length: 100\r\n\r\n{{",
        directory.token
    );
    client.write_all(head.as_bytes()).unwrap();
    eventually("it is under way", || (under_way(place) == Some(1)).then_some(()));
    drop(client);
    eventually("it is no more", || (under_way(place) == Some(0)).then_some(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lookup_beyond_the_allowance_is_told_as_a_problem() {
    let server = start(&SMALL);
    let directory = server.directory();
    let mut refused = None;
    for _ in 0..50 {
        let all = join_all((0..20).map(|_| directory.look_up("/users?userName=nobody"))).await;
        refused = all.into_iter().find(|answer| answer.status == 429);
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("a thousand are more than the allowance");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!((&refused.body["status"], refused.header("retry-after")), (&json!(429), "1"));
}

#[tokio::test]
async fn an_address_that_guesses_gets_429_and_a_known_token_from_there_goes_on() {
    let server = start(&[("UNKNOWN_TOKENS__BURST", "5"), ("UNKNOWN_TOKENS__PER_SECOND", "1")]);
    let directory = server.directory();
    directory.get("/Users").await.ok(200);
    let id = directory.token_id.parse().unwrap();
    let mut statuses = Vec::new();
    // On a slow machine the address earns a guess from time to time.
    for number in 0..500 {
        let guess =
            BearerToken::generate(TokenKind::Static, id, &SeededEntropy::new(number)).to_text().expose().to_owned();
        let answer = Directory { token: guess, ..directory.clone() }.get("/Users").await;
        if answer.status == 429 {
            assert!(!answer.header("retry-after").is_empty());
            assert!(answer.error(429, None).contains("unknown or wrong"));
        }
        statuses.push(answer.status);
        assert_eq!(directory.get("/Users").await.status, 200, "{statuses:?}");
        if answer.status == 429 {
            break;
        }
    }
    assert!(statuses[..5].iter().all(|status| *status == 401) && statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn a_long_head_is_refused_with_what_is_too_long_and_the_longest_by_the_server_itself() {
    let directory = Server::shared().directory_of("acme", "other");
    let bearer = format!("Bearer {}", directory.token);
    let with = async |bytes: usize| {
        let long = "x".repeat(bytes);
        send("GET", &directory.url("/Users"), &[("authorization", &bearer), ("x-long", &long)], None).await.unwrap()
    };
    with(30_000).await.ok(200);
    let detail = with(40_000).await.error(431, None);
    assert!(detail.contains("32768 are the most"), "{detail}");
    assert_eq!(with(140_000).await.status, 431);
}

#[tokio::test]
async fn what_one_request_may_ask_for_is_set_and_told() {
    let server = start(&[
        ("VALUES_PER_ATTRIBUTE", "2"),
        ("PATCH_OPERATIONS", "2"),
        ("MEMBERS_PER_REQUEST", "2"),
        ("BULK_OPERATIONS", "2"),
        ("FILTER_TERMS", "2"),
    ]);
    let directory = server.directory();
    let told = |detail: String| assert!(detail.contains(" 2 ") || detail.contains("; 2 are"), "{detail}");
    let phones: Vec<Value> = (0..3).map(|number| json!({ "value": format!("+{number}") })).collect();
    let user = json!({ "schemas": [USER], "userName": "a", "phoneNumbers": phones });
    told(directory.post("/Users", user).await.error(400, Some("invalidValue")));
    let (user, group) = (directory.user("anna").await, directory.group("Staff", &[]).await);
    let operation = json!({ "op": "replace", "path": "title", "value": "x" });
    told(directory.patch(&format!("/Users/{user}"), json!([operation, operation, operation])).await.error(413, None));
    let members: Vec<Value> = (0..3).map(|_| json!({ "value": user })).collect();
    let add = json!([{ "op": "add", "path": "members", "value": members }]);
    told(directory.patch(&format!("/Groups/{group}"), add).await.error(413, None));
    let create = json!({ "method": "POST", "path": "/Users", "bulkId": "x", "data": { "userName": "x" } });
    let bulk = json!({ "schemas": [BULK], "Operations": [create, create, create] });
    told(directory.post("/Bulk", bulk).await.error(413, None));
    let three = "title eq \"a\" or title eq \"b\" or title eq \"c\"";
    told(directory.find("/Users", three).await.error(400, Some("invalidFilter")));
}

#[test]
fn the_limits_that_hold_are_shown_without_an_installation() {
    let mut place = Place::embedded();
    place.environment.push(("ROLLCALL_LIMITS__REQUESTS__DIRECTORY__PER_SECOND", "77".to_owned()));
    let shown = place.json(&["limits", "show"]);
    let of = |name: &str| shown.as_array().unwrap().iter().find(|limit| limit["limit"] == name).unwrap().clone();
    let rate = of("limits.requests.directory.per_second");
    assert_eq!((&rate["value"], &rate["beyond"]), (&json!(77), &json!("429")));
    assert_eq!(of("http.body_bytes")["value"], 10_485_760);
    let text = String::from_utf8(place.run(&["limits", "show"]).stdout).unwrap();
    assert!(text.contains("limits.bulk_operations") && text.contains("always taken"), "{text}");
    place.environment[0].1 = "24".to_owned();
    let refusal = place.refusal(&["limits", "show"]);
    assert!(refusal.contains("limits.requests.directory.per_second") && refusal.contains("25"), "{refusal}");
    assert!(!place.data().exists());
}
