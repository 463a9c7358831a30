//! Around every request: its id, its span, its line in the access log, its place in the metrics.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        ConnectionType, Method, StatusCode,
        header::{HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Bytes,
};
use futures_util::FutureExt;
use rollcall_base::Entropy;
use serde_json::json;
use tracing::{Instrument, Span, field::Empty};

use super::{
    ClientAddress, Metrics, RequestId, body,
    drain::{InFlight, Ticket},
    metrics, request_id,
};
use crate::{config::HttpConfig, telemetry::adopt_parent};

/// What the requests of a server share.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) http: HttpConfig,
    pub(super) metrics: Metrics,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) in_flight: InFlight,
}

/// The outermost middleware.
pub(super) async fn observe(
    edge: Arc<Edge>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = RequestId::of(request.headers(), &*edge.entropy);
    let client = ClientAddress::of(request.headers(), request.peer_addr(), &edge.http.trusted_proxies);
    let mut record = Record::begin(&edge, &request, &id, client);
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(client);
    body::bound(&mut request, edge.http.body_bytes, Duration::from_secs(edge.http.body_seconds));
    let span = record.span.clone();
    // What a handler shares with other requests keeps itself whole, or is dropped with the request.
    let outcome = AssertUnwindSafe(next.call(request).instrument(span)).catch_unwind().await;
    let response = outcome.unwrap_or_else(|_| Err(broken_down(&id)));
    let mut response = match response {
        Ok(response) => response,
        Err(error) => {
            record.status = Some(error.as_response_error().status_code());
            return Err(error);
        }
    };
    record.status = Some(response.status());
    record.route = response.request().match_pattern();
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(HeaderName::from_static(request_id::HEADER), value);
    }
    if edge.in_flight.is_draining() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response.map_body(|_, body| BoxBody::new(Recorded { body: body.boxed(), _record: record })))
}

/// The answer to a request whose handler panicked. The panic itself has been reported where it happened.
fn broken_down(id: &RequestId) -> Error {
    tracing::error!(request_id = %id, "a handler panicked");
    let body = json!({
        "title": "Internal Server Error",
        "status": 500,
        "detail": format!("Something went wrong on our side. Quote the request id {id} when you report it."),
    });
    let mut response = HttpResponse::InternalServerError();
    response.insert_header((request_id::HEADER, id.as_str())).content_type("application/problem+json");
    InternalError::from_response("a handler panicked", response.json(body)).into()
}

/// What is known of a request so far; written down when the request is over, however it ends.
struct Record {
    metrics: Metrics,
    span: Span,
    started: Instant,
    method: Method,
    client: ClientAddress,
    route: Option<String>,
    /// `None` until there is an answer: the client may go away before.
    status: Option<StatusCode>,
    _ticket: Ticket,
}

impl Record {
    fn begin(edge: &Edge, request: &ServiceRequest, id: &RequestId, client: ClientAddress) -> Self {
        let method = request.method().clone();
        // At the highest level, so that a log of errors only still says which request each belongs to.
        let span = tracing::error_span!(
            "request",
            otel.kind = "server",
            otel.name = Empty,
            otel.status_code = Empty,
            http.request.method = metrics::label(&method),
            http.route = Empty,
            http.response.status_code = Empty,
            request_id = %id,
            trace_id = Empty,
            // The gateway fills these in once it knows them.
            rollcall.directory = Empty,
            rollcall.credential = Empty,
            // The directory service does, if there is anything.
            tolerated = Empty,
        );
        if let Some(trace) = adopt_parent(&span, request.headers()) {
            span.record("trace_id", trace);
        }
        Self {
            metrics: edge.metrics.clone(),
            span,
            started: Instant::now(),
            method,
            client,
            route: request.match_pattern(),
            status: None,
            _ticket: edge.in_flight.enter(),
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        let method = metrics::label(&self.method);
        let route = self.route.as_deref().unwrap_or("unmatched");
        // 499: the client went away, as proxies write it.
        let status = self.status.map_or(499, |status| status.as_u16());
        self.metrics.observe(&self.method, route, &status.to_string(), took);
        self.span.record("otel.name", format!("{method} {route}"));
        self.span.record("http.route", route);
        self.span.record("http.response.status_code", status);
        if status >= 500 {
            self.span.record("otel.status_code", "ERROR");
        }
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let client = self.client.0;
        let _entered = self.span.enter();
        // Probes and scrapes come every few seconds and say nothing.
        if route.starts_with("/health/") || route == "/metrics" {
            tracing::debug!(target: "rollcall::access", method, route, status, duration_ms, %client, "answered");
        } else {
            tracing::info!(target: "rollcall::access", method, route, status, duration_ms, %client, "answered");
        }
    }
}

/// A response body that keeps the record open until its last byte.
struct Recorded {
    body: BoxBody,
    _record: Record,
}

impl MessageBody for Recorded {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let _entered = self._record.span.clone().entered();
        Pin::new(&mut self.body).poll_next(context)
    }
}
