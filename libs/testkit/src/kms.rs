//! A private KMS endpoint, started once a test process from `.venv-kms`, and gone with the process however that ends.
//!
//! The endpoint is localstack, whose key states are AWS's. On a machine without Python 3.13 it is moto, which lets
//! disabled and deleted keys go on working: [`Kms::has_key_states`] says which it is.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Child,
    sync::OnceLock,
    time::Duration,
};

use serde_json::{Value, json};

use crate::guard::guarded;

/// What to do on a machine without it.
const INSTALL: &str = "There is no KMS endpoint in .venv-kms: run `make test STAGES=deps` once, which installs it.";

/// Its region; the tests' clients must sign for it.
const REGION: &str = "eu-central-1";

static SHARED: OnceLock<Kms> = OnceLock::new();

/// The running endpoint.
pub struct Kms {
    address: SocketAddr,
    has_key_states: bool,
    /// Its shell waits for the end of its input, which comes when this process ends, and then stops the endpoint.
    _guard: Child,
}

impl Kms {
    /// The endpoint of this test process. Blocks for some seconds the first time.
    ///
    /// # Panics
    /// If it is not installed or does not start; the message says what to do.
    pub fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, for the setting `keys.endpoint`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The region to sign for.
    pub const fn region(&self) -> &'static str {
        REGION
    }

    /// Whether disabled keys and keys that are about to be deleted are refused, as AWS does. If not, says so for `test`,
    /// which then cannot hold anything.
    #[allow(clippy::print_stderr)] // a test that holds nothing must not pass silently
    pub fn has_key_states(&self, test: &str) -> bool {
        if !self.has_key_states {
            eprintln!("{test}: not carried by moto, which has no key states");
        }
        self.has_key_states
    }

    /// A new symmetric key; its ARN.
    ///
    /// # Panics
    /// If the endpoint does not make one.
    pub fn create_key(&self) -> String {
        let answer = self.call("CreateKey", &json!({}));
        answer["KeyMetadata"]["Arn"].as_str().unwrap_or_else(|| panic!("no key was made: {answer}")).to_owned()
    }

    /// Lets `alias` (without `alias/`) name `key`, whatever it named before.
    ///
    /// # Panics
    /// If the endpoint refuses.
    pub fn point_alias(&self, alias: &str, key: &str) {
        // The endpoint keeps what it is given and then finds keys by their ids only.
        let id = key.rsplit('/').next().unwrap_or(key);
        let arguments = json!({ "AliasName": format!("alias/{alias}"), "TargetKeyId": id });
        if self.ask("CreateAlias", &arguments).is_err() {
            self.call("UpdateAlias", &arguments);
        }
    }

    /// Disables a key.
    ///
    /// # Panics
    /// If the endpoint refuses.
    pub fn disable(&self, key: &str) {
        self.call("DisableKey", &json!({ "KeyId": key }));
    }

    /// Enables a key again.
    ///
    /// # Panics
    /// If the endpoint refuses.
    pub fn enable(&self, key: &str) {
        self.call("EnableKey", &json!({ "KeyId": key }));
    }

    /// Has a key deleted in a week, until when no one can use it.
    ///
    /// # Panics
    /// If the endpoint refuses.
    pub fn schedule_deletion(&self, key: &str) {
        self.call("ScheduleKeyDeletion", &json!({ "KeyId": key, "PendingWindowInDays": 7 }));
    }

    fn start() -> Self {
        #[allow(clippy::expect_used)] // a test machine without a temporary folder or ports runs no tests
        let folder = tempfile::Builder::new().prefix("rollcall-kms-").tempdir().expect("a temporary folder").keep();
        #[allow(clippy::expect_used)]
        let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv-kms/bin");
        let moto = programs.join("moto_server");
        let has_key_states = !moto.exists();
        let command = if has_key_states { localstack(&programs) } else { vec![moto.into_os_string(), port(address)] };
        let guard = launch(&folder, command, address);
        let kms = Self { address, has_key_states, _guard: guard };
        kms.wait_until_ready(&folder);
        kms
    }

    fn wait_until_ready(&self, folder: &Path) {
        for _ in 0..600 {
            if self.ask("ListKeys", &json!({})).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        panic!("the KMS endpoint did not start within a minute. {INSTALL} It says:\n{log}");
    }

    fn call(&self, operation: &str, arguments: &Value) -> Value {
        self.ask(operation, arguments).unwrap_or_else(|error| panic!("{operation} {arguments}: {error}"))
    }

    /// One call of the KMS protocol. The endpoint does not check signatures, so that ten lines do for a client.
    fn ask(&self, operation: &str, arguments: &Value) -> Result<Value, String> {
        let body = arguments.to_string();
        let signature =
            format!("AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/kms/aws4_request, SignedHeaders=host");
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.1\r\n\
             X-Amz-Target: TrentService.{operation}\r\nAuthorization: {signature}, Signature=0\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut answer = String::new();
        TcpStream::connect(self.address)
            .and_then(|mut stream| {
                stream.set_read_timeout(Some(Duration::from_secs(30)))?;
                stream.write_all(request.as_bytes())?;
                stream.read_to_string(&mut answer)
            })
            .map_err(|error| error.to_string())?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        if head.split(' ').nth(1) == Some("200") {
            Ok(serde_json::from_str(body).unwrap_or_default())
        } else {
            Err(answer)
        }
    }
}

fn localstack(programs: &Path) -> Vec<std::ffi::OsString> {
    let python: PathBuf = programs.join("python");
    assert!(python.exists(), "{INSTALL}");
    vec![python.into(), "-m".into(), "localstack.runtime.main".into()]
}

fn port(address: SocketAddr) -> std::ffi::OsString {
    format!("-p{}", address.port()).into()
}

fn launch(folder: &Path, command: Vec<std::ffi::OsString>, address: SocketAddr) -> Child {
    // "$0" is the folder; the rest is the endpoint's command line. Nothing but the end of the input ends the wait.
    let script = "trap '' INT TERM HUP; \"$@\" >\"$0/log\" 2>&1 </dev/null & server=$!; cat >/dev/null; \
                  kill -KILL $server; wait $server; rm -rf \"$0\"";
    #[allow(clippy::expect_used)]
    guarded(script, folder)
        .args(command)
        .envs([("SERVICES", "kms"), ("DISABLE_EVENTS", "1"), ("SKIP_SSL_CERT_DOWNLOAD", "1"), ("DNS_ADDRESS", "0")])
        .env("GATEWAY_LISTEN", address.to_string())
        .env("FILESYSTEM_ROOT", folder)
        .current_dir(folder)
        .spawn()
        .expect("sh starts")
}
