//! `--rows flood`: what a tenant that keeps to a steady rate sees of another that sends as fast as it can.
//!
//! The steady one is an open loop: requests have their times, and each answer's time is counted from when its request
//! was due, however long it had to wait for a connection. The flood is a closed loop of many connections, which send their next
//! request when the last was answered, be that with a 429.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;

use crate::{
    error::{Failure, note},
    load::{Address, Connection, Request},
    report::Head,
    rows::{fresh, patch_user},
    run::Options,
    seed::{settled, user},
    site::{Site, Target},
};

/// Requests a second of the steady tenant, in turn a GET and a PATCH.
const STEADY: u32 = 50;
/// Connections of the flood.
const CONNECTIONS: usize = 64;
/// Users that are read, changed and listed, of each directory.
const USERS: usize = 200;
/// What an edge answers to who sends too much.
const REFUSED: u16 = 429;

/// A directory, as its client has it.
#[derive(Clone)]
struct Client {
    address: Address,
    base: String,
    users: Arc<Vec<String>>,
}

/// What one of the two saw in one while.
#[derive(Debug, Clone, Default, Serialize)]
struct Seen {
    /// Milliseconds of the reads that were taken.
    reads: Vec<f64>,
    /// Milliseconds of the changes that were taken.
    changes: Vec<f64>,
    refused: usize,
}

/// One shape, all rounds together.
#[derive(Debug, Serialize)]
struct Shape {
    shape: &'static str,
    alone: Vec<Seen>,
    beside: Vec<Seen>,
    flood: Vec<Seen>,
}

/// Measures and reports.
pub(crate) async fn run(site: &Site, options: &Options) -> Result<(), Failure> {
    let mut shapes = Vec::new();
    for shape in options.shapes() {
        let (name, database) = if shape == "all" { ("all", "flood_all") } else { ("split", "flood_split") };
        let (steady, flood) = make(site, options, database).await?;
        let target = if name == "all" { site.all("all", database).await? } else { site.split(database).await? };
        shapes.push(measure(name, &target, options, steady, flood).await?);
    }
    let head = Head::new(options.about(), CONNECTIONS, options.rounds(), options.seconds(), USERS);
    let table = table(&head, &shapes, options);
    write(options.out(), &table, &shapes)
}

/// A tenant's directory and its token.
type Door = (String, String);

/// The database of a target, with two tenants: the steady one's directory, and those of the flood.
async fn make(site: &Site, options: &Options, database: &str) -> Result<(Door, Vec<Door>), Failure> {
    let mut server = PgConnection::connect(&site.url("postgres")).await?;
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {database}"))).execute(&mut server).await?;
    server.close().await?;
    let url = site.url(database);
    site.command(&url, &["migrate"])?;
    let door = |tenant: &str, directory: &str| -> Result<Door, Failure> {
        let name = format!("{directory}.example");
        let named = ["--directory-id", directory, "--directory-name", &name];
        site.command(&url, &[&["directory", "create", "--tenant", tenant, "--client", "other"][..], &named].concat())?;
        let issued = site.command(&url, &["token", "issue", "--tenant", tenant, "--directory", directory])?;
        Ok((format!("/scim/{tenant}/{directory}/v2"), issued["token"].as_str().unwrap_or_default().to_owned()))
    };
    for tenant in ["steady", "flood"] {
        site.command(&url, &["tenant", "create", "--slug", tenant, "--name", tenant])?;
    }
    let floods = (0..options.flood_directories()).map(|number| door("flood", &format!("flood-{number}")));
    Ok((door("steady", "steady-0")?, floods.collect::<Result<_, _>>()?))
}

/// The users of a directory, made through the service.
async fn people(target: &Target, (base, token): Door) -> Result<Client, Failure> {
    let address = Address { socket: target.socket, token: Some(token) };
    let mut connection = Connection::open(&address).await?;
    let mut users = Vec::new();
    for _ in 0..USERS {
        let create = Request::send("POST", format!("{base}/Users"), user(&fresh()).to_string(), 201);
        let made: Value = serde_json::from_slice(&connection.send(create).await?)?;
        users.push(made["id"].as_str().unwrap_or_default().to_owned());
    }
    Ok(Client { address, base, users: Arc::new(users) })
}

async fn measure(
    shape: &'static str,
    target: &Target,
    options: &Options,
    steady: Door,
    floods: Vec<Door>,
) -> Result<Shape, Failure> {
    note(&format!("Flood, {shape}"));
    let steady = people(target, steady).await?;
    let mut clients = Vec::new();
    for flood in floods {
        clients.push(people(target, flood).await?);
    }
    let mut database = PgConnection::connect(&target.url).await?;
    settled(&mut database).await?;
    let span = Duration::from_secs_f64(options.seconds());
    // Warms everything up, and uses the flood's burst up, so that what follows is what lasts.
    beside(&steady, &clients, options.flood_bulk(), span).await?;
    let (mut alone, mut with, mut flood) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=options.rounds() {
        note(&format!("  round {round}"));
        settled(&mut database).await?;
        alone.push(steadily(&steady, span).await?);
        let (seen, theirs) = beside(&steady, &clients, options.flood_bulk(), span).await?;
        with.push(seen);
        flood.push(theirs);
    }
    Ok(Shape { shape, alone, beside: with, flood })
}

/// Both at the same time.
async fn beside(steady: &Client, floods: &[Client], bulk: usize, span: Duration) -> Result<(Seen, Seen), Failure> {
    tokio::try_join!(steadily(steady, span), flooding(floods, bulk, span))
}

/// The steady tenant's requests, each at its time.
async fn steadily(client: &Client, span: Duration) -> Result<Seen, Failure> {
    let idle = Arc::new(Mutex::new(Vec::new()));
    let (begun, every) = (Instant::now(), Duration::from_secs(1) / STEADY);
    let mut under_way = JoinSet::new();
    for number in 0.. {
        let due = begun + every * number;
        if due >= begun + span {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        let (client, idle) = (client.clone(), Arc::clone(&idle));
        under_way.spawn(async move {
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = match kept {
                Some(connection) => connection,
                None => Connection::open(&client.address).await?,
            };
            let user = &client.users[number as usize * 31 % client.users.len()];
            let path = format!("{}/Users/{user}", client.base);
            let request = if number.is_multiple_of(2) {
                Request::get(path)
            } else {
                Request::send("PATCH", path, patch_user(&fresh(), true), 200)
            };
            let status = connection.exchange(request).await?.0;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            Ok::<_, Failure>((number.is_multiple_of(2), status, due.elapsed()))
        });
    }
    let mut seen = Seen::default();
    for outcome in under_way.join_all().await {
        let (reads, status, took) = outcome?;
        seen.note(reads, status, took);
    }
    Ok(seen)
}

/// The flood: creates, changes and pages, or Bulk requests of `bulk` creates, as fast as they are answered.
async fn flooding(clients: &[Client], bulk: usize, span: Duration) -> Result<Seen, Failure> {
    let until = Instant::now() + span;
    let each = (0..CONNECTIONS).map(|number| async move {
        let client = &clients[number % clients.len()];
        let mut connection = Connection::open(&client.address).await?;
        let mut seen = Seen::default();
        for turn in number.. {
            if Instant::now() >= until {
                break;
            }
            let user = &client.users[turn * 31 % client.users.len()];
            let request = match turn % 3 {
                _ if bulk > 0 => Request::send("POST", format!("{}/Bulk", client.base), bulk_body(bulk), 200),
                0 => Request::send("POST", format!("{}/Users", client.base), user_body(), 201),
                1 => Request::send("PATCH", format!("{}/Users/{user}", client.base), patch_user(&fresh(), true), 200),
                _ => Request::get(format!("{}/Users?startIndex=1&count=100", client.base)),
            };
            let begun = Instant::now();
            let status = connection.exchange(request).await?.0;
            seen.note(bulk == 0 && turn % 3 == 2, status, begun.elapsed());
        }
        Ok::<_, Failure>(seen)
    });
    let mut all = Seen::default();
    for seen in try_join_all(each).await? {
        all.reads.extend(seen.reads);
        all.changes.extend(seen.changes);
        all.refused += seen.refused;
    }
    Ok(all)
}

fn bulk_body(operations: usize) -> String {
    let create =
        |number| json!({ "method": "POST", "path": "/Users", "bulkId": format!("b{number}"), "data": user(&fresh()) });
    let operations: Vec<Value> = (0..operations).map(create).collect();
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations }).to_string()
}

fn user_body() -> String {
    user(&fresh()).to_string()
}

impl Seen {
    fn note(&mut self, reads: bool, status: u16, took: Duration) {
        if status == REFUSED {
            self.refused += 1;
        } else {
            let times = if reads { &mut self.reads } else { &mut self.changes };
            times.push(took.as_secs_f64() * 1000.0);
        }
    }

    /// The times of all that was taken.
    fn all(&self) -> Vec<f64> {
        [&self.reads[..], &self.changes].concat()
    }

    fn together(rounds: &[Self]) -> Self {
        Self {
            reads: rounds.iter().flat_map(|one| one.reads.iter().copied()).collect(),
            changes: rounds.iter().flat_map(|one| one.changes.iter().copied()).collect(),
            refused: rounds.iter().map(|one| one.refused).sum(),
        }
    }
}

/// The time that so many of a hundred stayed below.
fn percentile(mut times: Vec<f64>, percent: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn table(head: &Head, shapes: &[Shape], options: &Options) -> String {
    let sends = match options.flood_bulk() {
        0 => "single requests".to_owned(),
        operations => format!("Bulk requests of {operations} operations"),
    };
    let mut text = format!(
        "{head}; the steady tenant sends {STEADY} requests a second, the flood {sends} on {CONNECTIONS} connections to \
         {directories} of its directories.\n\n| shape | who | requests | 429 | p50 ms | p99 ms | of reads | of changes |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        head = head.line(),
        directories = options.flood_directories(),
    );
    for shape in shapes {
        for (who, rounds) in
            [("steady, alone", &shape.alone), ("steady, beside the flood", &shape.beside), ("the flood", &shape.flood)]
        {
            let seen = Seen::together(rounds);
            let _ = writeln!(
                text,
                "| {} | {who} | {} | {} | {:.2} | {:.2} | {:.2} | {:.2} |",
                shape.shape,
                seen.all().len() + seen.refused,
                seen.refused,
                percentile(seen.all(), 50),
                percentile(seen.all(), 99),
                percentile(seen.reads.clone(), 99),
                percentile(seen.changes.clone(), 99),
            );
        }
    }
    text.push_str("\n| shape | p99 beside the flood to p99 alone, of all rounds | by round |\n| --- | ---: | --- |\n");
    for shape in shapes {
        let ratio = |beside: &Seen, alone: &Seen| percentile(beside.all(), 99) / percentile(alone.all(), 99);
        let rounds = shape.beside.iter().zip(&shape.alone);
        let rounds: Vec<String> = rounds.map(|(beside, alone)| format!("{:.2}", ratio(beside, alone))).collect();
        let whole = ratio(&Seen::together(&shape.beside), &Seen::together(&shape.alone));
        let _ = writeln!(text, "| {} | {whole:.2} | {} |", shape.shape, rounds.join(", "));
    }
    text
}

fn write(out: &Path, table: &str, shapes: &[Shape]) -> Result<(), Failure> {
    for (name, text) in [("flood.json", serde_json::to_string(shapes)?), ("flood.md", table.to_owned())] {
        let path = out.join(name);
        fs::write(&path, text).map_err(Failure::file(&path))?;
    }
    crate::report::print(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_of_what_was_taken_in_all_rounds() {
        let round = |reads: &[f64], changes: &[f64], refused| Seen {
            reads: reads.to_vec(),
            changes: changes.to_vec(),
            refused,
        };
        let seen = Seen::together(&[round(&[3.0], &[1.0], 1), round(&[4.0, 2.0], &[], 2)]);
        let all = seen.all();
        assert_eq!((percentile(all.clone(), 50), percentile(all, 99), seen.refused), (3.0, 4.0, 3));
        assert_eq!(percentile(seen.changes, 99), 1.0);
        assert!(percentile(Vec::new(), 99).is_nan());
    }
}
