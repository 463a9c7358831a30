//! Many clients of many tenants at once do all there is to do, and try everything with what is not theirs. Nothing may
//! leak and nothing may be written across: every value that a directory stores has a marker of its own, every answer is
//! looked through, and at the end each directory is compared with what its clients believe.
//!
//! `ROLLCALL_SOAK_REQUESTS` says how many requests, `ROLLCALL_SOAK_SEED` repeats a run's choices: `make soak`.

mod client;
mod dice;
mod groups;
mod leaks;
mod lists;
mod lookups;
mod model;
mod references;
mod trespass;
mod users;
mod world;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rollcall_base::{Entropy, SystemEntropy};

use self::{
    client::{Client, Tally},
    model::Model,
    world::{DIRECTORIES_PER_TENANT, TENANTS, World},
};
use crate::server::Server;

const CLIENTS_PER_DIRECTORY: usize = 2;
/// In a test run among others.
const FEW: usize = 3_000;
/// Users and groups that a client keeps.
const USERS: usize = 30;
const GROUPS: usize = 8;
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    let parsed = |text: String| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}"));
    std::env::var(name).map_or(default, parsed)
}

impl Client {
    /// One thing to do, chosen at random.
    async fn step(&mut self) {
        if self.model.users.len() < 3 || self.model.groups.is_empty() {
            self.create_user().await;
            return self.create_group().await;
        }
        match self.dice.below(100) {
            0..8 if self.model.users.len() < USERS => self.create_user().await,
            0..8 => self.delete_user().await,
            8..11 if self.model.groups.len() < GROUPS => self.create_group().await,
            8..11 => self.delete_group().await,
            11..21 => self.read_user().await,
            21..26 => self.read_group().await,
            26..36 => self.patch_user().await,
            36..46 => self.patch_group().await,
            46..50 => self.replace_user().await,
            50..52 => self.replace_group().await,
            52..60 => self.find_own().await,
            60..62 => self.find_many().await,
            62..66 => self.list_page().await,
            66 => self.crawl().await,
            67..69 => self.bulk().await,
            69..71 => self.create_user_whose_name_is_taken().await,
            71 => self.delete_user().await,
            72..80 => self.look_up().await,
            _ => self.trespass().await,
        }
    }

    async fn run(mut self, requests: u64) -> Self {
        while self.tally.kinds.values().sum::<u64>() < requests {
            self.step().await;
            // Its model is no longer to be trusted, and what went wrong is known.
            if !self.tally.surprises.is_empty() {
                break;
            }
        }
        self
    }
}

/// Each directory as it is, against all that its clients believe.
async fn compare_all(world: &Arc<World>, models: &[Model], seed: u64) -> Tally {
    let mut tally = Tally::default();
    for (number, place) in world.places.iter().enumerate() {
        let own: Vec<&Model> = models.iter().skip(number * CLIENTS_PER_DIRECTORY).take(CLIENTS_PER_DIRECTORY).collect();
        let mut reader = Client::new(Arc::clone(world), models.len() + number, number, seed);
        let mut shown = Vec::new();
        for endpoint in ["/Users", "/Groups"] {
            shown.extend(reader.read_all("final read", endpoint).await.unwrap_or_default());
        }
        tally.differences.extend(Model::differences(&own, &place.directory.base_url, &shown));
        tally.add(reader.tally);
    }
    tally
}

/// Says every few seconds how far it is.
#[allow(clippy::print_stderr)] // whoever runs this for half an hour wants to see that it goes on
async fn progress(world: Arc<World>, of: usize) {
    let begin = Instant::now();
    loop {
        tokio::time::sleep(PROGRESS_EVERY).await;
        let (done, seconds) = (world.requests(), begin.elapsed().as_secs());
        eprintln!("soak: {done} of {of} requests after {seconds} s");
    }
}

#[allow(clippy::print_stderr)]
fn report(tally: &Tally, resources: usize, took: Duration) {
    let requests: u64 = tally.kinds.values().sum();
    let seconds = took.as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // for people
    let rate = requests as f64 / seconds;
    for (kind, count) in &tally.kinds {
        eprintln!("soak: {count:>8}  {kind}");
    }
    for (status, count) in &tally.statuses {
        eprintln!("soak: {count:>8}  answers {status}");
    }
    eprintln!(
        "soak: {requests} requests in {seconds:.0} s, {rate:.0}/s; {resources} resources compared at the end; \
         {} leaks, {} differences, {} surprises",
        tally.leaks.len(),
        tally.differences.len(),
        tally.surprises.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::print_stderr)]
async fn clients_of_many_tenants_see_and_change_nothing_of_each_other() {
    let mut any = [0; 4];
    SystemEntropy.fill(&mut any);
    let seed: u64 = setting("ROLLCALL_SOAK_SEED", u32::from_le_bytes(any).into());
    let requests: usize = setting("ROLLCALL_SOAK_REQUESTS", FEW);
    let server = Server::start_quietly();
    if requests > FEW && server.place().database_url().is_some() {
        // In a long run rows that were replaced must be cleared away, as every real server does.
        for statement in ["ALTER SYSTEM SET autovacuum = on", "SELECT pg_reload_conf()"] {
            server.place().psql(statement);
        }
    }
    let world = Arc::new(World::new(server.place(), seed));
    let clients = TENANTS * DIRECTORIES_PER_TENANT * CLIENTS_PER_DIRECTORY;
    eprintln!("soak: {requests} requests of {clients} clients of {TENANTS} tenants, seed {seed}");
    let begin = Instant::now();
    let said = tokio::spawn(progress(Arc::clone(&world), requests));
    let each = u64::try_from(requests.div_ceil(clients)).unwrap();
    let running: Vec<_> = (0..clients)
        .map(|number| Client::new(Arc::clone(&world), number, number / CLIENTS_PER_DIRECTORY, seed))
        .map(|client| tokio::spawn(client.run(each)))
        .collect();
    let (mut tally, mut models) = (Tally::default(), Vec::new());
    for client in running {
        let client = client.await.unwrap();
        tally.add(client.tally);
        models.push(client.model);
    }
    tally.add(compare_all(&world, &models, seed).await);
    tally.leaks.extend(world.territory.late_leaks());
    said.abort();
    report(&tally, models.iter().map(|model| model.users.len() + model.groups.len()).sum(), begin.elapsed());
    let found = [("leaks", &tally.leaks), ("differences", &tally.differences), ("surprises", &tally.surprises)];
    for (what, found) in found {
        found.iter().take(5).for_each(|one| eprintln!("soak: one of the {what}: {one}"));
    }
    for (what, found) in found {
        assert!(found.is_empty(), "seed {seed}: {} {what}", found.len());
    }
}
