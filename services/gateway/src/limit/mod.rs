//! How much of the service one directory and one tenant may have: rates, requests under way, the time of one request.
//!
//! A request is limited once, at the edge, after it is known whose it is and before anything of its body is read. What a
//! directory's guarantee covers is taken at once. All else needs a permit of the directory's rate, one of its tenant's, and a
//! place among the tenant's requests under way; it waits for these in line for as long as [`Limits::patience`].

mod bucket;
mod company;
mod flight;
mod head;
mod limiter;
mod metrics;
mod middleware;
mod place;
mod reason;

use std::time::Duration;

use rollcall_base::Rate;
use rollcall_runtime::config::RequestLimits;

pub use self::limiter::Limiter;
pub(crate) use self::{head::head, middleware::limit};

/// The limits of the edge.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests of one directory; of them [`Limits::GUARANTEED`] are always taken.
    pub directory: Rate,
    /// Requests of all directories of one tenant together, beyond what is guaranteed to each.
    pub tenant: Rate,
    /// Requests of one tenant under way at once in this process while no other tenant has any.
    pub in_flight: usize,
    /// The same while others do.
    pub in_flight_shared: usize,
    /// How long a request may wait until it is within these limits.
    pub patience: Duration,
    /// How many requests of one directory may wait so.
    pub waiting: usize,
    /// How long a request may take until its answer begins.
    pub answer_within: Duration,
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
            in_flight: 32,
            in_flight_shared: 32,
            patience: Duration::from_secs(1),
            waiting: 256,
            answer_within: Duration::from_secs(120),
            header_bytes: 32_768,
        }
    }
}

#[cfg(test)]
mod tests;
