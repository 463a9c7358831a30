//! Starting and stopping the executable.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    time::Duration,
};

use crate::directory::Directory;
pub(crate) use crate::place::Place;
pub(crate) use rollcall_testkit::eventually_blocking as eventually;

pub(crate) const EXECUTABLE: &str = env!("CARGO_BIN_EXE_rollcall");

/// A running installation: one process, or one for each service.
pub(crate) struct Server {
    children: Vec<Child>,
    place: Place,
}

/// A port that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
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

    /// On a fresh installation that logs no requests and takes any number: for those who send very many.
    pub(crate) fn start_quietly() -> Self {
        Self::start_with(Place::new(), |command| {
            command.env("ROLLCALL_TELEMETRY__LOG", "warn");
            let most = "{per_second = 1000000, burst = 1000000}";
            for (name, value) in [("DIRECTORY", most), ("TENANT", most), ("WORKING", "32")] {
                command.env(format!("ROLLCALL_LIMITS__REQUESTS__{name}"), value);
            }
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
