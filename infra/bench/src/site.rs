//! What is measured: Rollcall in its shapes and the floor, each process by itself, each target on its own database.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    cpu,
    error::Failure,
    load::{Address, Connection, Request},
};

/// The processes of a target, by their names; they end with it.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) socket: SocketAddr,
    /// Its database.
    pub(crate) url: String,
    processes: Vec<(&'static str, Child)>,
}

impl Drop for Target {
    fn drop(&mut self) {
        for (_, process) in &mut self.processes {
            // It may have ended by itself; either way nothing of it is left.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Target {
    /// Processor seconds used so far, by process.
    pub(crate) fn cpu(&self) -> BTreeMap<String, f64> {
        self.processes.iter().map(|(name, process)| ((*name).to_owned(), cpu::seconds(process.id()))).collect()
    }

    /// Resident memory by process, in MiB.
    pub(crate) fn memory(&self) -> BTreeMap<String, f64> {
        self.processes.iter().map(|(name, process)| ((*name).to_owned(), cpu::resident_mib(process.id()))).collect()
    }

    async fn ready(&mut self) -> Result<(), Failure> {
        let begun = Instant::now();
        let address = Address { socket: self.socket, token: None };
        loop {
            if let Ok(mut connection) = Connection::open(&address).await
                && connection.send(Request::get("/health/ready".to_owned())).await.is_ok()
            {
                return Ok(());
            }
            for (name, process) in &mut self.processes {
                if process.try_wait().ok().flatten().is_some() {
                    return Err(Failure::Told(format!("{name} stopped at once; its log says why")));
                }
            }
            if begun.elapsed() > Duration::from_secs(60) {
                return Err(Failure::Told(format!("{} was not ready within a minute", self.name)));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Where processes are started from.
pub(crate) struct Site {
    /// The `rollcall` executable.
    pub(crate) rollcall: PathBuf,
    /// The database server, without a database's name.
    pub(crate) server: String,
    /// For data and logs.
    pub(crate) folder: PathBuf,
    /// Whether the service's limits on requests are its defaults, and not out of the way.
    pub(crate) limited: bool,
}

/// Proves to each other that the services belong together; of no worth anywhere else.
const INTERNAL_SECRET: &str = "6265-6e63-686d-6172-6b20-6f6e-6c79-2121";

impl Site {
    /// The address of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.server)
    }

    /// Runs a command of `rollcall`; its JSON.
    pub(crate) fn command(&self, url: &str, arguments: &[&str]) -> Result<Value, Failure> {
        let mut command = Command::new(&self.rollcall);
        command.args(arguments).args(["--output", "json", "--data-dir"]).arg(self.folder.join("data"));
        command.env("ROLLCALL_DATABASE__URL", url);
        let output = command.output().map_err(Failure::system("rollcall does not start"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Failure::Told(format!("rollcall {} failed: {said}", arguments.join(" "))));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Everything in one process.
    pub(crate) async fn all(&self, name: &'static str, database: &str) -> Result<Target, Failure> {
        let (url, socket) = (self.url(database), free()?);
        let mut command = self.role("all", socket, &["scim", "health", "metrics"]);
        command.arg("--data-dir").arg(self.folder.join("data")).env("ROLLCALL_DATABASE__URL", &url);
        let processes = vec![("all", self.start(command, name)?)];
        let mut target = Target { name, socket, url, processes };
        target.ready().await?;
        Ok(target)
    }

    /// The services apart.
    pub(crate) async fn split(&self, database: &str) -> Result<Target, Failure> {
        let (url, socket) = (self.url(database), free()?);
        let (tokens, directory) = (free()?, free()?);
        let inside = ["internal", "health"];
        let mut processes = Vec::new();
        for (role, socket) in [("tokens", tokens), ("directory", directory), ("worker", free()?)] {
            let mut command = self.role(role, socket, if role == "worker" { &["health"] } else { &inside });
            let data = if role == "tokens" { "data" } else { "no-data" };
            command.arg("--data-dir").arg(self.folder.join(data)).env("ROLLCALL_DATABASE__URL", &url);
            if role != "worker" {
                command.env("ROLLCALL_INTERNAL__SECRET", INTERNAL_SECRET);
            }
            processes.push((role, self.start(command, role)?));
        }
        let mut gateway = self.role("gateway", socket, &["scim", "health"]);
        gateway
            .env("ROLLCALL_INTERNAL__SECRET", INTERNAL_SECRET)
            .env("ROLLCALL_PUBLIC_URL", format!("http://{socket}"));
        gateway.env("ROLLCALL_INTERNAL__TOKENS_URL", format!("http://{tokens}"));
        gateway.env("ROLLCALL_INTERNAL__DIRECTORY_URL", format!("http://{directory}"));
        processes.insert(0, ("gateway", self.start(gateway, "gateway")?));
        let mut target = Target { name: "split", socket, url, processes };
        target.ready().await?;
        Ok(target)
    }

    /// The floor.
    pub(crate) async fn floor(&self, database: &str) -> Result<Target, Failure> {
        let (url, socket) = (self.url(database), free()?);
        let mut command = Command::new(std::env::current_exe().map_err(Failure::system("no path to this program"))?);
        command.args(["floor", "--url", &url, "--listen", &socket.to_string()]);
        let processes = vec![("floor", self.start(command, "floor")?)];
        let mut target = Target { name: "floor", socket, url, processes };
        target.ready().await?;
        Ok(target)
    }

    fn role(&self, role: &str, socket: SocketAddr, surfaces: &[&str]) -> Command {
        let mut command = Command::new(&self.rollcall);
        let listeners = format!("[{{address = \"{socket}\", surfaces = {surfaces:?}}}]");
        command.arg(role).env("ROLLCALL_LISTENERS", listeners);
        if !self.limited {
            let requests = "{directory={per_second=1000000, burst=1000000}, tenant={per_second=1000000, burst=1000000}, \
                            in_flight=1000000, working=1000000}";
            command.env("ROLLCALL_LIMITS__REQUESTS", requests);
        }
        command
    }

    fn start(&self, mut command: Command, log: &str) -> Result<Child, Failure> {
        fs::create_dir_all(&self.folder).map_err(Failure::file(&self.folder))?;
        let path: &Path = &self.folder.join(format!("{log}.log"));
        let log = File::create(path).map_err(Failure::file(path))?;
        let errors = log.try_clone().map_err(Failure::file(path))?;
        command.stdout(log).stderr(errors).spawn().map_err(Failure::system("a process does not start"))
    }
}

/// An address that was free a moment ago.
fn free() -> Result<SocketAddr, Failure> {
    let probe = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    probe.map_err(Failure::system("there is no free port"))
}
