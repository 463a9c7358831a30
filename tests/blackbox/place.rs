//! An installation under test: its folders, settings and commands, whether or not anything of it runs.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use rollcall_testkit::{Database, Redis};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    directory::Directory,
    server::{EXECUTABLE, eventually, free_address, health, refusal},
    shape::{Settings, Shape, tested_keys},
};

/// Where an installation keeps its data, and where it listens.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
    /// `None` is SQLite in the data folder.
    server: Option<Database>,
    shape: Shape,
    /// For the processes that wrap data keys: the commands, and `all` or the token service.
    pub(crate) keys: Settings,
    /// Where Redis is and what the installation's keys begin with; in the split shape.
    pub(crate) redis: Option<(String, String)>,
    /// For every process of this installation.
    pub(crate) environment: Settings,
}

/// What the services of the installations under test share.
pub(crate) const SECRET: &str = "what-only-the-services-of-this-test-know";

impl Place {
    /// In the shape that is being tested.
    pub(crate) fn new() -> Self {
        match Shape::tested() {
            Shape::All => Self { keys: tested_keys(), ..Self::embedded() },
            Shape::AllPostgres => Self { shape: Shape::AllPostgres, ..Self::split() },
            Shape::Split => Self::split(),
        }
    }

    /// For one process on SQLite with a keyring file, whatever shape the other tests have.
    pub(crate) fn embedded() -> Self {
        let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
        let (keys, environment) = (Settings::new(), Settings::new());
        Self { folder, address, server: None, shape: Shape::All, redis: None, keys, environment }
    }

    /// For services on PostgreSQL and Redis.
    pub(crate) fn split() -> Self {
        // Tests have a runtime of their own around this, in which nothing may block on another.
        let made = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(Database::postgres())
        });
        let server = Some(made.join().unwrap());
        let redis = Some((Redis::shared().url().to_owned(), Redis::fresh_prefix()));
        Self { server, shape: Shape::Split, redis, keys: tested_keys(), ..Self::embedded() }
    }

    /// The database server's address, where there is one.
    pub(crate) fn database_url(&self) -> Option<&str> {
        self.server.as_ref().map(|database| database.config.url.as_str())
    }

    /// The same installation with its database elsewhere.
    pub(crate) fn moved_to(mut self, url: String) -> Self {
        self.server.as_mut().unwrap().config.url = url;
        self
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file beside the data folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// All that any process of this installation wrote to its standard error and output.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(EXECUTABLE);
        command
            .args(arguments)
            .arg("--data-dir")
            .arg(self.data())
            .env_clear()
            .env("ROLLCALL_PUBLIC_URL", format!("http://{}", self.address))
            .envs(self.keys.iter().chain(&self.environment).map(|(name, value)| (*name, value)))
            .stdin(Stdio::null());
        if let Some(url) = self.database_url() {
            command.env("ROLLCALL_DATABASE__URL", url);
        }
        self.with_redis(&mut command);
        command
    }

    /// Tells a process where Redis is.
    fn with_redis(&self, command: &mut Command) {
        if let Some((url, prefix)) = &self.redis {
            command.env("ROLLCALL_REDIS__URL", url).env("ROLLCALL_REDIS__PREFIX", prefix);
            // On a busy machine a healthy server may need longer than in earnest.
            command.env("ROLLCALL_REDIS__TIMEOUT_MS", "500");
        }
    }

    /// Makes a token as old as can be.
    pub(crate) fn expire(&self, token_id: &str) {
        let plain = token_id.replace('-', "");
        match self.database_url() {
            None => {
                let same = format!("id = x'{plain}' OR id = '{token_id}'");
                self.sqlite(&format!("UPDATE credential SET expires_at = 1 WHERE {same}"));
            }
            Some(_) => drop(self.psql(&format!("UPDATE credential SET expires_at = 1 WHERE id = '{token_id}'"))),
        }
    }

    /// What PostgreSQL says, where it is the database: a row a line, `|` between the columns.
    pub(crate) fn psql(&self, statement: &str) -> String {
        let url = self.database_url().unwrap();
        let output = Command::new("psql").args(["-X", "-q", "-A", "-t", "-c", statement, url]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs an admin command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The JSON of an admin command that succeeds.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--output", "json"]).collect();
        let output = self.run(&arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The one sentence of an admin command that fails.
    pub(crate) fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        refusal(&output)
    }

    pub(crate) fn sqlite(&self, statement: &str) {
        let script =
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=10); c.execute(sys.argv[2]); c.commit()";
        let status = Command::new("python3").args(["-c", script]).arg(self.database()).arg(statement).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.data().join("rollcall.db")
    }

    /// What has to run, with its output in the log.
    pub(crate) fn serve(&self) -> Vec<Command> {
        if self.shape != Shape::Split {
            let mut command = self.command(&["all", "--listen", &self.address.to_string()]);
            self.log_of(&mut command);
            return vec![command];
        }
        let (tokens, directory) = (free_address(), free_address());
        vec![
            self.service("tokens", tokens),
            self.service("directory", directory),
            self.service("worker", free_address()),
            self.gateway(&format!("http://{tokens}"), &format!("http://{directory}")),
        ]
    }

    pub(crate) fn log_of(&self, command: &mut Command) {
        let log = std::fs::File::options().create(true).append(true).open(self.file("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
    }

    /// One service with nothing in its environment but what is its own, and with a data folder that only the token
    /// service has.
    fn bare(&self, role: &str, listen: SocketAddr, surfaces: &str) -> Command {
        let mut command = Command::new(EXECUTABLE);
        let data = if role == "tokens" { self.data() } else { self.file("no-such-folder") };
        let listeners = format!("[{{address = \"{listen}\", surfaces = [{surfaces}]}}]");
        command.arg(role).arg("--data-dir").arg(data).env_clear().stdin(Stdio::null());
        command.env("ROLLCALL_LISTENERS", listeners);
        self.with_redis(&mut command);
        if role != "worker" {
            command.env("ROLLCALL_INTERNAL__SECRET", SECRET);
        }
        // Restarts are quick where nobody else could be asked meanwhile.
        command.env("ROLLCALL_INTERNAL__DRAIN_SECONDS", "0");
        self.log_of(&mut command);
        command
    }

    /// A service that has the database.
    pub(crate) fn service(&self, role: &str, listen: SocketAddr) -> Command {
        let surfaces =
            if role == "worker" { "\"health\", \"metrics\"" } else { "\"internal\", \"health\", \"metrics\"" };
        let mut command = self.bare(role, listen, surfaces);
        command.env("ROLLCALL_DATABASE__URL", self.database_url().unwrap());
        command.env("ROLLCALL_DATABASE__MAX_CONNECTIONS", "5");
        if role == "tokens" {
            command.envs(self.keys.iter().map(|(name, value)| (*name, value)));
        }
        command
    }

    /// The gateway, in front of these services.
    pub(crate) fn gateway(&self, tokens: &str, directory: &str) -> Command {
        self.gateway_at(self.address, tokens, directory)
    }

    /// One of several gateways: each listens at an address of its own, and all are known by the installation's.
    pub(crate) fn gateway_at(&self, listen: SocketAddr, tokens: &str, directory: &str) -> Command {
        let mut command = self.bare("gateway", listen, "\"scim\", \"oauth\", \"lookup\", \"health\", \"metrics\"");
        command.env("ROLLCALL_PUBLIC_URL", format!("http://{}", self.address));
        command.env("ROLLCALL_INTERNAL__TOKENS_URL", tokens).env("ROLLCALL_INTERNAL__DIRECTORY_URL", directory);
        command
    }

    pub(crate) fn wait_until_ready(&self, mut stopped: impl FnMut() -> bool) {
        eventually("the server is ready", || {
            assert!(!stopped(), "the server stopped: {}", self.log());
            health(self.address, "/health/ready").filter(|answer| answer.starts_with("HTTP/1.1 200"))
        });
    }

    /// A new directory of the tenant `tenant`, which is made if need be, with a token.
    pub(crate) fn directory_of(&self, tenant: &str, client: &str) -> Directory {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let id = format!("Dir-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let name = format!("{}.example", id.to_lowercase());
        self.run(&["tenant", "create", "--slug", tenant, "--name", "Test tenant"]);
        let keys = ["--client", client, "--directory-id", &id, "--directory-name", &name];
        self.json(&[&["directory", "create", "--tenant", tenant], keys.as_slice()].concat());
        let issued = self.json(&["token", "issue", "--tenant", tenant, "--directory", &id]);
        Directory::new(tenant, &id, &name, &issued)
    }
}
