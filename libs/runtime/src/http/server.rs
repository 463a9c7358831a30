//! Binding, serving, stopping.

use std::{
    future::Future,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
    time::Duration,
};

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::ServerHandle,
    middleware::{NormalizePath, from_fn},
    web::{self, PayloadConfig, ServiceConfig},
};
use futures_util::future::{join_all, try_join_all};
use rollcall_base::Entropy;
use serde_json::json;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
};

use super::{
    Metrics, ReadinessCheck, ServeError,
    certificate::Certificate,
    drain::InFlight,
    health,
    observe::{Edge, observe},
    tls, unread,
};
use crate::config::{HttpConfig, ListenerConfig, Surface, Surfaces};

/// What the requests of all listeners share.
#[derive(Clone)]
pub struct ServerSettings {
    /// How HTTP is spoken.
    pub http: HttpConfig,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// How long to go on serving after a stop signal while `/health/ready` says no, so that whoever sends requests
    /// here can turn elsewhere first. Zero where nobody could.
    pub drain: Duration,
    /// What `/health/ready` asks.
    pub readiness: Vec<Arc<dyn ReadinessCheck>>,
    /// For request ids.
    pub entropy: Arc<dyn Entropy>,
}

/// Bound listeners. Nothing is answered before [`Server::run`].
pub struct Server {
    listeners: Vec<Bound>,
}

struct Bound {
    socket: TcpListener,
    address: SocketAddr,
    surfaces: Surfaces,
    certificate: Option<Arc<Certificate>>,
}

impl Server {
    /// Binds all `listeners`, so that what is in the way shows before anything else is done.
    ///
    /// # Errors
    /// [`ServeError`] that names the address or file and says what to do.
    pub fn bind(listeners: &[ListenerConfig], http: &HttpConfig) -> Result<Self, ServeError> {
        let unread = Duration::from_secs(http.write_seconds);
        let listeners = listeners.iter().map(|listener| Bound::new(listener, unread)).collect::<Result<_, _>>()?;
        Ok(Self { listeners })
    }

    /// The bound addresses, in the listeners' order: with the real port where port 0 was asked for.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|listener| listener.address).collect()
    }

    /// Serves until `stop` is ready, then lets requests that are under way finish for the configured time. `configure`
    /// adds the routes of a listener's surfaces; health and metrics are there already.
    ///
    /// # Errors
    /// [`ServeError::Failed`] if a listener breaks down.
    pub async fn run<F>(
        self,
        settings: ServerSettings,
        configure: F,
        stop: impl Future<Output = ()>,
    ) -> Result<(), ServeError>
    where
        F: Fn(&mut ServiceConfig, &Surfaces) + Clone + Send + 'static,
    {
        let in_flight = InFlight::new();
        let patience = Duration::from_secs(settings.http.shutdown_seconds);
        let mut handles: Vec<ServerHandle> = Vec::new();
        let mut running = Vec::new();
        let mut watched = JoinSet::new();
        for listener in self.listeners {
            if let Some(certificate) = &listener.certificate {
                let every = Duration::from_secs(settings.http.certificate_seconds);
                watched.spawn(Arc::clone(certificate).watch(every));
            }
            let server = listener.start(&settings, &in_flight, configure.clone())?;
            handles.push(server.handle());
            running.push(tokio::spawn(server));
        }
        let mut ended = try_join_all(running);
        tokio::select! {
            outcome = &mut ended => return finished(outcome),
            () = stop => {}
        }
        tracing::info!(requests = in_flight.count(), "stopping");
        in_flight.begin_to_drain();
        tokio::select! {
            outcome = &mut ended => return finished(outcome),
            () = tokio::time::sleep(settings.drain) => {}
        }
        join_all(handles.iter().map(ServerHandle::pause)).await;
        if tokio::time::timeout(patience, in_flight.drained()).await.is_err() {
            tracing::warn!(requests = in_flight.count(), "stopped before all requests were answered");
        }
        join_all(handles.iter().map(|handle| handle.stop(true))).await;
        finished(ended.await)
    }
}

type Joined = Result<Vec<std::io::Result<()>>, tokio::task::JoinError>;

fn finished(outcome: Joined) -> Result<(), ServeError> {
    let outcomes = outcome.map_err(|error| ServeError::Failed(std::io::Error::other(error)))?;
    outcomes.into_iter().collect::<Result<_, _>>().map_err(ServeError::Failed)
}

impl Bound {
    fn new(listener: &ListenerConfig, unread: Duration) -> Result<Self, ServeError> {
        let certificate = listener.tls.as_ref().map(Certificate::read).transpose()?;
        let failed = |source| ServeError::of_bind(listener.address, source);
        let socket = TcpListener::bind(listener.address).map_err(failed)?;
        // Before anybody is served: who connects meanwhile is bounded, too.
        unread::give_up_after(&socket, unread).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address, surfaces: listener.surfaces.clone(), certificate })
    }

    fn start<F>(
        self,
        settings: &ServerSettings,
        in_flight: &InFlight,
        configure: F,
    ) -> Result<actix_web::dev::Server, ServeError>
    where
        F: Fn(&mut ServiceConfig, &Surfaces) + Clone + Send + 'static,
    {
        let http = &settings.http;
        let edge = Arc::new(Edge {
            http: http.clone(),
            metrics: settings.metrics.clone(),
            entropy: Arc::clone(&settings.entropy),
            in_flight: in_flight.clone(),
        });
        let (own, body_bytes, surfaces) = (settings.clone(), http.body_bytes, self.surfaces);
        let server = HttpServer::new(move || {
            let edge = Arc::clone(&edge);
            App::new()
                .app_data(PayloadConfig::new(body_bytes))
                .default_service(web::to(nowhere))
                .configure(|routes| operational(routes, &surfaces, &own, &edge.in_flight))
                .configure(|routes| configure(routes, &surfaces))
                .wrap(NormalizePath::trim())
                .wrap(from_fn(move |request, next| observe(Arc::clone(&edge), request, next)))
        })
        .workers(match http.workers {
            0 => thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        })
        .client_request_timeout(Duration::from_secs(http.header_seconds))
        .keep_alive(Duration::from_secs(http.keep_alive_seconds))
        // Requests are waited for by their count; this is only for connections that have nothing to say.
        .shutdown_timeout(1)
        .disable_signals();
        let server = match self.certificate {
            Some(certificate) => server.listen_rustls_0_23(self.socket, tls::server_config(certificate)?),
            None => server.listen(self.socket),
        };
        Ok(server.map_err(|source| ServeError::of_bind(self.address, source))?.run())
    }
}

fn operational(routes: &mut ServiceConfig, surfaces: &Surfaces, settings: &ServerSettings, in_flight: &InFlight) {
    if surfaces.serves(Surface::Health) {
        let checks: Arc<[Arc<dyn ReadinessCheck>]> = settings.readiness.clone().into();
        let in_flight = in_flight.clone();
        let ready = move || {
            let (checks, in_flight) = (Arc::clone(&checks), in_flight.clone());
            async move { if in_flight.is_draining() { health::stopping() } else { health::ready(&checks).await } }
        };
        routes.route("/health/live", web::get().to(health::live)).route("/health/ready", web::get().to(ready));
    }
    if surfaces.serves(Surface::Metrics) {
        let metrics = settings.metrics.clone();
        routes.route("/metrics", web::get().to(move || std::future::ready(metrics.answer())));
    }
}

/// The answer to a path that no surface of the listener has (RFC 9457).
async fn nowhere() -> HttpResponse {
    HttpResponse::NotFound().content_type("application/problem+json").json(json!({
        "title": "Not Found",
        "status": 404,
        "detail": "There is nothing at this address. A SCIM Base URL has the form /scim/{tenant}/{directory}/v2.",
    }))
}

/// Ready when the process is asked to stop (SIGTERM, or SIGINT as Ctrl-C sends it). Listens from the moment of the call.
///
/// # Errors
/// [`ServeError::Signals`] if the system refuses.
pub fn stop_signal() -> Result<impl Future<Output = ()>, ServeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
