//! Services that share a Redis: what the command line revokes the gateway refuses, and no request fails for want of Redis.

use std::{
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rollcall_testkit::{self as testkit, Redis};

use serde_json::json;

use crate::{
    directory::Directory,
    server::{Place, Server, eventually, free_address, health},
    services::{Running, list, service, url},
};

/// A split installation on a Redis of its own.
fn on(redis: &Redis) -> Place {
    let mut place = Place::split();
    place.redis = Some((redis.url().to_owned(), "rollcall".to_owned()));
    place
}

/// Metrics of the gateway that begin with `name`, as Prometheus reads them.
fn metric(place: &Place, name: &str) -> Option<String> {
    let all = health(place.address, "/metrics")?;
    all.lines().find(|line| line.starts_with(name)).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_the_command_line_revokes_is_refused_by_the_gateway_at_once() {
    let server = Server::start_at(Place::split());
    let client = server.directory();
    client.user("anna").await;
    let listening = || metric(server.place(), "rollcall_redis_listening 1");
    tokio::task::block_in_place(|| eventually("the gateway listens", listening));
    let revoked = server.place().json(&["token", "revoke", "--token-id", &client.token_id]);
    assert_eq!(revoked["servers_were_told"], true, "{revoked}");
    assert_eq!(revoked["refused_everywhere_within_seconds"], 30, "{revoked}");
    // A message is on its way for a moment; without it the token would go on for 15 seconds and more.
    let refused = async { while client.get("/Users").await.status != 401 {} };
    tokio::time::timeout(Duration::from_secs(8), refused).await.expect("it is refused at once");
    // Whoever reads JSON is told by the number; people are told in a sentence.
    let another = server.directory();
    let told = server.place().run(&["token", "revoke", "--token-id", &another.token_id]);
    assert!(
        String::from_utf8_lossy(&told.stdout)
            .contains("Servers that listen to Redis refuse the token now, any other within 30 seconds.")
    );
}

#[tokio::test]
async fn without_redis_the_command_line_says_how_long_others_may_go_on() {
    let mut place = Place::split();
    let client = place.directory_of("acme", "other");
    place.redis = Some(("redis://127.0.0.1:1".to_owned(), "rollcall".to_owned()));
    let told = place.run(&["token", "revoke", "--token-id", &client.token_id]);
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(text.contains("Servers refuse the token within 30 seconds."), "{text}");
    place.environment.push(("ROLLCALL_REDIS__URL", "redis.example.com".to_owned()));
    place.redis = None;
    let refusal = place.refusal(&["token", "list", "--tenant", "acme"]);
    assert!(refusal.contains("\"redis.url\"") && refusal.contains("redis+sentinel://"), "{refusal}");
}

/// Asks until told to stop, and counts the answers; each must be good.
async fn ask_until(client: Directory, stop: Arc<AtomicBool>, answers: Arc<AtomicUsize>) {
    while !stop.load(Ordering::SeqCst) {
        let answer = client.try_send("GET", "/Users?count=1", &[], None).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
        answers.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_emptied_frozen_and_killed_under_load_fails_no_request() {
    let redis = Redis::single();
    // Nothing is believed for long, so that Redis is asked all the time.
    let server = Server::start_with(on(&redis), |command: &mut Command| {
        command.env("ROLLCALL_CACHE__SECONDS", "1").env("ROLLCALL_REDIS__TIMEOUT_MS", "50");
    });
    let clients: Vec<Directory> = (0..4).map(|_| server.directory()).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let answers: Vec<Arc<AtomicUsize>> = clients.iter().map(|_| Arc::default()).collect();
    let load: Vec<_> = clients
        .iter()
        .zip(&answers)
        .map(|(client, answers)| tokio::spawn(ask_until(client.clone(), Arc::clone(&stop), Arc::clone(answers))))
        .collect();
    let counted = || answers.iter().map(|count| count.load(Ordering::SeqCst)).collect::<Vec<_>>();
    // More than one: what was asked before the phase began may be answered in it.
    let all_are_answered = async |phase: &str| {
        let before = counted();
        let rose = async || before.iter().zip(counted()).all(|(before, now)| now > before + 5);
        testkit::eventually(phase, rose).await;
    };
    let goes_on = async |phase: &str| {
        all_are_answered(phase).await;
        // By now nothing is remembered from before.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        all_are_answered(phase).await;
    };
    for _ in 0..5 {
        redis.flush();
        all_are_answered("all are answered after it was emptied").await;
    }
    redis.freeze();
    goes_on("all are answered while it is frozen").await;
    redis.thaw();
    goes_on("all are answered after it was frozen").await;
    redis.kill();
    goes_on("all are answered while it is dead").await;
    redis.start();
    goes_on("all are answered after it was dead").await;
    stop.store(true, Ordering::SeqCst);
    for client in load {
        client.await.unwrap();
    }
    assert!(server.place().log().contains("Redis does not answer"), "somebody was told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_start_and_are_ready_without_redis_and_are_joined_by_it_later() {
    let redis = Redis::single();
    redis.kill();
    let server = Server::start_at(on(&redis));
    let client = server.directory();
    client.user("anna").await;
    redis.start();
    let listening = || metric(server.place(), "rollcall_redis_listening 1");
    tokio::task::block_in_place(|| eventually("the gateway listens", listening));
    assert_eq!(client.get("/Users").await.ok(200)["totalResults"], 1);
}

#[test]
fn a_process_that_cannot_reach_redis_still_stops_when_it_is_told() {
    let mut place = Place::embedded();
    place.redis = Some(("redis+sentinel://127.0.0.1:1,127.0.0.1:2/mymaster".to_owned(), "rollcall".to_owned()));
    let address = place.address.to_string();
    let mut child: Child = place.command(&["all", "--listen", &address]).spawn().unwrap();
    eventually("it is ready", || health(place.address, "/health/ready").filter(|answer| answer.contains(" 200 ")));
    crate::server::send_signal(&child, "TERM");
    assert!(eventually("it stops", || child.try_wait().unwrap()).success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_directory_service_changes_the_other_looks_up() {
    let redis = Redis::single();
    let place = on(&redis);
    let services = ["directory", "directory"].map(|role| service(&place, role).wait_until_ready());
    let tokens = service(&place, "tokens").wait_until_ready();
    let directories = list(&[&services[0], &services[1]]);
    let _gateway = Running::start(place.gateway(&url(&tokens), &directories), place.address).wait_until_ready();
    let client = place.directory_of("acme", "other");
    let (user, group) = (client.user("anna").await, client.group("Staff", &[]).await);
    let seen = async || client.look_up(&format!("/users/{user}")).await.ok(200);
    // Both remember; requests go to one and the other in turn.
    for _ in 0..6 {
        assert_eq!(seen().await["active"], true);
    }
    let hits = |service: &Running| {
        let all = health(service.address, "/metrics").unwrap();
        let of_lookups =
            |line: &&str| line.contains("lookup-user") && line.contains("redis") && line.contains("\"hit\"");
        all.lines().filter(of_lookups).any(|line| !line.ends_with(" 0"))
    };
    assert!(services.iter().any(hits), "one had the other's answer from Redis");
    let soon = async |what: &str, is_so: &dyn Fn(&serde_json::Value) -> bool| {
        // A message is on its way for a moment; without it the old answer would go on for 30 seconds.
        let known = async {
            let mut in_a_row = 0;
            while in_a_row < 6 {
                in_a_row = if is_so(&seen().await) { in_a_row + 1 } else { 0 };
            }
        };
        tokio::time::timeout(Duration::from_secs(8), known).await.expect(what);
    };
    let members = |op: &str| json!([{ "op": op, "path": "members", "value": [{ "value": user }] }]);
    client.patch(&format!("/Groups/{group}"), members("add")).await.ok(204);
    soon("a member", &|seen| seen["groups"][0]["displayName"] == "Staff").await;
    let rename = json!([{ "op": "replace", "path": "displayName", "value": "Crew" }]);
    client.patch(&format!("/Groups/{group}"), rename).await.ok(204);
    soon("a renamed group", &|seen| seen["groups"][0]["displayName"] == "Crew").await;
    client.patch(&format!("/Groups/{group}"), members("remove")).await.ok(204);
    soon("no member", &|seen| seen["groups"] == json!([])).await;
    let leaver = json!([{ "op": "replace", "path": "active", "value": false }]);
    client.patch(&format!("/Users/{user}"), leaver).await.ok(200);
    soon("a leaver", &|seen| seen["active"] == false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leaver_of_whom_nobody_was_told_is_looked_up_for_the_stated_time_at_most() {
    let redis = Redis::single();
    let place = on(&redis);
    let start = |role: &str| {
        let address = free_address();
        let mut command = place.service(role, address);
        command.env("ROLLCALL_CACHE__SECONDS", "2");
        Running::start(command, address).wait_until_ready()
    };
    let (one, other, tokens) = (start("directory"), start("directory"), start("tokens"));
    let gateway = place.gateway(&url(&tokens), &list(&[&one, &other]));
    let _gateway = Running::start(gateway, place.address).wait_until_ready();
    let client = place.directory_of("acme", "other");
    let user = client.user("anna").await;
    let found = async || client.look_up(&format!("/users/{user}")).await.status == 200;
    for _ in 0..6 {
        assert!(found().await);
    }
    redis.kill();
    client.delete(&format!("/Users/{user}")).await.ok(204);
    // The service that deleted the user knows; the other believes what it has until that is too old.
    tokio::time::sleep(Duration::from_secs(3)).await;
    for _ in 0..6 {
        assert!(!found().await, "a leaver is found when the bound is over");
    }
}
