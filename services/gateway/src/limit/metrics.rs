//! What the limits did, without a word of whom they did it to.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::reason::Reason;
use crate::Api;

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
        let in_flight = IntGauge::new("rollcall_requests_in_flight", "Requests of all tenants under way.")?;
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
            for name in Reason::ALL.map(Reason::name).into_iter().chain([AUTHENTICATION, HEADERS, TIME]) {
                refused.with_label_values(&[name, api.name()]);
            }
        }
        for outcome in ["granted", "none", "unavailable"] {
            leases.with_label_values(&[outcome]);
        }
        Ok(Self { refused, delayed, in_flight, leases })
    }

    /// A limit refused a request.
    pub(super) fn refused(&self, reason: &str, api: Api) {
        self.refused.with_label_values(&[reason, api.name()]).inc();
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

/// Its address failed to authenticate too often.
pub(super) const AUTHENTICATION: &str = "failed_authentication";
/// Its head was too long.
pub(super) const HEADERS: &str = "headers";
/// It took too long.
pub(super) const TIME: &str = "time";
