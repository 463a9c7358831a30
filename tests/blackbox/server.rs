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

use serde_json::Value;
use tempfile::TempDir;

use crate::directory::Directory;

pub(crate) const EXECUTABLE: &str = env!("CARGO_BIN_EXE_rollcall");
/// Longer than anything here takes on a busy machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

/// A running `rollcall all`.
pub(crate) struct Server {
    child: Child,
    place: Place,
}

/// Where an installation keeps its data, and where it listens.
pub(crate) struct Place {
    folder: TempDir,
    pub(crate) address: SocketAddr,
    /// For every process of this installation.
    pub(crate) environment: Vec<(&'static str, String)>,
}

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
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), address: free_address(), environment: Vec::new() }
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
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null());
        command
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

    /// `all` with its output in the log.
    fn serve(&self) -> Command {
        let log = std::fs::File::options().create(true).append(true).open(self.file("log")).unwrap();
        let mut command = self.command(&["all", "--listen", &self.address.to_string()]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
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
fn health(address: SocketAddr, path: &str) -> Option<String> {
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

    pub(crate) fn start_at(place: Place) -> Self {
        Self::start_with(place, |_| ())
    }

    /// With a chance to change how the process is started.
    pub(crate) fn start_with(place: Place, adjust: impl FnOnce(&mut Command)) -> Self {
        let mut command = place.serve();
        adjust(&mut command);
        let mut child = command.spawn().unwrap();
        place.wait_until_ready(|| child.try_wait().unwrap().is_some());
        Self { child, place }
    }

    /// One server for all tests that need nothing of their own but a directory.
    pub(crate) fn shared() -> &'static Place {
        static SHARED: OnceLock<(Child, Place)> = OnceLock::new();
        let (_, place) = SHARED.get_or_init(|| {
            let place = Place::new();
            let serve = place.serve();
            // Statics are never dropped, so the shell stops the server and cleans up once our end of its pipe is closed.
            let script = r#""$@" </dev/null & cat >/dev/null; kill $!; wait $!; rm -rf "$FOLDER""#;
            let mut shell = Command::new("sh");
            shell.args(["-c", script, "sh"]).arg(serve.get_program()).args(serve.get_args()).stdin(Stdio::piped());
            shell.env("FOLDER", place.folder.path()).env("ROLLCALL_PUBLIC_URL", format!("http://{}", place.address));
            let log = std::fs::File::options().create(true).append(true).open(place.file("log")).unwrap();
            let mut child = shell.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
            place.wait_until_ready(|| child.try_wait().unwrap().is_some());
            (child, place)
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
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.take_place()
    }

    /// As Ctrl-C (`INT`) and service supervisors (`TERM`) do; whether it ended well.
    pub(crate) fn stop(mut self, signal: &str) -> (Place, bool) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
        let status = eventually("the server stops", || self.child.try_wait().unwrap());
        (self.take_place(), status.success())
    }

    fn take_place(&mut self) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = Place { folder, address: self.place.address, environment: Vec::new() };
        std::mem::replace(&mut self.place, nowhere)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether `path` is a file of an installation that other users may read.
pub(crate) fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o077 != 0
}
