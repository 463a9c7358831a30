//! A door in front of a server, for tests of what happens when the server cannot be reached.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Passes TCP connections on while it is open; while it is shut, those that stand are cut and new ones closed at once;
/// while it is silent, they stand and nothing passes.
pub struct Gate {
    address: SocketAddr,
    open: watch::Sender<bool>,
    silent: watch::Sender<bool>,
    trap: Arc<Mutex<Option<Trap>>>,
}

/// Cuts the first connection on which a client sends certain bytes.
#[derive(Clone, Copy)]
struct Trap {
    bytes: &'static [u8],
    /// Whether the server gets them, and only its answer is lost.
    reaches: bool,
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
        let (silent, is_silent) = watch::channel(false);
        let trap = Arc::new(Mutex::new(None));
        let set = Arc::clone(&trap);
        tokio::spawn(async move {
            while let Ok((inside, _)) = listener.accept().await {
                tokio::spawn(pass(inside, server, is_open.clone(), is_silent.clone(), Arc::clone(&set)));
            }
        });
        Self { address, open, silent, trap }
    }

    /// Its URL in place of the server's.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address in place of the server's.
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

    /// From now on nothing comes through, and nobody is told: connections that stand, and those that are made
    /// meanwhile, are never heard of again.
    pub fn fall_silent(&self) {
        self.silent.send_replace(true);
    }

    /// New connections reach the server again.
    pub fn speak(&self) {
        self.silent.send_replace(false);
    }

    /// The next connection on which a client sends `bytes` is cut before they reach the server.
    pub fn cut_before(&self, bytes: &'static [u8]) {
        self.set(Trap { bytes, reaches: false });
    }

    /// The next connection on which a client sends `bytes` is cut when the server has answered, before the answer
    /// reaches the client.
    pub fn lose_answer_to(&self, bytes: &'static [u8]) {
        self.set(Trap { bytes, reaches: true });
    }

    /// Whether a trap that was set has not been stepped on.
    pub fn is_set(&self) -> bool {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn set(&self, trap: Trap) {
        *self.trap.lock().unwrap_or_else(PoisonError::into_inner) = Some(trap);
    }
}

async fn pass(
    client: TcpStream,
    server: SocketAddr,
    mut open: watch::Receiver<bool>,
    mut silent: watch::Receiver<bool>,
    trap: Arc<Mutex<Option<Trap>>>,
) {
    if !*open.borrow() {
        return;
    }
    if *silent.borrow() {
        let _ = open.wait_for(|open| !open).await;
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    // Small questions and answers, as fast as without a gate.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((mut asks, mut told), (mut answers, mut asked)) = (client.into_split(), server.into_split());
    let (lose, mut lost) = watch::channel(false);
    let questions = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = asks.read(&mut buffer).await {
            let stepped_on = {
                let mut trap = trap.lock().unwrap_or_else(PoisonError::into_inner);
                trap.take_if(|trap| buffer[..length].windows(trap.bytes.len()).any(|window| window == trap.bytes))
            };
            if let Some(trap) = stepped_on {
                if !trap.reaches {
                    return;
                }
                lose.send_replace(true);
            }
            if asked.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
        let _ = asked.shutdown().await;
        // The client sends no more; answers may still come.
        std::future::pending::<()>().await;
    };
    let replies = async {
        tokio::select! {
            biased;
            // From here on nothing is passed back: the first thing that comes is the answer.
            _ = lost.wait_for(|lost| *lost) => {}
            _ = copy(&mut answers, &mut told) => return,
        }
        let _ = answers.read(&mut [0; 1024]).await;
    };
    tokio::select! {
        () = questions => return,
        () = replies => return,
        _ = open.wait_for(|open| !open) => return,
        _ = silent.wait_for(|silent| *silent) => {}
    }
    let _ = open.wait_for(|open| !open).await;
}
