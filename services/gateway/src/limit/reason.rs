//! Why a request is not taken, and what the client is told.

use std::time::Duration;

use actix_web::{HttpResponse, http::StatusCode};

use super::Limits;
use crate::{Api, refusal::later};

/// All rates are 25 a second at least, so that a second later there is room; and a whole second is the least that
/// Retry-After can say.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a request is beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Reason {
    /// The directory's rate.
    DirectoryRate,
    /// The rate of its tenant's directories together.
    TenantRate,
    /// What is worked on of the tenant at once.
    InFlight,
    /// What is held of the tenant's answers until they are read.
    Unsent,
}

impl Reason {
    pub(super) const ALL: [Self; 4] = [Self::DirectoryRate, Self::TenantRate, Self::InFlight, Self::Unsent];

    /// In metrics and logs.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::DirectoryRate => "directory_rate",
            Self::TenantRate => "tenant_rate",
            Self::InFlight => "in_flight",
            Self::Unsent => "unsent_answers",
        }
    }

    fn detail(self, limits: &Limits) -> String {
        let guaranteed = Limits::GUARANTEED.per_second();
        match self {
            Self::DirectoryRate => format!(
                "This directory's allowance is {} requests a second and {} at once, and more were sent. Nothing was changed. \
                 Send the request again after the seconds in Retry-After, and fewer at a time.",
                limits.directory.per_second(),
                limits.directory.burst(),
            ),
            Self::TenantRate => format!(
                "The allowance of all directories of this tenant together is {} requests a second and {} at once, and more \
                 were sent. Nothing was changed. Send the request again after the seconds in Retry-After; {guaranteed} \
                 requests a second of each directory are always taken.",
                limits.tenant.per_second(),
                limits.tenant.burst(),
            ),
            Self::InFlight => format!(
                "More requests of this tenant are waiting than can be worked on in time ({} at once while no other tenant has \
                 any, and its share of {} while others do). Nothing was changed. Send the request again after the seconds in \
                 Retry-After, and fewer at a time; {guaranteed} requests a second of each directory are always taken.",
                limits.in_flight, limits.working,
            ),
            Self::Unsent => format!(
                "The answers to this tenant's requests that its clients have not read yet have {} bytes together, the most that are \
                 kept. Nothing was changed. Read the answers that you have asked for, and ask for smaller pages (count), or for \
                 fewer at a time.",
                limits.unsent_bytes,
            ),
        }
    }

    /// The 429.
    pub(super) fn to_response(self, api: Api, limits: &Limits) -> HttpResponse {
        later(api, StatusCode::TOO_MANY_REQUESTS, &self.detail(limits), RETRY_AFTER)
    }
}
