//! The connections to PostgreSQL.
//!
//! The driver's own pool asks a connection that is given back whether it is well, and waits for the answer for as long as
//! it takes: a round trip more for each read, and a place in the pool that a server which falls silent at that moment keeps.
//! Here a connection is given back only between two statements, and then it is well; one that was left in the middle of
//! a statement or a transaction is closed.

use std::{
    num::NonZeroU64,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use deadpool::managed::{self, Metrics, Object, PoolConfig, PoolError, QueueMode, RecycleError, RecycleResult};
use sqlx::{
    ConnectOptions as _, Connection as _, Error as SqlxError, Executor as _, PgConnection, postgres::PgConnectOptions,
};
use tokio::{
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};

use super::{Doubt, servers};
use crate::StoreConfig;

/// A connection that nobody used for so long is asked whether it still stands before it is used.
const ASKED_AFTER: Duration = Duration::from_secs(30);
/// A server that needs longer than this to say whether a connection stands is as good as gone.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);
/// How long connections may take to be given back and closed. The process goes without those that are not.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);
/// The first pause before a server that starts or is away is tried again; it doubles up to the longest.
const AGAIN: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// The longest between two looks at connections that are idle or old.
const LOOK: Duration = Duration::from_secs(10);

/// Connections, at most so many. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pool {
    connections: managed::Pool<Opener>,
    /// How long to wait for one.
    patience: Duration,
}

/// Opens connections, and says which can be used again.
struct Opener {
    server: Mutex<PgConnectOptions>,
    doubt: Arc<Doubt>,
    lifetime: Option<Duration>,
    keeps_statements: bool,
}

/// The running look after idle and old connections; ends when dropped.
pub(crate) struct Caretaker(AbortHandle);

impl Drop for Caretaker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Pool {
    /// A pool of connections to `server`. None stands yet.
    pub(super) fn new(server: PgConnectOptions, doubt: Arc<Doubt>, config: &StoreConfig) -> Self {
        let opener = Opener {
            server: Mutex::new(server),
            doubt,
            lifetime: seconds(config.lifetime_seconds),
            keeps_statements: config.statement_cache > 0,
        };
        // The last one used is the first to be used again, so that those that are not needed grow old.
        let most = config.max_connections.max(1) as usize;
        let settings = PoolConfig { max_size: most, queue_mode: QueueMode::Lifo, ..PoolConfig::default() };
        let connections = managed::Pool::builder(opener).config(settings).build();
        // It fails where timeouts are set without a runtime: none are, waiting is bounded below.
        #[allow(clippy::expect_used)]
        let connections = connections.expect("a pool without timeouts of its own needs no runtime");
        Self { connections, patience: Duration::from_millis(config.acquire_timeout_ms) }
    }

    /// Looks after idle and old connections from now on, and keeps as many as there should at least be.
    pub(super) fn looked_after(&self, config: &StoreConfig) -> Caretaker {
        let least = config.min_connections.min(config.max_connections.max(1)) as usize;
        let task = tokio::spawn(look_after(self.clone(), seconds(config.idle_seconds), least));
        Caretaker(task.abort_handle())
    }

    /// A connection, as soon as there is one.
    ///
    /// # Errors
    /// [`SqlxError::PoolTimedOut`] if there was none in time, what the server says if it refuses.
    pub(crate) async fn take(&self) -> Result<Lease, SqlxError> {
        let until = Instant::now() + self.patience;
        let mut pause = AGAIN;
        loop {
            let taken = tokio::time::timeout_at(until, self.connections.get()).await;
            match taken.map_err(|_| SqlxError::PoolTimedOut)? {
                Ok(object) => return Ok(Lease { object: Some(object), is_between: true }),
                Err(PoolError::Closed) => return Err(SqlxError::PoolClosed),
                Err(PoolError::Backend(error)) if !may_pass(&error) => return Err(error),
                Err(error) => tracing::debug!(error = ?error, "no connection to the database; trying again"),
            }
            if Instant::now() + pause >= until {
                return Err(SqlxError::PoolTimedOut);
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// From now on connections are made to `server`.
    pub(super) fn turn_to(&self, server: PgConnectOptions) {
        *self.connections.manager().server.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }

    /// Closes all connections, those in use when they are given back, and gives out none any more.
    pub(crate) async fn close(&self) {
        let closed = async {
            while self.connections.status().size > 0 {
                self.part(|_| false).await;
                sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(CLOSED_WITHIN, closed).await.is_err() {
            tracing::warn!(
                "some database connections were left to themselves: they were in use, or the server does not answer"
            );
        }
        self.connections.close();
    }

    /// Closes the idle connections that `stays` does not keep.
    async fn part(&self, mut stays: impl FnMut(&Metrics) -> bool) {
        let parted = self.connections.retain(|_, metrics| stays(&metrics)).removed;
        futures_util::future::join_all(parted.into_iter().map(say_goodbye)).await;
    }
}

fn seconds(number: u64) -> Option<Duration> {
    NonZeroU64::new(number).map(|number| Duration::from_secs(number.get()))
}

/// Whether a server that cannot be connected to is perhaps about to start, or to be followed by another.
fn may_pass(error: &SqlxError) -> bool {
    match error {
        SqlxError::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        // Starting, stopping, too many connections; a server that takes no writes.
        SqlxError::Database(error) => matches!(error.code().as_deref(), Some("57P03" | "53300")),
        SqlxError::Configuration(error) => error.is::<servers::ReadOnly>(),
        _ => false,
    }
}

/// Tells the server, so that its log does not speak of a client that was lost.
async fn say_goodbye(connection: PgConnection) {
    let _ = timeout(ANSWERS_WITHIN, connection.close()).await;
}

async fn look_after(pool: Pool, idle: Option<Duration>, least: usize) {
    let manager = pool.connections.manager();
    let shortest = [idle, manager.lifetime].into_iter().flatten().min().unwrap_or(LOOK);
    loop {
        let mut rest = pool.connections.status().size;
        pool.part(|metrics| {
            let is_idle = idle.is_some_and(|idle| metrics.last_used() >= idle) && rest > least;
            let goes = is_idle || manager.is_over(metrics);
            rest -= usize::from(goes);
            !goes
        })
        .await;
        let mut new = Vec::new();
        while pool.connections.status().size < least {
            match pool.take().await {
                Ok(lease) => new.push(lease),
                Err(_) => break,
            }
        }
        drop(new);
        sleep((shortest / 2).min(LOOK)).await;
    }
}

impl Opener {
    /// Whether a connection is too old, or in doubt.
    fn is_over(&self, metrics: &Metrics) -> bool {
        self.doubt.covers(metrics.age()) || self.lifetime.is_some_and(|lifetime| metrics.age() >= lifetime)
    }
}

impl managed::Manager for Opener {
    type Type = PgConnection;
    type Error = SqlxError;

    async fn create(&self) -> Result<PgConnection, SqlxError> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut connection = server.connect().await?;
        servers::refuse_read_only(&mut connection).await?;
        Ok(connection)
    }

    async fn recycle(&self, connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<SqlxError> {
        if self.is_over(metrics) {
            return Err(RecycleError::message("too old, or in doubt"));
        }
        if !self.keeps_statements {
            // Without a cache of its own the driver names a statement each time and forgets the name.
            return bounded(async { connection.execute("DEALLOCATE ALL").await.map(drop) }).await;
        }
        if metrics.last_used() >= ASKED_AFTER {
            return bounded(connection.ping()).await;
        }
        Ok(())
    }
}

async fn bounded(answer: impl Future<Output = Result<(), SqlxError>>) -> RecycleResult<SqlxError> {
    match timeout(ANSWERS_WITHIN, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(RecycleError::message("no answer in time")),
    }
}

/// A connection in use. Given back when it is dropped between two statements and outside of a transaction; closed
/// otherwise.
pub(crate) struct Lease {
    /// There until it is dropped.
    object: Option<Object<Opener>>,
    /// No statement is under way, and no transaction.
    is_between: bool,
}

impl Lease {
    /// The connection, for one use that must be told to have ended well ([`Lease::is_done`]).
    pub(super) fn connection(&mut self) -> Result<&mut PgConnection, SqlxError> {
        self.is_between = false;
        self.object.as_deref_mut().ok_or(SqlxError::PoolClosed)
    }

    /// The last use has ended and nothing is under way.
    pub(super) fn is_done(&mut self) {
        self.is_between = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        match self.object.take() {
            Some(object) if !self.is_between => drop(Object::take(object)),
            _ => {}
        }
    }
}
