//! A server on a free port.

use std::{
    net::SocketAddr,
    sync::{Arc, Once},
};

use actix_web::{HttpRequest, HttpResponse, web};
use rollcall_base::SystemEntropy;
use rollcall_runtime::{
    ClientAddress, Config, Metrics, Overrides, ReadinessCheck, RequestId, ServeError, Server, ServerSettings, Surface,
    Surfaces,
    http::{install_crypto_provider, read_body},
};
use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    /// A handler that waits was entered, or an endless answer has ended.
    pub(crate) entered: Arc<Notify>,
    /// Lets the handler that waits go on.
    pub(crate) release: Arc<Notify>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| (), Vec::new()).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config), readiness: Vec<Arc<dyn ReadinessCheck>>) -> Self {
        super::log::capture();
        let mut config = defaults();
        config.http.workers = 1;
        change(&mut config);
        let server = Server::bind(&config.listeners, &config.http).unwrap();
        let address = server.addresses()[0];
        let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let waits = (Arc::clone(&entered), Arc::clone(&release));
        let settings = ServerSettings {
            drain: std::time::Duration::ZERO,
            http: config.http,
            metrics: Metrics::new().unwrap(),
            readiness,
            entropy: Arc::new(SystemEntropy),
        };
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            let configure = move |routes: &mut web::ServiceConfig, surfaces: &Surfaces| {
                if surfaces.serves(Surface::Scim) {
                    self::routes(routes, waits.clone());
                }
            };
            let stop = async move {
                let _ = stopped.await;
            };
            server.run(settings, configure, stop).await
        });
        Self { address, entered, release, stop: Some(stop), server }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks the server to stop, without waiting.
    pub(crate) fn ask_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).unwrap();
        }
    }

    pub(crate) async fn stopped(mut self) {
        self.ask_to_stop();
        self.server.await.unwrap().unwrap();
    }
}

/// The default configuration, on a free port.
pub(crate) fn defaults() -> Config {
    let listen = Some("127.0.0.1:0".parse().unwrap());
    Config::load_with(None, [], &Overrides { listen, ..Overrides::default() }).unwrap()
}

pub(crate) fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(install_crypto_provider);
    reqwest::Client::new()
}

fn routes(routes: &mut web::ServiceConfig, (entered, release): (Arc<Notify>, Arc<Notify>)) {
    let gone = Arc::clone(&entered);
    let endless = move || {
        let gone = Gone(Arc::clone(&gone));
        let piece = web::Bytes::from(vec![b'x'; 64 * 1024]);
        let pieces = futures_util::stream::repeat_with(move || {
            let _held = &gone;
            Ok::<_, std::io::Error>(piece.clone())
        });
        async move { HttpResponse::Ok().streaming(pieces) }
    };
    let wait = move || {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        async move {
            entered.notify_one();
            release.notified().await;
            "done"
        }
    };
    routes
        .route("/people/{name}", web::get().to(who))
        .route("/size", web::post().to(size))
        .route("/wait", web::get().to(wait))
        .route("/endless", web::get().to(endless))
        .route("/panic", web::get().to(panics));
}

/// Tells when an answer is over, however it ends.
struct Gone(Arc<Notify>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

async fn who(request: HttpRequest) -> String {
    format!("{} {}", ClientAddress::of_request(&request).0, RequestId::of_request(&request))
}

async fn panics() -> String {
    panic!("on purpose")
}

async fn size(payload: web::Payload) -> HttpResponse {
    match read_body(payload, usize::MAX).await {
        Ok(body) => HttpResponse::Ok().body(body.len().to_string()),
        Err(error) => HttpResponse::build(error.status()).body(error.to_string()),
    }
}
