//! Private Redis servers, started from the system's programs, and gone with the test process however that ends.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::{eventually::eventually_blocking, guard::guarded};

/// What to do on a machine without it.
const INSTALL: &str = "Redis' server program was not found. Install it: on Debian and Ubuntu `apt-get install \
                       redis-server`, on Fedora `dnf install redis`, on macOS `brew install redis`.";

/// The name by which the sentinels know their master.
const MASTER: &str = "mymaster";

/// A server, or several that belong together.
pub struct Redis {
    url: String,
    servers: Vec<Server>,
    sentinels: Vec<Server>,
}

/// One server process.
struct Server {
    address: SocketAddr,
    folder: PathBuf,
    arguments: Vec<String>,
    /// Its shell waits for the end of its input, which comes when this process ends, and then stops the server.
    guard: Mutex<Option<Child>>,
}

impl Redis {
    /// One server of the test's own.
    ///
    /// # Panics
    /// If it is not installed or does not start; the message says what to do.
    pub fn single() -> Self {
        let server = Server::start(&[]);
        Self { url: format!("redis://{}", server.address), servers: vec![server], sentinels: Vec::new() }
    }

    /// A master (first), a replica, and three sentinels that let a second pass before they act.
    ///
    /// # Panics
    /// As [`Redis::single`].
    pub fn sentinel() -> Self {
        let master = Server::start(&[]);
        let port = master.address.port().to_string();
        let replica = Server::start(&["--replicaof", "127.0.0.1", &port]);
        eventually_blocking("the replica follows", || {
            replica.says(&["info", "replication"]).contains("master_link_status:up")
        });
        let sentinels: Vec<Server> = (0..3).map(|_| Server::sentinel(&port)).collect();
        eventually_blocking("the sentinels know each other", || {
            sentinels.iter().all(|one| {
                let known = one.says(&["sentinel", "master", MASTER]);
                let value = |name| known.lines().skip_while(|line| *line != name).nth(1).map(str::to_owned);
                value("num-other-sentinels").as_deref() == Some("2") && value("num-slaves").as_deref() == Some("1")
            })
        });
        let hosts: Vec<String> = sentinels.iter().map(|one| one.address.to_string()).collect();
        let url = format!("redis+sentinel://{}/{MASTER}", hosts.join(","));
        Self { url, servers: vec![master, replica], sentinels }
    }

    /// A cluster of three masters.
    ///
    /// # Panics
    /// As [`Redis::single`].
    #[allow(clippy::expect_used)]
    pub fn cluster() -> Self {
        let servers: Vec<Server> =
            (0..3).map(|_| Server::start(&["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"])).collect();
        let hosts: Vec<String> = servers.iter().map(|one| one.address.to_string()).collect();
        let made = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(&hosts)
            .args(["--cluster-replicas", "0", "--cluster-yes"])
            .output()
            .expect(INSTALL);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        eventually_blocking("the cluster stands", || {
            servers.iter().all(|one| one.says(&["cluster", "info"]).contains("cluster_state:ok"))
        });
        Self { url: format!("redis+cluster://{}", hosts.join(",")), servers, sentinels: Vec::new() }
    }

    /// One server for all tests of this process that need nothing but a prefix of their own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Self::single)
    }

    /// The same of sentinels.
    pub fn shared_sentinel() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Self::sentinel)
    }

    /// The same of a cluster.
    pub fn shared_cluster() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Self::cluster)
    }

    /// A prefix that nobody else has.
    pub fn fresh_prefix() -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        format!("test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// Its address, for the setting `redis.url`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the first server listens.
    pub fn address(&self) -> SocketAddr {
        self.servers[0].address
    }

    /// What `redis-cli` prints for a command to the first server; of a cluster, to the one that has the key.
    pub fn says(&self, arguments: &[&str]) -> String {
        self.servers[0].says(arguments)
    }

    /// Empties every server.
    pub fn flush(&self) {
        for server in &self.servers {
            server.says(&["flushall"]);
        }
    }

    /// Kills the first server, without a warning.
    pub fn kill(&self) {
        self.servers[0].signal("KILL");
        eventually_blocking("the server is gone", || !self.servers[0].is_there());
    }

    /// Starts the first server anew, with nothing in it.
    pub fn start(&self) {
        let server = &self.servers[0];
        let guard = server.guard.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut guard) = guard {
            drop(guard.stdin.take());
            // It has cleaned up by then.
            let _ = guard.wait();
        }
        server.launch();
    }

    /// The first server stops in the middle of what it does: connections stand, nobody answers.
    pub fn freeze(&self) {
        self.servers[0].signal("STOP");
    }

    /// It goes on.
    pub fn thaw(&self) {
        self.servers[0].signal("CONT");
    }

    /// Until the sentinels know another master than the first server.
    pub fn wait_for_failover(&self) {
        let first = self.servers[0].address.port().to_string();
        eventually_blocking("the sentinels fail over", || {
            self.sentinels.iter().all(|one| {
                let master = one.says(&["sentinel", "get-master-addr-by-name", MASTER]);
                !master.is_empty() && !master.lines().any(|line| line == first)
            })
        });
    }
}

impl Server {
    #[allow(clippy::expect_used)]
    fn new(arguments: Vec<String>, folder: PathBuf) -> Self {
        // A cluster's nodes speak to each other on the port 10,000 above.
        let address = loop {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
            if free.port() < 55_535 {
                break free;
            }
        };
        let server = Self { address, folder, arguments, guard: Mutex::new(None) };
        server.launch();
        server
    }

    fn start(arguments: &[&str]) -> Self {
        let lasting = ["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"];
        let arguments = arguments.iter().chain(&lasting).map(|text| (*text).to_owned()).collect();
        Self::new(arguments, folder())
    }

    #[allow(clippy::expect_used)]
    fn sentinel(master_port: &str) -> Self {
        let folder = folder();
        let settings = format!(
            "sentinel monitor {MASTER} 127.0.0.1 {master_port} 2\nsentinel down-after-milliseconds {MASTER} 1000\n\
             sentinel failover-timeout {MASTER} 5000\n"
        );
        let file = folder.join("sentinel.conf");
        std::fs::write(&file, settings).expect("a temporary folder can be written to");
        Self::new(vec![file.display().to_string(), "--sentinel".to_owned()], folder)
    }

    fn launch(&self) {
        let mut held = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some(launch(&self.folder, &self.arguments, self.address));
        drop(held);
        eventually_blocking(INSTALL, || self.is_there());
    }

    fn is_there(&self) -> bool {
        self.says(&["ping"]).trim() == "PONG"
    }

    fn says(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-c", "-h", "127.0.0.1", "-p", &self.address.port().to_string()])
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("redis-cli did not start: {error}. {INSTALL}"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.folder.join("pid")).unwrap_or_default();
        let sent = Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the server {} is not there", self.address);
    }
}

#[allow(clippy::expect_used)]
fn folder() -> PathBuf {
    tempfile::Builder::new().prefix("rollcall-redis-").tempdir().expect("a temporary folder").keep()
}

fn launch(folder: &Path, arguments: &[String], address: SocketAddr) -> Child {
    // "$0" is the folder; the rest is the server's command line. Nothing but the end of the input ends the wait.
    let script = "trap '' INT TERM HUP; mkdir -p \"$0\"; \"$@\" >>\"$0/log\" 2>&1 </dev/null & server=$!; \
                  echo $server >\"$0/pid\"; cat >/dev/null; kill -KILL $server; wait $server; rm -rf \"$0\"";
    #[allow(clippy::expect_used)]
    guarded(script, folder)
        .arg("redis-server")
        .args(arguments)
        .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--dir"])
        .arg(folder)
        .spawn()
        .expect("sh starts")
}
