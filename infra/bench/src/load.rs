//! The load tool: N connections that are kept open, each of which sends its next request when the last was answered.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::try_join_all;
use http_body_util::{BodyExt, Full};
use hyper::{
    client::conn::http1::{SendRequest, handshake},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, runtime::Runtime};

use crate::error::Failure;

/// One thread: the tool shares the machine with what it measures.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::system("the load tool cannot start"))
}

/// What is sent, and what must come back.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// From the root, query included.
    pub(crate) path: String,
    pub(crate) body: Option<String>,
    pub(crate) expected: u16,
}

impl Request {
    pub(crate) const fn get(path: String) -> Self {
        Self { method: "GET", path, body: None, expected: 200 }
    }

    pub(crate) const fn send(method: &'static str, path: String, body: String, expected: u16) -> Self {
        Self { method, path, body: Some(body), expected }
    }
}

/// Where requests go, and with which token.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    pub(crate) socket: SocketAddr,
    pub(crate) token: Option<String>,
}

/// A connection that is kept open.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    authorization: Option<String>,
}

impl Connection {
    pub(crate) async fn open(address: &Address) -> Result<Self, Failure> {
        let failed = Failure::system(format!("{} cannot be connected to", address.socket));
        let stream = TcpStream::connect(address.socket).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(Failure::system("a socket refuses an option"))?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let authorization = address.token.as_ref().map(|token| format!("Bearer {token}"));
        Ok(Self { sender, host: address.socket.to_string(), authorization })
    }

    /// Sends and reads the whole answer, which must be the expected one.
    pub(crate) async fn send(&mut self, request: Request) -> Result<Bytes, Failure> {
        self.taken(request, &[]).await.map(|(_, body)| body)
    }

    /// The same, where the server may refuse what is too much.
    pub(crate) async fn exchange(&mut self, request: Request) -> Result<(u16, Bytes), Failure> {
        self.taken(request, &[429]).await
    }

    async fn taken(&mut self, request: Request, besides: &[u16]) -> Result<(u16, Bytes), Failure> {
        let Request { method, path, body, expected } = request;
        let mut head = hyper::Request::builder().method(method).uri(&path).header(HOST, &self.host);
        if let Some(authorization) = &self.authorization {
            head = head.header(AUTHORIZATION, authorization);
        }
        if body.is_some() {
            head = head.header(CONTENT_TYPE, "application/scim+json");
        }
        let whole = head.body(Full::new(Bytes::from(body.unwrap_or_default())));
        let whole = whole.map_err(|error| Failure::Told(format!("{method} {path} cannot be sent: {error}")))?;
        let answer = self.sender.send_request(whole).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        if status != expected && !besides.contains(&status) {
            let body = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
            return Err(Failure::Answer { method, path, status, expected, body });
        }
        Ok((status, body))
    }
}

/// What a while of load gave, for one kind of request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken {
    /// Each answer's time.
    pub(crate) times: Vec<Duration>,
    /// Bytes of all answers' bodies.
    pub(crate) bytes: u64,
}

/// Sends what `request` makes, on `connections` at once, for at least `span`. Requests come in cycles of `kinds`, one of
/// each kind, which are finished; `request` is told which connection and which turn of it. Gives what was taken of each
/// kind.
pub(crate) async fn closed_loop(
    address: &Address,
    connections: usize,
    kinds: usize,
    span: Duration,
    request: &impl Fn(usize, u64) -> Request,
) -> Result<Vec<Taken>, Failure> {
    let opened = try_join_all((0..connections).map(|_| Connection::open(address))).await?;
    let until = Instant::now() + span;
    let each = opened.into_iter().enumerate().map(|(number, mut connection)| async move {
        let mut taken = vec![Taken::default(); kinds];
        let mut turn = 0;
        while Instant::now() < until {
            for kind in &mut taken {
                let next = request(number, turn);
                let started = Instant::now();
                let answer = connection.send(next).await?;
                kind.times.push(started.elapsed());
                kind.bytes += answer.len() as u64;
                turn += 1;
            }
        }
        Ok::<_, Failure>(taken)
    });
    let mut whole = vec![Taken::default(); kinds];
    for taken in try_join_all(each).await? {
        for (sum, one) in whole.iter_mut().zip(taken) {
            sum.times.extend(one.times);
            sum.bytes += one.bytes;
        }
    }
    Ok(whole)
}
