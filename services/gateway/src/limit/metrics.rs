//! What the limits did, without a word of whom they did it to.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::reason::Reason;
use crate::Api;

/// What a request is beyond that is no directory's and no tenant's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its address failed to authenticate too often.
    Authentication,
    /// Its head was too long.
    Head,
    /// It took too long.
    Time,
    /// Its OAuth client, or the tenant's clients together, ask for too many access tokens.
    OAuthClient,
}

impl Refused {
    /// What any surface refuses for.
    const OF_ALL: [Self; 3] = [Self::Authentication, Self::Head, Self::Time];

    const fn name(self) -> &'static str {
        match self {
            Self::Authentication => "failed_authentication",
            Self::Head => "headers",
            Self::Time => "time",
            Self::OAuthClient => "oauth_client",
        }
    }
}

/// The surface of the token endpoint.
pub(crate) const OAUTH: &str = "oauth";

/// Counts of all requests of a process.
#[derive(Debug)]
pub(super) struct LimitMetrics {
    refused: IntCounterVec,
    pub(super) delayed: IntCounter,
    pub(super) in_flight: IntGauge,
    leases: IntCounterVec,
}

impl LimitMetrics {
    /// Counts that show in `registry`.
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let refused = IntCounterVec::new(
            Opts::new("rollcall_limited_requests_total", "Requests that a limit refused, by reason and surface."),
            &["reason", "surface"],
        )?;
        let delayed = IntCounter::new(
            "rollcall_delayed_requests_total",
            "Requests that waited until they were within the limits, and were taken.",
        )?;
        let in_flight = IntGauge::new(
            "rollcall_requests_in_flight",
            "Requests of all tenants that are not over, without those that wait.",
        )?;
        let leases = IntCounterVec::new(
            Opts::new(
                "rollcall_rate_leases_total",
                "Questions to Redis for permits, by outcome (granted, none, unavailable).",
            ),
            &["outcome"],
        )?;
        registry.register(Box::new(refused.clone()))?;
        registry.register(Box::new(delayed.clone()))?;
        registry.register(Box::new(in_flight.clone()))?;
        registry.register(Box::new(leases.clone()))?;
        // What never happened shows as 0.
        for api in [Api::Scim, Api::Lookup, Api::Guide] {
            for name in Reason::ALL.map(Reason::name).into_iter().chain(Refused::OF_ALL.map(Refused::name)) {
                refused.with_label_values(&[name, api.name()]);
            }
        }
        for why in Refused::OF_ALL.into_iter().chain([Refused::OAuthClient]) {
            refused.with_label_values(&[why.name(), OAUTH]);
        }
        for outcome in ["granted", "none", "unavailable"] {
            leases.with_label_values(&[outcome]);
        }
        Ok(Self { refused, delayed, in_flight, leases })
    }

    /// A directory's or a tenant's limit refused a request.
    pub(super) fn limited(&self, reason: Reason, api: Api) {
        self.refused.with_label_values(&[reason.name(), api.name()]).inc();
    }

    /// Another limit did.
    pub(super) fn refused(&self, why: Refused, surface: &str) {
        self.refused.with_label_values(&[why.name(), surface]).inc();
    }

    /// How often Redis was asked.
    #[cfg(test)]
    pub(super) fn leases_asked(&self) -> u64 {
        ["granted", "none", "unavailable"].iter().map(|outcome| self.leases.with_label_values(&[*outcome]).get()).sum()
    }

    /// Redis was asked; `None` got no answer.
    pub(super) fn leased(&self, permits: Option<u32>) {
        let outcome = match permits {
            Some(0) => "none",
            Some(_) => "granted",
            None => "unavailable",
        };
        self.leases.with_label_values(&[outcome]).inc();
    }
}
