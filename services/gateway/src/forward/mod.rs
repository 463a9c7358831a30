//! Requests, forwarded to the directory service in another process: the request as it came, plus a grant that says whose it
//! is. Bodies stream through in both directions untouched.

mod failure;
mod headers;
mod target;

use std::{pin::Pin, sync::Arc, time::Duration};

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    body::{BodySize, SizedStream},
    error::PayloadError,
    http::Method,
    web::{self, Bytes, ServiceConfig},
};
use awc::{Client, ClientResponse, Connector, error::SendRequestError};
use futures_util::Stream;
use rollcall_access::{Authenticated, DirectorySettings, ForwardedRequest, Granted, InternalKeys};
use rollcall_base::Clock;
use rollcall_runtime::{
    Peer, Peers, RequestId,
    http::{BaseUrl, SharedBody, Tolerated},
    peers::IDLE_CONNECTION,
};
use rustls::ClientConfig;
use tracing::Span;

use self::failure::Failure;
use crate::Api;

/// Who forwarded requests are for.
const AUDIENCE: &str = "directory";

/// How requests are forwarded.
#[derive(Debug, Clone)]
pub struct ForwarderConfig {
    /// How long to try to connect.
    pub connect_within: Duration,
    /// How long to wait for the head of an answer once the request is being sent.
    pub answer_within: Duration,
    /// The most bytes of a request body, for the error that says so; the server itself holds it.
    pub body_bytes: usize,
    /// What TLS to the directory service trusts.
    pub tls: ClientConfig,
}

/// Forwards what the gateway let through to the directory service. Cheap to clone.
#[derive(Clone)]
pub struct Forwarder(Arc<Inner>);

struct Inner {
    peers: Arc<Peers>,
    keys: InternalKeys,
    clock: Arc<dyn Clock>,
    config: ForwarderConfig,
}

/// One for each worker: connections belong to the thread that opened them.
struct Worker {
    api: Api,
    inner: Arc<Inner>,
    http: Client,
}

impl Forwarder {
    /// Forwards to `peers` with grants signed with `keys`.
    pub fn new(peers: Arc<Peers>, keys: InternalKeys, clock: Arc<dyn Clock>, config: ForwarderConfig) -> Self {
        Self(Arc::new(Inner { peers, keys, clock, config }))
    }

    /// Takes every path. To be given to [`crate::Gateway::mount`] in place of the directory service's own routes.
    pub fn configure(&self, api: Api, routes: &mut ServiceConfig) {
        let config = &self.0.config;
        let connector = Connector::new()
            .timeout(config.connect_within)
            .handshake_timeout(config.connect_within)
            // Shorter than any server keeps an idle connection, so that none is used that is being closed.
            .conn_keep_alive(IDLE_CONNECTION)
            .limit(0)
            .rustls_0_23(Arc::new(http1(config.tls.clone())));
        let http = Client::builder()
            .connector(connector)
            .timeout(config.answer_within)
            .no_default_headers()
            .disable_redirects()
            .finish();
        let worker = web::Data::new(Worker { api, inner: Arc::clone(&self.0), http });
        for path in ["", "/{path:.*}"] {
            routes.service(web::resource(path).app_data(web::Data::clone(&worker)).route(web::route().to(forward)));
        }
    }
}

/// Bodies of unknown length and early answers are simplest over HTTP/1.1, and the services are neighbours.
fn http1(mut tls: ClientConfig) -> ClientConfig {
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    tls
}

async fn forward(worker: web::Data<Worker>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    match worker.forward(&request, SharedBody::new(payload.into_inner())).await {
        Ok(answer) => relay(&request, answer),
        Err(failure) => {
            failure.log();
            failure.to_response(worker.api)
        }
    }
}

impl Worker {
    async fn forward(&self, request: &HttpRequest, body: SharedBody) -> Result<Answer, Failure> {
        let granted = granted(request).ok_or(Failure::NotAdmitted)?;
        let target = target::in_short_form(self.api, request.uri());
        let mut last = Failure::NoAddress;
        for peer in self.inner.peers.in_turn() {
            if !body.is_whole() {
                break;
            }
            match self.send(&peer, request, &granted, &target, body.clone()).await {
                Ok(answer) if headers::refuses_grant(answer.headers()) => return Err(Failure::GrantRefused),
                Ok(answer) => return Ok(answer),
                Err(SendRequestError::Connect(error)) => {
                    // Nothing was sent, so another address may be asked.
                    peer.is_down();
                    last = Failure::Unreachable(error);
                }
                Err(error) => {
                    return Err(match body.failure(self.inner.config.body_bytes) {
                        Some(failure) => Failure::Body(failure),
                        None => Failure::Interrupted(error),
                    });
                }
            }
        }
        Err(last)
    }

    async fn send(
        &self,
        peer: &Peer,
        request: &HttpRequest,
        granted: &Granted,
        target: &str,
        body: SharedBody,
    ) -> Result<Answer, SendRequestError> {
        let inner = &self.inner;
        let forwarded = ForwardedRequest { audience: AUDIENCE, method: request.method().as_str(), target };
        let grant = inner.keys.grant(granted, &forwarded, inner.clock.now());
        let mut sent = self.http.request(request.method().clone(), format!("{}{target}", peer.url())).no_decompress();
        headers::forwarded(request.headers(), &granted.request_id, &grant, sent.headers_mut());
        match headers::body_size(request) {
            BodySize::None => sent.send().await,
            BodySize::Sized(length) => sent.send_body(SizedStream::new(length, body)).await,
            BodySize::Stream => sent.send_stream(body).await,
        }
    }
}

type Answer = ClientResponse<Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>>;

/// What the gateway's authentication found out.
fn granted(request: &HttpRequest) -> Option<Granted> {
    let extensions = request.extensions();
    Some(Granted {
        authenticated: extensions.get::<Authenticated>()?.clone(),
        settings: *extensions.get::<DirectorySettings>()?,
        base_url: extensions.get::<BaseUrl>()?.0.to_string(),
        request_id: extensions.get::<RequestId>()?.to_string(),
    })
}

/// The answer as it came.
fn relay(request: &HttpRequest, answer: Answer) -> HttpResponse {
    let mut response = HttpResponse::build(answer.status());
    if let Some(tolerated) = Tolerated::of(answer.headers()) {
        tolerated.record(&Span::current());
    }
    headers::relayed(answer.headers(), &mut response);
    let length = headers::length(answer.headers());
    let bodiless = request.method() == Method::HEAD || matches!(answer.status().as_u16(), 204 | 304);
    match length {
        _ if bodiless => response.finish(),
        Some(length) => response.body(SizedStream::new(length, answer)),
        None => response.streaming(answer),
    }
}
