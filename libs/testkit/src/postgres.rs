//! Private PostgreSQL servers, started from the system's binaries, and gone with the process however that ends: one
//! that all tests of a process share, and others for tests that break theirs.

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use rollcall_store::{Store, StoreConfig};
use tokio::sync::OnceCell;

use crate::guard::guarded;

/// What to do on a machine without it.
const INSTALL: &str = "PostgreSQL's server programs were not found. Install them: on Debian and Ubuntu \
                       `apt-get install postgresql`, on Fedora `dnf install postgresql-server postgresql`, on macOS \
                       `brew install postgresql`.";

static SERVER: OnceCell<PostgresServer> = OnceCell::const_new();
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A running server. Stopped when dropped.
pub struct PostgresServer {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Its shell waits for the end of its input, which comes when this process ends, and then stops the server.
    _guard: Child,
}

/// A database of its own on the server, dropped with the value.
pub(crate) struct Fresh {
    pub(crate) url: String,
    name: String,
}

/// A fresh, migrated database.
pub(crate) async fn fresh() -> Fresh {
    fresh_from("migrated").await
}

/// A fresh database with nothing in it.
pub(crate) async fn empty() -> Fresh {
    fresh_from("template0").await
}

async fn fresh_from(template: &str) -> Fresh {
    let server = SERVER.get_or_init(PostgresServer::shared).await;
    let name = format!("test_{}", COUNTER.fetch_add(1, Ordering::SeqCst));
    server.psql(&format!("CREATE DATABASE {name} TEMPLATE {template}")).unwrap_or_else(|error| panic!("{error}"));
    Fresh { url: server.url(&name), name }
}

impl Fresh {
    /// What holds for its future connections.
    pub(crate) fn set(&self, setting: &str, value: &str) {
        let server = SERVER.get().unwrap_or_else(|| panic!("a database is on a server"));
        let sql = format!("ALTER DATABASE {} SET {setting} = '{value}'", self.name);
        server.psql(&sql).unwrap_or_else(|error| panic!("{error}"));
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(server) = SERVER.get() {
            // Only a courtesy to the disk: the server's folder goes with the process.
            let _ = server.psql(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}

/// For speed: what a test writes need not outlive the machine.
const CARELESS: &str = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n";

impl PostgresServer {
    /// The server that the tests of a process share.
    async fn shared() -> Self {
        let server = Self::begin(CARELESS);
        // A linguistic collation by default, so that every test shows that no order depends on it.
        server
            .psql("CREATE DATABASE migrated TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' ENCODING 'UTF8'")
            .unwrap_or_else(|error| panic!("{error}"));
        let config = StoreConfig::new(server.url("migrated"));
        Store::migrate(&config).await.unwrap_or_else(|error| panic!("the migration failed: {error:?}"));
        server
    }

    /// A server of a test's own, with no database but `postgres`.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start; the message says what to do.
    pub fn start() -> Self {
        Self::begin(CARELESS)
    }

    /// The same, whose commits wait until the standby named `standby` has them, once [`PostgresServer::standby`] has
    /// started it.
    ///
    /// # Panics
    /// As [`PostgresServer::start`].
    pub fn start_primary() -> Self {
        Self::begin("fsync = off\nfull_page_writes = off\nwal_level = replica\nmax_wal_senders = 4\n")
    }

    fn begin(settings: &str) -> Self {
        let (programs, folder, as_postgres) = prepare();
        let data = folder.join("data");
        initialise(&programs, &as_postgres, &data);
        Self::launched(programs, folder, &as_postgres, settings)
    }

    fn launched(programs: PathBuf, folder: PathBuf, as_postgres: &[String], settings: &str) -> Self {
        #[allow(clippy::expect_used)]
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let guard = launch(&programs, as_postgres, &folder, settings, port);
        let server = Self { programs, folder, port, _guard: guard };
        server.wait_until_ready();
        server
    }

    /// A server that follows this one, and that this one's commits wait for from now on.
    ///
    /// # Panics
    /// If it does not start.
    pub fn standby(&self) -> Self {
        let (programs, folder, as_postgres) = prepare();
        let output = command(&as_postgres, &programs.join("pg_basebackup"))
            .args(["-X", "stream", "-c", "fast", "--no-sync", "-R", "-d"])
            .arg(format!("host=127.0.0.1 port={} user=postgres application_name=standby", self.port))
            .arg("-D")
            .arg(folder.join("data"))
            .current_dir("/")
            .output();
        assert!(output.as_ref().is_ok_and(|output| output.status.success()), "pg_basebackup failed: {output:?}");
        let standby = Self::launched(programs, folder, &as_postgres, "");
        for statement in ["ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"] {
            self.psql(statement).unwrap_or_else(|error| panic!("{error}"));
        }
        standby
    }

    /// Makes a standby the primary; returns when it accepts writes.
    ///
    /// # Panics
    /// If it does not.
    pub fn promote(&self) {
        self.psql("SELECT pg_promote()").unwrap_or_else(|error| panic!("{error}"));
    }

    /// Ends the server as a crash does.
    ///
    /// # Panics
    /// If it is not running.
    pub fn crash(&self) {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        let pid = file.lines().next().unwrap_or_default();
        let status = Command::new("kill").args(["-QUIT", pid]).status();
        assert!(status.is_ok_and(|status| status.success()), "no server to end");
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// How a store opens its database `database`.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// One of the programs that come with the server, `pg_dump` say.
    pub fn program(&self, name: &str) -> Command {
        Command::new(self.programs.join(name))
    }

    /// Runs `sql` in the database `postgres`, and gives what it prints.
    ///
    /// # Errors
    /// What psql says.
    pub fn psql(&self, sql: &str) -> Result<String, String> {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-U", "postgres", "-d", "postgres", "-c", sql, "-p"])
            .arg(self.port.to_string())
            .output()
            .map_err(|error| format!("psql did not start: {error}. {INSTALL}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn wait_until_ready(&self) {
        for _ in 0..600 {
            if self.psql("SELECT 1").is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("PostgreSQL did not start within 30 seconds. It says:\n{log}");
    }
}

/// The programs, a folder for a new server, and what to put before a command that the server's user runs.
fn prepare() -> (PathBuf, PathBuf, Vec<String>) {
    let programs = programs().unwrap_or_else(|| panic!("{INSTALL}"));
    #[allow(clippy::expect_used)] // a test machine without a temporary folder or ports runs no tests
    let folder = tempfile::Builder::new().prefix("rollcall-postgres-").tempdir().expect("a temporary folder").keep();
    let as_postgres = root_becomes_postgres(&folder);
    (programs, folder, as_postgres)
}

/// The folder of the newest server programs.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| folder.join("postgres").exists())
        .collect();
    found.sort();
    found.pop().map(|(_, folder)| folder).or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
    })
}

/// PostgreSQL refuses to run as root: root lets the user postgres do it.
fn root_becomes_postgres(folder: &Path) -> Vec<String> {
    if fs::metadata("/proc/self").map(|metadata| metadata.uid()).unwrap_or(1) != 0 {
        return Vec::new();
    }
    let given = Command::new("chown").arg("postgres").arg(folder).status();
    assert!(given.is_ok_and(|status| status.success()), "there is no user postgres. {INSTALL}");
    ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"].map(str::to_owned).to_vec()
}

fn command(prefix: &[String], program: &Path) -> Command {
    match prefix.split_first() {
        None => Command::new(program),
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    }
}

fn initialise(programs: &Path, prefix: &[String], data: &Path) {
    let output = command(prefix, &programs.join("initdb"))
        .arg("-D")
        .arg(data)
        .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"])
        .current_dir("/")
        .output();
    match output {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("initdb failed: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("initdb did not start: {error}. {INSTALL}"),
    }
}

fn launch(programs: &Path, prefix: &[String], folder: &Path, more: &str, port: u16) -> Child {
    let data = &folder.join("data");
    let settings = format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nautovacuum = off\n\
         max_connections = 200\nshared_buffers = '64MB'\ndeadlock_timeout = '200ms'\n{more}"
    );
    #[allow(clippy::expect_used)]
    fs::OpenOptions::new()
        .append(true)
        .open(data.join("postgresql.conf"))
        .and_then(|mut file| file.write_all(settings.as_bytes()))
        .expect("the settings can be written");
    // "$0" is the folder; the rest is the server's command line. Nothing but the end of the input ends the wait.
    let script = "trap '' INT TERM HUP; \"$@\" >\"$0/log\" 2>&1 & server=$!; cat >/dev/null; \
                  kill -INT $server; wait $server; rm -rf \"$0\"";
    #[allow(clippy::expect_used)]
    guarded(script, folder)
        .args(prefix)
        .arg(programs.join("postgres"))
        .arg("-D")
        .arg(data)
        .current_dir("/")
        .spawn()
        .expect("sh starts")
}
