//! Speaks SCIM as an identity provider does, over real HTTP.
//!
//! [`simulate`] does what a client does with a directory: the connection test, an initial cycle of users and groups, steady
//! cycles of joiners, movers, renames and leavers; then it reads everything back and reports what differs. Each [`Client`]
//! speaks its own wire shape (see `dialect/`). The people come from a seed, so that a second run against the same directory
//! finds what the first one made.

mod client;
mod company;
mod dialect;
mod error;
mod http;
mod ids;
mod options;
mod progress;
mod report;
mod run;
mod verify;
mod waiting;

pub use client::{Client, UnknownClient};
pub use dialect::GroupUpdates;
pub use error::SimulatorError;
pub use http::{Latency, Measured};
pub use options::Options;
pub use progress::{Progress, Step};
pub use report::{Difference, DifferenceKind, Happened, Report};
pub use waiting::{OnWait, Waiting};

/// Runs the simulation to its end, calling `progress` whenever something was done.
///
/// # Errors
/// [`SimulatorError`], each a sentence that says what to do. Differences found while reading back, and single objects that
/// were refused, are not an error of the run: they stand in [`Report::differences`].
pub async fn simulate(options: Options, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Report, SimulatorError> {
    Box::pin(run::Run::new(&options)?.play(progress)).await
}
