//! How much of the service one directory and one tenant may have: rates, requests under way, the time of one request.
//!
//! A request is limited once, at the edge, after it is known whose it is and before anything of its body is read. What a
//! directory's guarantee covers is never refused, and taken at once in the directory's lane. All else needs a permit of the directory's rate and one of its tenant's, for
//! which it waits for as long as [`Limits::patience`], and then its turn, for which it waits for as long as
//! [`Limits::turn_within`].

mod body;
mod bucket;
mod company;
mod head;
mod limiter;
mod metrics;
mod middleware;
mod place;
mod queue;
mod reason;
mod ticket;
mod turn;

use std::time::Duration;

use rollcall_base::Rate;
use rollcall_runtime::config::RequestLimits;

pub use self::limiter::Limiter;
pub(crate) use self::{
    head::head,
    metrics::{OAUTH, Refused},
    middleware::limit,
};

/// The limits of the edge.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests of one directory; of them [`Limits::GUARANTEED`] are always taken.
    pub directory: Rate,
    /// Requests of all directories of one tenant together, beyond what is guaranteed to each.
    pub tenant: Rate,
    /// Guaranteed requests of one directory in this process that are not over. Beyond it none is guaranteed.
    pub guaranteed_in_flight: usize,
    /// Other requests of one tenant in this process that are not over: whose last byte is not sent.
    pub in_flight: usize,
    /// Such requests of all tenants that this process works on at once, and one of each tenant that has no other.
    pub working: usize,
    /// How long a request may wait until it is within the rates.
    pub patience: Duration,
    /// How long a request may wait until it is worked on, beginning with its arrival.
    pub turn_within: Duration,
    /// How many requests of one directory may wait so.
    pub waiting: usize,
    /// How long a request may take until its answer begins.
    pub answer_within: Duration,
    /// Bytes of answers of one tenant that are held until their clients have read them, short ones left out.
    pub unsent_bytes: u64,
    /// How long a client may read nothing of an answer.
    pub write_within: Duration,
    /// Bytes of a request's target and headers.
    pub header_bytes: usize,
}

impl Limits {
    /// What each directory always has, whatever its tenant does. Each gateway keeps to it by itself.
    pub const GUARANTEED: Rate = Rate::new(RequestLimits::GUARANTEED, RequestLimits::GUARANTEED);
}

#[cfg(test)]
impl Default for Limits {
    fn default() -> Self {
        Self {
            directory: Rate::new(500, 2_000),
            tenant: Rate::new(2_000, 8_000),
            guaranteed_in_flight: 50,
            in_flight: 32,
            working: 32,
            patience: Duration::from_secs(1),
            turn_within: Duration::from_secs(30),
            waiting: 2_000,
            answer_within: Duration::from_secs(120),
            unsent_bytes: 64 * 1024 * 1024,
            write_within: Duration::from_secs(60),
            header_bytes: 32_768,
        }
    }
}

#[cfg(test)]
mod tests;
