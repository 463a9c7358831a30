//! A door in front of a server, for tests of what happens when the server cannot be reached.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Passes TCP connections on while it is open; while it is shut, those that stand are cut and new ones closed at once.
pub struct Gate {
    address: SocketAddr,
    open: watch::Sender<bool>,
}

impl Gate {
    /// An open gate in front of `server`. Lives as long as the Tokio runtime.
    ///
    /// # Panics
    /// If there is no free port.
    #[allow(clippy::expect_used)]
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (open, is_open) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((inside, _)) = listener.accept().await {
                tokio::spawn(pass(inside, server, is_open.clone()));
            }
        });
        Self { address, open }
    }

    /// Its URL in place of the server's.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server cannot be reached from now on.
    pub fn shut(&self) {
        self.open.send_replace(false);
    }

    /// The server can be reached again.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

async fn pass(mut client: TcpStream, server: SocketAddr, mut open: watch::Receiver<bool>) {
    if !*open.borrow() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}
