//! Speaks SCIM as an identity provider does, over real HTTP.
//!
//! [`simulate`] does what a client's first day looks like: the connection test, an initial cycle of users and groups, a
//! few updates, a group that is renamed and renamed back, a leaver; then it reads everything back and reports what
//! differs. Each [`Client`] speaks its own wire shape (see `dialect/`). The people come from a seed, so that a second
//! run against the same directory finds what the first one made.

mod connection;
mod dialect;
mod error;
mod people;
mod progress;
mod run;
mod verify;

pub use error::SimulatorError;
pub use progress::{Progress, Report, Step};
pub use rollcall_base::ClientKind as Client;
use rollcall_base::SecretText;

/// What to simulate, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose wire shape to speak.
    pub client: Client,
    /// The directory's Base URL, as `directory create` prints it. A trailing slash does no harm.
    pub base_url: String,
    /// The directory's bearer token.
    pub token: SecretText,
    /// How many users.
    pub users: usize,
    /// How many groups. The first holds everybody, each further one some.
    pub groups: usize,
    /// The same seed gives the same people and groups.
    pub seed: u64,
    /// How many requests may be under way at once; 0 means 1.
    pub concurrency: usize,
}

impl Options {
    /// 100 users, 10 groups, 4 requests at once (PingFederate's advice for a channel is up to 5 threads).
    pub const fn new(client: Client, base_url: String, token: SecretText) -> Self {
        Self { client, base_url, token, users: 100, groups: 10, seed: 1, concurrency: 4 }
    }
}

/// Runs the simulation to its end, calling `progress` whenever something was done.
///
/// # Errors
/// [`SimulatorError`], each a sentence that says what to do. Differences found while reading back are not an error of
/// the run: they stand in [`Report::differences`].
pub async fn simulate(options: Options, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Report, SimulatorError> {
    run::Run::new(&options)?.play(progress).await
}
