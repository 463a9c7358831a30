//! The production shape out of a dump: services apart, PostgreSQL, AWS KMS. A dump that was taken while clients write
//! goes into a new server, and everything is as it was at one moment.

use std::{
    collections::BTreeSet,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rollcall_migrations::tables::{OF_DIRECTORIES, REFERENCE};
use rollcall_testkit::{Kms, PostgresServer, eventually};
use serde_json::json;

use crate::{
    directory::{Directory, USER, id_of, ids},
    server::{Place, Server},
};

/// An installation whose token service and commands have a key in AWS KMS, and no keyring that wraps.
fn place() -> Place {
    let mut place = Place::split();
    place.environment = vec![
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("ROLLCALL_KEYS__PROVIDER", "aws-kms".to_owned()),
        ("ROLLCALL_KEYS__KEY_ID", Kms::shared().create_key()),
        ("ROLLCALL_KEYS__REGION", Kms::shared().region().to_owned()),
        ("ROLLCALL_KEYS__ENDPOINT", Kms::shared().url()),
    ];
    place
}

fn start(place: Place) -> Server {
    let environment = place.environment.clone();
    Server::start_with(place, |command: &mut Command| {
        if command.get_args().next().is_some_and(|role| role == "tokens") {
            command.envs(environment.iter().map(|(name, value)| (*name, value)));
        }
    })
}

/// What a question to the database prints.
fn psql(url: &str, sql: &str) -> String {
    let output = Command::new("psql").args(["-X", "-q", "-A", "-t", "-c", sql, url]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every row of a table, but for what belongs to the directory that is written to.
fn rows(url: &str, table: &str, busy: &str) -> String {
    let settled = format!("WHERE directory_id <> (SELECT id FROM directory WHERE directory_id = '{busy}')");
    let settled = if OF_DIRECTORIES.contains(&table) { settled.as_str() } else { "" };
    psql(url, &format!("SELECT t::text FROM {table} t {settled} ORDER BY t::text COLLATE \"C\""))
}

/// All that a client can read, as text.
async fn everything(directory: &Directory) -> Vec<String> {
    let mut pages = Vec::new();
    for path in
        ["/Users?startIndex=1&count=25", "/Users?startIndex=26&count=25", "/Groups?count=100", "/Groups?count=0"]
    {
        let answer = directory.get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        pages.push(answer.text);
    }
    pages
}

async fn filled(place: &Place, tenant: &str, client: &str) -> Directory {
    let directory = place.directory_of(tenant, client);
    let mut users = Vec::new();
    for number in 0..30 {
        let user = json!({ "schemas": [USER], "userName": format!("{tenant}-{number}"), "title": "T",
            "emails": [{ "value": format!("{number}@{tenant}.example"), "type": "work" }] });
        users.push(id_of(&directory.post("/Users", user).await.ok(201)));
    }
    for (number, members) in users.chunks(10).enumerate() {
        directory.group(&format!("group-{number}"), &members.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    directory.delete(&format!("/Users/{}", users[29])).await.ok(204);
    let changed = json!([{ "op": "replace", "path": "title", "value": "Changed" }]);
    directory.patch(&format!("/Users/{}", users[0]), changed).await;
    directory
}

/// Creates users until told to stop; the names of those that were acknowledged.
async fn keep_writing(directory: Directory, writer: usize, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut made = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let name = format!("busy-{writer}-{}", made.len());
        directory.user(&name).await;
        made.push(name);
    }
    made
}

async fn names(directory: &Directory) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    loop {
        let page = directory.get(&format!("/Users?startIndex={}&count=200", names.len() + 1)).await.ok(200);
        let shown = page["Resources"].as_array().cloned().unwrap_or_default();
        names.extend(shown.iter().map(|user| user["userName"].as_str().unwrap().to_owned()));
        if shown.is_empty() {
            assert_eq!(page["totalResults"], names.len());
            return names;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_of_a_busy_installation_restored_into_a_new_server_is_the_installation() {
    let place = place();
    let server = start(place);
    let directories = [
        filled(server.place(), "acme", "entra-id").await,
        filled(server.place(), "acme", "okta").await,
        filled(server.place(), "globex", "other").await,
    ];
    let busy = server.place().directory_of("globex", "other");
    busy.user("before").await;
    let revoked = {
        let arguments = ["token", "issue", "--tenant", "acme", "--directory", directories[0].id.as_str()];
        let issued = server.place().json(&arguments);
        let other = Directory::new("acme", &directories[0].id, &directories[0].name, &issued);
        other.get("/Users?count=1").await.ok(200);
        server.place().json(&["token", "revoke", "--token-id", &other.token_id]);
        other
    };
    let first = directories[1].get("/Users?cursor&count=10").await.ok(200);
    let cursor = format!("/Users?cursor={}&count=10", first["nextCursor"].as_str().unwrap());
    let before = (directories[1].get(&cursor).await.ok(200), first);
    let mut read = Vec::new();
    for directory in &directories {
        read.push(everything(directory).await);
    }
    for directory in &directories {
        let last = [("user-agent", "the-last")];
        directory.try_send("GET", "/Users?count=1", &last, None).await.unwrap().ok(200);
    }
    let old = server.place().database_url().unwrap().to_owned();
    // What is reported, counted and numbered in the background has been.
    let reported = "SELECT COUNT(*) FROM credential_use WHERE last_agent = 'the-last'";
    eventually("all uses are known", async || psql(&old, reported).trim() == "3").await;
    eventually("everything has its number", async || psql(&old, "SELECT COUNT(*) FROM outbox").trim() == "0").await;

    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> =
        (0..2).map(|writer| tokio::spawn(keep_writing(busy.clone(), writer, Arc::clone(&stop)))).collect();
    let busy_users = "SELECT COUNT(*) FROM resource WHERE name_key LIKE 'busy-%'";
    eventually("both are writing", async || psql(&old, busy_users).trim().parse::<u32>().unwrap() >= 10).await;
    let written = psql(&old, "SELECT name_key FROM resource WHERE name_key LIKE 'busy-%'");
    let surely: BTreeSet<String> = written.lines().map(str::to_owned).collect();
    let dump = server.place().file("rollcall.dump");
    let fresh = tokio::task::spawn_blocking(PostgresServer::start).await.unwrap();
    let status = fresh.program("pg_dump").arg("--format=custom").arg("--file").arg(&dump).arg(&old).status().unwrap();
    assert!(status.success());
    stop.store(true, Ordering::SeqCst);
    let mut made = BTreeSet::from(["before".to_owned()]);
    for writer in writers {
        made.extend(writer.await.unwrap());
    }
    let (place, well) = server.stop("TERM");
    assert!(well, "{}", place.log());

    fresh.psql("CREATE DATABASE rollcall TEMPLATE template0 ENCODING 'UTF8'").unwrap();
    let new = fresh.url("rollcall");
    let restored = fresh
        .program("pg_restore")
        .args(["--no-owner", "--exit-on-error", "-d"])
        .arg(&new)
        .arg(&dump)
        .status()
        .unwrap();
    assert!(restored.success());
    for table in OF_DIRECTORIES.iter().chain(REFERENCE).filter(|table| **table != "job_lock") {
        assert_eq!(rows(&new, table, &busy.id), rows(&old, table, &busy.id), "{table}");
    }
    assert!(rows(&new, "event", &busy.id).lines().count() > 90);

    let server = start(place.moved_to(new));
    for (directory, read) in directories.iter().zip(&read) {
        assert_eq!(&everything(directory).await, read, "{}", directory.id);
    }
    assert_eq!(revoked.get("/Users?count=1").await.status, 401);
    let continued = directories[1].get(&cursor).await.ok(200);
    assert_eq!(continued["Resources"], before.0["Resources"]);
    assert!(ids(&before.1).iter().all(|id| !ids(&continued).contains(id)));
    // Of what was written meanwhile: all that was there before the dump began, and nothing that never was.
    let there = names(&busy).await;
    assert!(there.is_superset(&surely), "{:?}", surely.difference(&there));
    assert!(there.is_subset(&made), "{:?}", there.difference(&made));

    for directory in &directories {
        directory.user("after-the-restore").await;
    }
    let issued = server.place().json(&["token", "issue", "--tenant", "globex", "--directory", &busy.id]);
    let again = Directory::new("globex", &busy.id, &busy.name, &issued);
    again.get("/Users?count=1").await.ok(200);
    assert!(server.place().json(&["migrate"])["applied"].as_array().unwrap().is_empty());
}
