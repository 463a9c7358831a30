//! The other services of a split installation: several addresses that do the same, and which of them to ask now.

use std::{
    error::Error,
    fs, io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::{
    config::{InternalConfig, PublicUrl},
    http::ReadinessCheck,
};

/// How often every address is asked whether it is ready, and how long it may take to say so. Together with
/// [`IDLE_CONNECTION`] they stay below the shortest sensible `internal.drain_seconds`: an address that is about to stop
/// is left in peace before it stops.
const PROBE_EVERY: Duration = Duration::from_millis(400);
const PROBE_WITHIN: Duration = Duration::from_secs(1);
/// How long a connection to another service is kept open unused.
pub const IDLE_CONNECTION: Duration = Duration::from_millis(1500);

/// Why other services cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The certificate file.
    #[error("the file {} of internal.ca cannot be used: {reason}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client.
    #[error("the HTTP client for other services cannot be made")]
    Client(#[from] reqwest::Error),
}

/// One address of a service.
#[derive(Debug)]
pub struct Peer {
    url: String,
    ready: AtomicBool,
    /// Why it was not ready when it was last asked.
    trouble: Mutex<Option<String>>,
}

impl Peer {
    /// Scheme, host and port, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// It could not be reached: others are asked first until it says that it is ready again.
    pub fn is_down(&self) {
        if self.ready.swap(false, Ordering::Relaxed) {
            tracing::warn!(address = self.url, "a service does not answer");
            let mut last = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            last.get_or_insert_with(|| "it does not answer".to_owned());
        }
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the question whether it is ready came to. Logged when it changes: it is asked all the time.
    fn said(&self, service: &'static str, trouble: Option<String>) {
        let ready = trouble.is_none();
        self.ready.store(ready, Ordering::Relaxed);
        let mut last = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == trouble {
            return;
        }
        match &trouble {
            None => tracing::info!(service, address = self.url, "a service is ready"),
            Some(reason) => tracing::warn!(service, address = self.url, reason, "a service is not ready"),
        }
        *last = trouble;
    }
}

/// All addresses of a service.
#[derive(Debug)]
pub struct Peers {
    name: &'static str,
    peers: Vec<Arc<Peer>>,
    turn: AtomicUsize,
}

impl Peers {
    /// The addresses of the service `name`. None counts as ready before it said so.
    pub fn new(name: &'static str, urls: &[PublicUrl]) -> Self {
        let peer = |url: &PublicUrl| {
            let trouble = Mutex::new(Some("not asked yet".to_owned()));
            Arc::new(Peer { url: url.to_string(), ready: AtomicBool::new(false), trouble })
        };
        Self { name, peers: urls.iter().map(peer).collect(), turn: AtomicUsize::new(0) }
    }

    /// All addresses in the order in which to try them: those that are ready, each first in its turn; then the others,
    /// for want of better.
    pub fn in_turn(&self) -> Vec<Arc<Peer>> {
        let mut order: Vec<Arc<Peer>> = self.peers.clone();
        if !order.is_empty() {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % order.len();
            order.rotate_left(turn);
        }
        order.sort_by_key(|peer| !peer.ready.load(Ordering::Relaxed));
        order
    }

    /// Asks every address again and again whether it is ready. Runs until it is dropped.
    pub async fn watch(self: Arc<Self>, http: reqwest::Client) {
        loop {
            self.probe(&http).await;
            tokio::time::sleep(PROBE_EVERY).await;
        }
    }

    async fn probe(&self, http: &reqwest::Client) {
        join_all(self.peers.iter().map(|peer| async {
            let answer = http.get(format!("{}/health/ready", peer.url)).timeout(PROBE_WITHIN).send().await;
            let trouble = match answer {
                Ok(answer) if answer.status().is_success() => None,
                Ok(answer) => Some(format!("it answers {} to /health/ready", answer.status().as_u16())),
                Err(error) => Some(told(error)),
            };
            peer.said(self.name, trouble);
        }))
        .await;
    }
}

#[async_trait]
impl ReadinessCheck for Peers {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn check(&self) -> Result<(), String> {
        if self.peers.iter().any(|peer| peer.ready.load(Ordering::Relaxed)) {
            return Ok(());
        }
        let each = |peer: &Arc<Peer>| format!("{}: {}", peer.url, peer.trouble().unwrap_or_default());
        let each: Vec<String> = self.peers.iter().map(each).collect();
        Err(format!("none of its {} addresses is ready ({})", self.peers.len(), each.join("; ")))
    }
}

/// An error with what caused it, down to what the system or the TLS library said. The address stands beside it.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

/// A client for short questions to other services.
///
/// # Errors
/// [`PeerError`]
pub fn client(config: &InternalConfig) -> Result<reqwest::Client, PeerError> {
    crate::http::install_crypto_provider();
    let authorities = authorities(config)?;
    let certificates =
        authorities.iter().map(|der| reqwest::Certificate::from_der(der)).collect::<Result<Vec<_>, _>>()?;
    Ok(reqwest::Client::builder()
        .tls_certs_only(certificates)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(IDLE_CONNECTION)
        .connect_timeout(Duration::from_millis(config.connect_ms))
        .timeout(Duration::from_secs(config.answer_seconds))
        .build()?)
}

/// What TLS to other services trusts.
///
/// # Errors
/// [`PeerError::Authority`]
pub fn tls(config: &InternalConfig) -> Result<ClientConfig, PeerError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities(config)?);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(config, error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn authorities(config: &InternalConfig) -> Result<Vec<CertificateDer<'static>>, PeerError> {
    let Some(path) = &config.ca else { return Ok(Vec::new()) };
    let text = fs::read(path).map_err(|error: io::Error| unusable(config, error.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| unusable(config, error.to_string()))?;
    if found.is_empty() {
        return Err(unusable(config, "it holds no PEM certificate".to_owned()));
    }
    Ok(found)
}

fn unusable(config: &InternalConfig, reason: String) -> PeerError {
    PeerError::Authority { path: config.ca.clone().unwrap_or_default(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers() -> Peers {
        let urls: Vec<PublicUrl> =
            ["http://10.0.0.1:1", "http://10.0.0.2:1", "http://10.0.0.3:1"].map(|url| url.parse().unwrap()).into();
        Peers::new("directory", &urls)
    }

    fn first(peers: &Peers) -> String {
        peers.in_turn()[0].url().to_owned()
    }

    #[test]
    fn those_that_are_ready_take_turns_and_the_others_come_last() {
        let peers = peers();
        for peer in &peers.peers[1..] {
            peer.ready.store(true, Ordering::Relaxed);
        }
        let firsts: Vec<String> = (0..6).map(|_| first(&peers)).collect();
        assert!(firsts.iter().all(|url| url != "http://10.0.0.1:1"), "{firsts:?}");
        assert!(firsts.contains(&"http://10.0.0.2:1".to_owned()) && firsts.contains(&"http://10.0.0.3:1".to_owned()));
        let order = peers.in_turn();
        assert_eq!((order.len(), order[2].url()), (3, "http://10.0.0.1:1"));
    }

    #[tokio::test]
    async fn a_service_is_ready_while_one_of_its_addresses_is() {
        let peers = peers();
        assert!(peers.check().await.is_err());
        peers.peers[2].ready.store(true, Ordering::Relaxed);
        assert_eq!(peers.check().await, Ok(()));
        peers.in_turn()[0].is_down();
        assert!(peers.check().await.is_err());
    }
}
