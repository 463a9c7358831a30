//! Restarts under load: one process after the other goes and comes, and no client notices.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};

use crate::{
    balancer::Balancer,
    directory::{Directory, USER, http, id_of},
    server::{Place, eventually, free_address},
    services::{Running, list, service, url},
};

/// What clients saw that do not stop asking.
#[derive(Debug, Default)]
struct Seen {
    /// Resources made.
    created: u64,
    /// All requests; none failed, or the client would have.
    requests: u64,
    /// Answers after which the server closes the connection.
    closing: u64,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.created += other.created;
        self.requests += other.requests;
        self.closing += other.closing;
    }
}

/// A client with one connection that it keeps: makes users and reads them until told to stop.
async fn ask_until(client: Directory, stop: Arc<AtomicBool>, number: usize) -> Seen {
    let http = http();
    let mut seen = Seen::default();
    while !stop.load(Ordering::SeqCst) {
        let user = json!({ "schemas": [USER], "userName": format!("user-{number}-{}", seen.created) });
        let create = http.post(client.url("/Users")).header("content-type", "application/scim+json").json(&user);
        let id = id_of(&answered(create, &client, 201, &mut seen).await);
        seen.created += 1;
        answered(http.get(client.url(&format!("/Users/{id}"))), &client, 200, &mut seen).await;
    }
    seen
}

async fn answered(request: reqwest::RequestBuilder, client: &Directory, status: u16, seen: &mut Seen) -> Value {
    let answer = request.bearer_auth(&client.token).send().await;
    let answer = answer.unwrap_or_else(|error| panic!("no answer after {seen:?}: {error:?}"));
    let (got, headers) = (answer.status(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    assert_eq!(got, status, "after {seen:?}: {text}");
    seen.requests += 1;
    seen.closing += u64::from(headers.get("connection").is_some_and(|value| value == "close"));
    serde_json::from_str(&text).unwrap()
}

/// Clients of one directory, at work.
struct Load {
    directory: Directory,
    stop: Arc<AtomicBool>,
    clients: Vec<tokio::task::JoinHandle<Seen>>,
}

const CLIENTS: usize = 4;

impl Load {
    fn on(place: &Place) -> Self {
        let (directory, stop) = (place.directory_of("acme", "other"), Arc::new(AtomicBool::new(false)));
        let client = |number| tokio::spawn(ask_until(directory.clone(), Arc::clone(&stop), number));
        Self { clients: (0..CLIENTS).map(client).collect(), directory, stop }
    }

    /// What they saw, and that what they made is there.
    #[allow(clippy::print_stderr)] // the counts are worth telling
    async fn end(self, what: &str) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        let mut seen = Seen::default();
        for client in self.clients {
            seen.add(&client.await.unwrap());
        }
        eprintln!("{what}: {seen:?}, 0 failed");
        assert!(seen.requests > 100, "{seen:?}");
        assert_eq!(self.directory.get("/Users?count=0").await.ok(200)["totalResults"], seen.created);
        seen
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_of_gateways_behind_a_load_balancer_fails_no_request() {
    let place = Place::split();
    let (tokens, directory) = (service(&place, "tokens"), service(&place, "directory"));
    let start = |address| {
        let mut command = place.gateway_at(address, &url(&tokens), &url(&directory));
        command.env("ROLLCALL_INTERNAL__DRAIN_SECONDS", "2");
        Running::start(command, address).wait_until_ready()
    };
    let mut gateways: Vec<Running> = (0..2).map(|_| start(free_address())).collect();
    let balancer = Balancer::start(place.address, &[gateways[0].address, gateways[1].address]).await;
    let is_used = |address| eventually("the balancer knows", || balancer.sends_to(address).then_some(()));
    for gateway in &gateways {
        tokio::task::block_in_place(|| is_used(gateway.address));
    }
    let load = Load::on(&place);
    for gateway in &mut gateways {
        let address = gateway.address;
        tokio::task::block_in_place(|| {
            gateway.stop();
            *gateway = start(address);
            is_used(address);
        });
    }
    let seen = load.end("gateways restarted under load").await;
    assert!(seen.closing > 0, "a gateway that stops tells its clients to connect anew: {seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_of_tokens_and_directories_fails_no_request() {
    let place = Place::split();
    let start = |role: &'static str, address: SocketAddr| {
        let mut command = place.service(role, address);
        command.env("ROLLCALL_INTERNAL__DRAIN_SECONDS", "4");
        // Nothing is believed for long, so that the token service is asked all the time.
        command.env("ROLLCALL_CACHE__SECONDS", "0");
        Running::start(command, address)
    };
    let mut services: Vec<(&str, Running)> =
        ["tokens", "tokens", "directory", "directory"].map(|role| (role, start(role, free_address()))).into();
    let (tokens, directories) = (list(&[&services[0].1, &services[1].1]), list(&[&services[2].1, &services[3].1]));
    let mut command = place.gateway(&tokens, &directories);
    command.env("ROLLCALL_CACHE__SECONDS", "0");
    let _gateway = Running::start(command, place.address).wait_until_ready();
    // How often the gateway learned that a service is ready: it says so in its log.
    let known = |address: SocketAddr| {
        let log = place.log();
        log.lines().filter(|line| line.contains("a service is ready") && line.contains(&address.to_string())).count()
    };
    for (_, service) in &services {
        eventually("the gateway knows all services", || (known(service.address) > 0).then_some(()));
    }
    let load = Load::on(&place);
    for (role, service) in &mut services {
        let address = service.address;
        tokio::task::block_in_place(|| {
            let before = known(address);
            service.stop();
            *service = start(role, address).wait_until_ready();
            // The next may only go when the gateway knows that this one is back.
            eventually("the gateway knows", || (known(address) > before).then_some(()));
        });
    }
    load.end("tokens and directories restarted under load").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_restarted_or_killed_loses_no_event_and_writes_none_twice() {
    let place = Place::split();
    let (tokens, directory) = (service(&place, "tokens"), service(&place, "directory"));
    let _gateway = Running::start(place.gateway(&url(&tokens), &url(&directory)), place.address).wait_until_ready();
    let mut worker = service(&place, "worker").wait_until_ready();
    let load = Load::on(&place);
    let numbered = || place.psql("SELECT COUNT(*) FROM event").parse::<u64>().unwrap();
    for round in 0..4 {
        tokio::task::block_in_place(|| {
            // In the middle of its work, in good order or not.
            let before = numbered();
            eventually("the worker works", || (numbered() > before).then_some(()));
            if round % 2 == 0 {
                worker.stop()
            } else {
                worker.kill()
            }
            let address = worker.address;
            worker = Running::start(place.service("worker", address), address).wait_until_ready();
        });
    }
    let seen = load.end("worker restarted under load").await;
    let waiting = || place.psql("SELECT COUNT(*) FROM outbox");
    tokio::task::block_in_place(|| eventually("all events are numbered", || (waiting() == "0").then_some(())));
    let counts = place.psql("SELECT COUNT(*), COUNT(DISTINCT (resource_id, version)), MIN(seq), MAX(seq) FROM event");
    assert_eq!(counts, format!("{0}|{0}|1|{0}", seen.created), "each change once, numbered without a gap");
}
