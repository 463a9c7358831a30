//! Starting and stopping the executable.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rollcall_testkit::{Database, Redis};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    directory::Directory,
    shape::{Settings, Shape, tested_keys},
};

pub(crate) const EXECUTABLE: &str = env!("CARGO_BIN_EXE_rollcall");
/// Longer than anything here takes on a busy machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

/// A running installation: one process, or one for each service.
pub(crate) struct Server {
    children: Vec<Child>,
    place: Place,
}

/// Where an installation keeps its data, and where it listens.
pub(crate) struct Place {
    folder: TempDir,
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

/// A port that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Asks again and again until `question` has an answer.
pub(crate) fn eventually<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let begin = std::time::Instant::now();
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(begin.elapsed() < PATIENCE, "not within a minute: {what}");
        std::thread::sleep(GLANCE);
    }
}

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
        Self {
            folder: tempfile::tempdir().unwrap(),
            address: free_address(),
            server: None,
            redis: None,
            shape: Shape::All,
            keys: Settings::new(),
            environment: Settings::new(),
        }
    }

    /// For services on PostgreSQL and Redis.
    pub(crate) fn split() -> Self {
        // Tests have a runtime of their own around this, in which nothing may block on another.
        let made = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(Database::postgres())
        });
        let redis = Some((Redis::shared().url().to_owned(), Redis::fresh_prefix()));
        let server = Some(made.join().unwrap());
        Self { server, redis, shape: Shape::Split, keys: tested_keys(), ..Self::embedded() }
    }

    /// The database server's address, where there is one.
    pub(crate) fn database_url(&self) -> Option<&str> {
        self.server.as_ref().map(|database| database.config.url.as_str())
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
    fn serve(&self) -> Vec<Command> {
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

    fn log_of(&self, command: &mut Command) {
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
        if role != "worker" {
            self.with_redis(&mut command);
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
        let mut command = self.bare("gateway", listen, "\"scim\", \"health\", \"metrics\"");
        command.env("ROLLCALL_PUBLIC_URL", format!("http://{}", self.address));
        command.env("ROLLCALL_INTERNAL__TOKENS_URL", tokens).env("ROLLCALL_INTERNAL__DIRECTORY_URL", directory);
        command
    }

    fn wait_until_ready(&self, mut stopped: impl FnMut() -> bool) {
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

/// The one sentence with which a process refused: it exits non-zero, and neither panics nor shows its inner parts.
pub(crate) fn refusal(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it should refuse, but: {}", String::from_utf8_lossy(&output.stdout));
    let sentences: Vec<&str> = text.lines().filter(|line| line.starts_with("rollcall: ")).collect();
    assert!(!text.contains("panicked") && sentences.len() == 1, "one sentence, not: {text}");
    sentences[0].to_owned()
}

/// What a plain GET of a health route gives, if anybody answers.
pub(crate) fn health(address: SocketAddr, path: &str) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

impl Server {
    /// On a fresh installation.
    pub(crate) fn start() -> Self {
        Self::start_at(Place::new())
    }

    /// On a fresh installation that logs no requests: for those who send very many.
    pub(crate) fn start_quietly() -> Self {
        Self::start_with(Place::new(), |command| {
            command.env("ROLLCALL_TELEMETRY__LOG", "warn");
        })
    }

    pub(crate) fn start_at(place: Place) -> Self {
        Self::start_with(place, |_| ())
    }

    /// With a chance to change how the process is started.
    pub(crate) fn start_with(place: Place, adjust: impl Fn(&mut Command)) -> Self {
        let start = |mut command: Command| {
            adjust(&mut command);
            command.spawn().unwrap()
        };
        let mut children: Vec<Child> = place.serve().into_iter().map(start).collect();
        place.wait_until_ready(|| children.iter_mut().any(|child| child.try_wait().unwrap().is_some()));
        Self { children, place }
    }

    /// One server for all tests that need nothing of their own but a directory.
    pub(crate) fn shared() -> &'static Place {
        static SHARED: OnceLock<(Vec<Child>, Place)> = OnceLock::new();
        let (_, place) = SHARED.get_or_init(|| {
            let place = Place::new();
            // Statics are never dropped, so the shell stops the server and cleans up once our end of its pipe is closed.
            let script = r#""$@" </dev/null & cat >/dev/null; kill $!; wait $!; rm -rf "$FOLDER""#;
            let guarded = |serve: Command| {
                let mut shell = Command::new("sh");
                shell.args(["-c", script, "sh"]).arg(serve.get_program()).args(serve.get_args()).stdin(Stdio::piped());
                shell.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
                // Every variable with this prefix is a setting, and these are the tests'.
                shell
                    .env("FOLDER", place.folder.path())
                    .env_remove("ROLLCALL_TEST_SHAPE")
                    .env_remove("ROLLCALL_TEST_KEYS");
                place.log_of(&mut shell);
                shell.spawn().unwrap()
            };
            let mut children: Vec<Child> = place.serve().into_iter().map(guarded).collect();
            place.wait_until_ready(|| children.iter_mut().any(|child| child.try_wait().unwrap().is_some()));
            (children, place)
        });
        place
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn directory(&self) -> Directory {
        self.place.directory_of("acme", "other")
    }

    /// As the power cut does: no warning, no clean-up.
    pub(crate) fn kill(mut self) -> Place {
        for child in &mut self.children {
            child.kill().unwrap();
        }
        for child in &mut self.children {
            child.wait().unwrap();
        }
        self.take_place()
    }

    /// As Ctrl-C (`INT`) and service supervisors (`TERM`) do; whether it ended well.
    pub(crate) fn stop(mut self, signal: &str) -> (Place, bool) {
        for child in &self.children {
            send_signal(child, signal);
        }
        let ended = |child: &mut Child| eventually("the server stops", || child.try_wait().unwrap()).success();
        let well: Vec<bool> = self.children.iter_mut().map(ended).collect();
        (self.take_place(), well.into_iter().all(|well| well))
    }

    fn take_place(&mut self) -> Place {
        std::mem::replace(&mut self.place, Place::embedded())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Asks a process to stop.
pub(crate) fn send_signal(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
}

/// Whether `path` is a file of an installation that other users may read.
pub(crate) fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o077 != 0
}
