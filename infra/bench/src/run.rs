//! One run: data, processes, rounds.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Args;
use sqlx::{Connection as _, PgConnection};

use crate::{
    cpu,
    error::{Failure, note},
    flood,
    load::{Address, closed_loop},
    report::{self, Head, Measured, Report},
    rows::{Reach, Row, Side},
    seed::{self, Amounts, World, settled},
    site::{Site, Target},
    sync,
};

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The `rollcall` executable
    #[arg(long)]
    rollcall: PathBuf,
    /// A database server that holds nothing else, without a database's name: postgres://postgres@127.0.0.1:5432
    #[arg(long)]
    server: String,
    /// The server's process, for its processor time
    #[arg(long)]
    server_pid: u32,
    /// Where logs, raw.json and table.md go
    #[arg(long)]
    out: PathBuf,
    /// What was measured, for the table's head: commit and build profile
    #[arg(long, default_value = "")]
    about: String,
    /// Users in the directory that is read and listed
    #[arg(long, default_value_t = 20_000)]
    users: usize,
    /// Sizes of the groups whose members change
    #[arg(long, value_delimiter = ',', default_value = "100,10000,100000")]
    sizes: Vec<usize>,
    /// Users of one initial synchronisation; 0: none
    #[arg(long, default_value_t = 1_000)]
    sync: usize,
    /// Connections of the load tool
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Rounds; in each, every row is measured on every target
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of one measurement
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only these rows: create, get, get-groups, hit, miss, patch, members, group, first, index, cursor; or flood, which
    /// is not among them without being asked for
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    /// Only these shapes beside the floor
    #[arg(long, value_delimiter = ',', default_value = "all,split")]
    shapes: Vec<String>,
    /// With `--rows flood`: directories of the tenant that floods
    #[arg(long, default_value_t = 1)]
    flood_directories: usize,
    /// With `--rows flood`: it floods with Bulk requests of so many operations; 0: with creates, changes and lists
    #[arg(long, default_value_t = 0)]
    flood_bulk: usize,
}

impl Options {
    pub(crate) fn shapes(&self) -> &[String] {
        &self.shapes
    }

    pub(crate) fn out(&self) -> &Path {
        &self.out
    }

    pub(crate) fn about(&self) -> &str {
        &self.about
    }

    pub(crate) const fn rounds(&self) -> usize {
        self.rounds
    }

    pub(crate) const fn seconds(&self) -> f64 {
        self.seconds
    }

    pub(crate) const fn flood_bulk(&self) -> usize {
        self.flood_bulk
    }

    pub(crate) fn flood_directories(&self) -> usize {
        self.flood_directories.max(1)
    }
}

/// The floor's name.
const FLOOR: &str = "floor";
const DIRECTORIES: [&str; 3] = ["people", "crowd", "arrivals"];

/// Measures and reports.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let folder = options.out.join("logs");
    let is_flood = options.rows.iter().any(|row| row == "flood");
    let site = Site { rollcall: options.rollcall.clone(), server: options.server.clone(), folder, limited: is_flood };
    if is_flood {
        return if options.rows.len() == 1 {
            flood::run(&site, &options).await
        } else {
            Err(Failure::Told("flood is measured by itself: --rows flood".to_owned()))
        };
    }
    let (world, tokens) = fill(&site, &options).await?;
    let mut targets = Vec::new();
    for shape in &options.shapes {
        targets.push(match shape.as_str() {
            "all" => site.all("all", "bench_all").await?,
            "split" => site.split("bench_split").await?,
            other => return Err(Failure::Told(format!("there is no shape {other}; there are all and split"))),
        });
    }
    targets.push(site.floor("bench_floor").await?);
    let mut run = Run { options: &options, world, tokens, measured: Vec::new(), syncs: Vec::new() };
    run.rounds(&targets).await?;
    let memory = targets.iter().map(|target| (target.name.to_owned(), target.memory())).collect();
    let head = Head::new(&options.about, options.connections, options.rounds, options.seconds, options.users);
    let report = Report { head, sizes: options.sizes.clone(), measured: run.measured, syncs: run.syncs, memory };
    report::write(&report, &options.out)
}

/// Makes the data once and a database of it for each target; the tokens by directory.
async fn fill(site: &Site, options: &Options) -> Result<(World, BTreeMap<&'static str, String>), Failure> {
    note("Filling the databases:");
    let mut server = PgConnection::connect(&site.url("postgres")).await?;
    sqlx::query("CREATE DATABASE bench_seed").execute(&mut server).await?;
    let url = site.url("bench_seed");
    site.command(&url, &["migrate"])?;
    site.command(&url, &["tenant", "create", "--slug", "bench", "--name", "Bench"])?;
    let mut tokens = BTreeMap::new();
    for directory in DIRECTORIES {
        let name = format!("{directory}.example");
        let named = ["--directory-id", directory, "--directory-name", &name];
        let create = [&["directory", "create", "--tenant", "bench", "--client", "other"][..], &named].concat();
        site.command(&url, &create)?;
        let issued = site.command(&url, &["token", "issue", "--tenant", "bench", "--directory", directory])?;
        let token = issued["token"].as_str().unwrap_or_default().to_owned();
        tokens.insert(directory, token);
    }
    let first = site.all("first", "bench_seed").await?;
    for directory in ["people", "crowd"] {
        let reach = reach(&first, directory, &tokens);
        seed::first(&reach.address, &reach.base).await?;
    }
    settled(&mut PgConnection::connect(&url).await?).await?;
    drop(first);
    let amounts = Amounts { people: options.users, groups: options.sizes.clone() };
    let world = seed::multiply(&url, &amounts).await?;
    for copy in ["bench_all", "bench_split", "bench_floor"] {
        let create = format!("CREATE DATABASE {copy} TEMPLATE bench_seed");
        sqlx::query(sqlx::AssertSqlSafe(create)).execute(&mut server).await?;
    }
    server.close().await?;
    Ok((world, tokens))
}

fn reach(target: &Target, directory: &str, tokens: &BTreeMap<&'static str, String>) -> Reach {
    let address = Address { socket: target.socket, token: tokens.get(directory).cloned() };
    Reach { address, base: format!("/scim/bench/{directory}/v2") }
}

/// Waits until nothing is left of a target's writes: it must not fall into another's time. How long that took, which is
/// part of the time of these writes; nothing for the floor, whose outbox nobody empties.
async fn settle(target: &Target) -> Result<Duration, Failure> {
    let mut database = PgConnection::connect(&target.url).await?;
    let begun = Instant::now();
    let left = if target.name == FLOOR {
        sqlx::query("TRUNCATE outbox").execute(&mut database).await?;
        Duration::ZERO
    } else {
        settled(&mut database).await?;
        begun.elapsed()
    };
    database.close().await?;
    Ok(left)
}

struct Run<'a> {
    options: &'a Options,
    world: World,
    tokens: BTreeMap<&'static str, String>,
    measured: Vec<Measured>,
    syncs: Vec<report::Sync>,
}

impl Run<'_> {
    /// All targets stand side by side and are measured in turn, so that whatever else the machine does falls on all.
    async fn rounds(&mut self, targets: &[Target]) -> Result<(), Failure> {
        let rows = Row::all(self.options.sizes.len());
        let wanted = |row: &&Row| self.options.rows.is_empty() || self.options.rows.iter().any(|key| key == row.key());
        let rows: Vec<Row> = rows.iter().filter(wanted).copied().collect();
        for round in 0..=self.options.rounds {
            // The first one, a short one, warms everything up and counts for nothing.
            let span = Duration::from_secs_f64(self.options.seconds * if round == 0 { 0.25 } else { 1.0 });
            note(&if round == 0 { "Warming up".to_owned() } else { format!("Round {round}") });
            for row in &rows {
                for turn in 0..targets.len() {
                    let measured = self.measure(*row, &targets[(turn + round) % targets.len()], span).await?;
                    if round > 0 {
                        self.measured.extend(measured);
                    }
                }
            }
            for turn in 0..targets.len() {
                let target = &targets[(turn + round) % targets.len()];
                if self.options.sync > 0 {
                    let mut seconds =
                        sync::run(&self.side(target), &self.world, self.options.sync, self.options.connections).await?;
                    seconds += settle(target).await?.as_secs_f64();
                    let users = self.options.sync;
                    let sync = report::Sync { target: target.name.to_owned(), round, users, seconds };
                    self.syncs.extend(Some(sync).filter(|_| round > 0));
                }
            }
        }
        Ok(())
    }

    fn side(&self, target: &Target) -> Side {
        if target.name == FLOOR {
            return Side::Floor(Address { socket: target.socket, token: None });
        }
        let [people, crowd, arrivals] = DIRECTORIES.map(|directory| reach(target, directory, &self.tokens));
        Side::Service { people, crowd, arrivals }
    }

    async fn measure(&self, row: Row, target: &Target, span: Duration) -> Result<Vec<Measured>, Failure> {
        let side = self.side(target);
        let prepared = side.prepare(row, &self.world).await?;
        let (address, base) = side.place(row, &self.world);
        let names = row.names(&self.options.sizes);
        let connections = row.connections(self.options.connections);
        let request = |connection, turn| side.request(row, &self.world, &base, &prepared, connection, turn);
        let before = self.cpu(target);
        let taken = closed_loop(&address, connections, names.len(), span, &request).await?;
        // What the service's writes leave to do is its time and its cost too; the floor leaves it undone.
        let left = if row.writes() && target.name != FLOOR { settle(target).await? } else { Duration::ZERO };
        let mut cpu = self.cpu(target);
        if row.writes() && target.name == FLOOR {
            settle(target).await?;
        }
        for (name, seconds) in &mut cpu {
            *seconds -= before.get(name).copied().unwrap_or_default();
        }
        let requests: usize = taken.iter().map(|taken| taken.times.len()).sum();
        cpu.values_mut().for_each(|seconds| *seconds /= requests.max(1) as f64 / 1000.0);
        let left = left.div_f64(requests.max(1) as f64);
        let measured = names.into_iter().zip(taken);
        Ok(measured
            .map(|(name, taken)| Measured::new(name, target.name, connections, &taken, left, cpu.clone()))
            .collect())
    }

    fn cpu(&self, target: &Target) -> BTreeMap<String, f64> {
        let mut cpu = target.cpu();
        cpu.insert("postgres".to_owned(), cpu::seconds_with_children(self.options.server_pid));
        cpu.insert("load tool".to_owned(), cpu::seconds(std::process::id()));
        cpu
    }
}
