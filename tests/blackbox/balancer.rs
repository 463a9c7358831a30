//! A TCP load balancer, as there is one in front of several gateways: it asks each whether it is ready, and gives new
//! connections to those that are.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use crate::server::health;

const PROBE_EVERY: Duration = Duration::from_millis(200);

struct Backend {
    address: SocketAddr,
    ready: AtomicBool,
}

/// Lives as long as the Tokio runtime.
pub(crate) struct Balancer {
    backends: Vec<Backend>,
    turn: AtomicUsize,
}

impl Balancer {
    /// Listens on `address` before `backends`.
    pub(crate) async fn start(address: SocketAddr, backends: &[SocketAddr]) -> Arc<Self> {
        let backend = |address: &SocketAddr| Backend { address: *address, ready: AtomicBool::new(false) };
        let balancer = Arc::new(Self { backends: backends.iter().map(backend).collect(), turn: AtomicUsize::new(0) });
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::spawn(Arc::clone(&balancer).probe());
        let accepting = Arc::clone(&balancer);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&accepting).pass(client));
            }
        });
        balancer
    }

    /// Whether new connections go to `backend`.
    pub(crate) fn sends_to(&self, backend: SocketAddr) -> bool {
        self.backends.iter().any(|one| one.address == backend && one.ready.load(Ordering::SeqCst))
    }

    async fn probe(self: Arc<Self>) {
        loop {
            for (number, backend) in self.backends.iter().enumerate() {
                let address = self.backends[number].address;
                let asked = tokio::task::spawn_blocking(move || health(address, "/health/ready"));
                let ready = asked.await.unwrap().is_some_and(|answer| answer.starts_with("HTTP/1.1 200"));
                backend.ready.store(ready, Ordering::SeqCst);
            }
            tokio::time::sleep(PROBE_EVERY).await;
        }
    }

    async fn pass(self: Arc<Self>, mut client: TcpStream) {
        let turn = self.turn.fetch_add(1, Ordering::SeqCst);
        let count = self.backends.len();
        let in_turn = (0..count).map(|number| &self.backends[(turn + number) % count]);
        for backend in in_turn.filter(|backend| backend.ready.load(Ordering::SeqCst)) {
            if let Ok(mut server) = TcpStream::connect(backend.address).await {
                // Whichever side ends the connection ends it for the other.
                let _ = copy_bidirectional(&mut client, &mut server).await;
                return;
            }
        }
    }
}
