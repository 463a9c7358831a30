//! Prometheus metrics, by route template: never by path, so that no name or id becomes a label.

use std::time::Duration;

use actix_web::{HttpResponse, http::Method};
use prometheus::{HistogramOpts, HistogramVec, Registry, TextEncoder};

/// Seconds; from a cached read to a very large list.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The process's metrics. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    requests: HistogramVec,
}

impl Metrics {
    /// Metrics with nothing counted yet.
    ///
    /// # Errors
    /// [`prometheus::Error`] if a name is registered twice.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let options = HistogramOpts::new(
            "http_server_request_duration_seconds",
            "Time from a request's head to the last byte of its answer.",
        )
        .buckets(BUCKETS.to_vec());
        let labels = ["http_request_method", "http_route", "http_response_status_code"];
        let requests = HistogramVec::new(options, &labels)?;
        registry.register(Box::new(requests.clone()))?;
        Ok(Self { registry, requests })
    }

    /// Where other parts of the service register metrics of their own.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(super) fn observe(&self, method: &Method, route: &str, status: &str, took: Duration) {
        self.requests.with_label_values(&[label(method), route, status]).observe(took.as_secs_f64());
    }

    /// All metrics in Prometheus's text format.
    pub(super) fn answer(&self) -> HttpResponse {
        match TextEncoder::new().encode_to_string(&self.registry.gather()) {
            Ok(text) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text),
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be encoded");
                HttpResponse::InternalServerError().finish()
            }
        }
    }
}

/// Methods of their own making would each be a new time series: they share one.
pub(super) fn label(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "TRACE" | "CONNECT") => known,
        _ => "_OTHER",
    }
}
