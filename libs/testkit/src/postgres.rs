//! A private PostgreSQL, started once a test process from the system's binaries, and gone with the process however
//! that ends.

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use rollcall_store::{Store, StoreConfig};
use tokio::sync::OnceCell;

/// What to do on a machine without it.
const INSTALL: &str = "PostgreSQL's server programs were not found. Install them: on Debian and Ubuntu \
                       `apt-get install postgresql`, on Fedora `dnf install postgresql-server postgresql`, on macOS \
                       `brew install postgresql`.";

static SERVER: OnceCell<Server> = OnceCell::const_new();
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// The running server.
pub(crate) struct Server {
    programs: PathBuf,
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
    let server = SERVER.get_or_init(Server::start).await;
    let name = format!("test_{}", COUNTER.fetch_add(1, Ordering::SeqCst));
    server.psql(&format!("CREATE DATABASE {name} TEMPLATE migrated")).unwrap_or_else(|error| panic!("{error}"));
    Fresh { url: server.url(&name), name }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if let Some(server) = SERVER.get() {
            // Only a courtesy to the disk: the server's folder goes with the process.
            let _ = server.psql(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}

impl Server {
    async fn start() -> Self {
        let programs = programs().unwrap_or_else(|| panic!("{INSTALL}"));
        #[allow(clippy::expect_used)] // a test machine without a temporary folder or ports runs no tests
        let folder =
            tempfile::Builder::new().prefix("rollcall-postgres-").tempdir().expect("a temporary folder").keep();
        let data = folder.join("data");
        let as_postgres = root_becomes_postgres(&folder);
        initialise(&programs, &as_postgres, &data);
        #[allow(clippy::expect_used)]
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let guard = launch(&programs, &as_postgres, &folder, &data, port);
        let server = Self { programs, port, _guard: guard };
        server.wait_until_ready(&folder);
        // A linguistic collation by default, so that every test shows that no order depends on it.
        server
            .psql("CREATE DATABASE migrated TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' ENCODING 'UTF8'")
            .unwrap_or_else(|error| panic!("{error}"));
        let config = StoreConfig::new(server.url("migrated"));
        Store::migrate(&config).await.unwrap_or_else(|error| panic!("the migration failed: {error:?}"));
        server
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    fn psql(&self, sql: &str) -> Result<(), String> {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-h", "127.0.0.1", "-U", "postgres", "-d", "postgres", "-c", sql, "-p"])
            .arg(self.port.to_string())
            .output()
            .map_err(|error| format!("psql did not start: {error}. {INSTALL}"))?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    fn wait_until_ready(&self, folder: &Path) {
        for _ in 0..600 {
            if self.psql("SELECT 1").is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        panic!("PostgreSQL did not start within 30 seconds. It says:\n{log}");
    }
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

fn launch(programs: &Path, prefix: &[String], folder: &Path, data: &Path, port: u16) -> Child {
    let settings = format!(
        "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nfsync = off\n\
         synchronous_commit = off\nfull_page_writes = off\nautovacuum = off\nmax_connections = 200\n\
         shared_buffers = '64MB'\ndeadlock_timeout = '200ms'\n"
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
    Command::new("sh")
        .args(["-c", script])
        .arg(folder)
        .args(prefix)
        .arg(programs.join("postgres"))
        .arg("-D")
        .arg(data)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("sh starts")
}
