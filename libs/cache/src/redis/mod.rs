//! Redis: one connection for commands, one for messages, and a breaker before both are missed by anybody.

mod breaker;
mod connector;
mod link;
mod notices;
mod url;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{ErrorKind, FromRedisValue, Pipeline, RedisError, ServerErrorKind};
use rollcall_base::Entropy;
use tokio::task::JoinHandle;

use self::{
    breaker::{Breaker, Permit, Turn},
    connector::{Connection, Connector},
    link::{Held, Link},
    notices::Hub,
};
use crate::{metrics::CacheMetrics, stripes::Stripes};

pub use url::{RedisUrl, RedisUrlError};

/// How Redis is reached.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Where it is.
    pub url: RedisUrl,
    /// The certificate authority of its servers in PEM; without it, those of the system. Only with TLS.
    pub ca: Option<Vec<u8>>,
    /// What every key and channel of this installation begins with.
    pub prefix: String,
    /// The most that anybody waits for an answer.
    pub command_timeout: Duration,
    /// The most that connecting to one server may take.
    pub connect_timeout: Duration,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the settings of Redis cannot be used")]
pub struct RedisSettingsError(#[from] RedisError);

/// Why a command brought nothing. Whoever asked goes on without Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outage {
    /// No answer in time.
    Timeout,
    /// No connection.
    Connection,
    /// The server answered that it will not.
    Refused,
    /// It failed so often that it is not asked at the moment.
    NotAsked,
}

impl Outage {
    const fn kind(self) -> Option<&'static str> {
        match self {
            Self::Timeout => Some("timeout"),
            Self::Connection => Some("connection"),
            Self::Refused => Some("refused"),
            Self::NotAsked => None,
        }
    }
}

/// A Redis that several caches use. Cheap to clone; what runs in the background ends with the last clone.
#[derive(Clone)]
pub struct Redis(Arc<Running>);

struct Running {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// What the background works on, too.
struct Shared {
    settings: RedisSettings,
    connector: Connector,
    link: Link,
    breaker: Breaker,
    hub: Hub,
    metrics: CacheMetrics,
    entropy: Arc<dyn Entropy>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Redis {
    /// A Redis for values, notices and leases. Waits a moment for the first connection; when it does not come the process goes
    /// on without, and is served by Redis as soon as it can be reached. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`RedisSettingsError`] if a certificate cannot be read.
    pub async fn connect(
        settings: RedisSettings,
        entropy: Arc<dyn Entropy>,
        metrics: &CacheMetrics,
    ) -> Result<Self, RedisSettingsError> {
        let connector = Connector::new(&settings)?;
        let shared = Arc::new(Shared {
            connector,
            link: Link::default(),
            breaker: Breaker::new(metrics.breaker()),
            hub: Hub::default(),
            metrics: metrics.clone(),
            entropy,
            settings,
        });
        let tasks =
            vec![tokio::spawn(notices::listen(Arc::clone(&shared))), tokio::spawn(link::keep(Arc::clone(&shared)))];
        let redis = Self(Arc::new(Running { shared, tasks }));
        let shared = &redis.0.shared;
        shared.link.wait(connector::attempt_within(&shared.settings)).await;
        Ok(redis)
    }

    /// Has what is noticed about `name` advance `stripes`, as long as they live; twice, if what is loaded anew comes from
    /// another process that must hear of it itself.
    pub(crate) fn tell(&self, name: &'static str, loads_elsewhere: bool, stripes: &Arc<Stripes>) {
        self.0.shared.hub.add(name, loads_elsewhere, stripes);
    }

    /// The key with this text, as it stands in Redis.
    pub(crate) fn key(&self, text: &str) -> String {
        format!("{}:{text}", self.0.shared.settings.prefix)
    }

    /// Sends `pipeline`, if Redis is in a state to be asked, and waits for its answer for `within`, and never longer than
    /// the setting.
    pub(crate) async fn query<T: FromRedisValue>(&self, pipeline: &Pipeline, within: Duration) -> Result<T, Outage> {
        let shared = &self.0.shared;
        let permit = shared.breaker.admit(Instant::now()).ok_or(Outage::NotAsked)?;
        shared.settle(permit, within, async |connection: Connection| connection.query(pipeline).await).await
    }

    /// Sends `pipeline` and then `message` to everybody, whatever the breaker says, twice if it must be: for what ought
    /// not to be left undone.
    pub(crate) async fn insist(&self, pipeline: &Pipeline, message: &str) -> Result<(), Outage> {
        let shared = &self.0.shared;
        let mut last = Outage::Connection;
        for _ in 0..2 {
            // A connection that was lost lately is replaced within this.
            shared.link.wait(shared.settings.connect_timeout).await;
            match shared.announce(shared.breaker.insist(), shared.settings.command_timeout * 2, pipeline, message).await
            {
                Ok(()) => return Ok(()),
                Err(outage) => last = outage,
            }
        }
        Err(last)
    }

    /// The same once, and only if Redis is in a state to be asked: nobody waits longer than for any other command.
    pub(crate) async fn announce(&self, pipeline: &Pipeline, message: &str) -> Result<(), Outage> {
        let shared = &self.0.shared;
        let permit = shared.breaker.admit(Instant::now()).ok_or(Outage::NotAsked)?;
        shared.announce(permit, shared.settings.command_timeout, pipeline, message).await
    }

    /// The most that anybody waits for an answer.
    pub(crate) fn command_timeout(&self) -> Duration {
        self.0.shared.settings.command_timeout
    }
}

impl Shared {
    fn channel(&self) -> String {
        format!("{}:notices", self.settings.prefix)
    }

    async fn announce(
        &self,
        permit: Permit<'_>,
        within: Duration,
        pipeline: &Pipeline,
        message: &str,
    ) -> Result<(), Outage> {
        let channel = self.channel();
        let send = async |connection: Connection| {
            connection.clone().query::<()>(pipeline).await?;
            connection.publish(&channel, message).await
        };
        self.settle(permit, within, send).await
    }

    /// Does `work` with the connection, and draws the consequences.
    async fn settle<T>(
        &self,
        permit: Permit<'_>,
        within: Duration,
        work: impl AsyncFnOnce(Connection) -> Result<T, RedisError>,
    ) -> Result<T, Outage> {
        let Some(Held { connection, number }) = self.link.current() else {
            self.failed(permit, Outage::Connection);
            return Err(Outage::Connection);
        };
        let outage = match tokio::time::timeout(within, work(connection)).await {
            Ok(Ok(answer)) => {
                self.answered(permit);
                return Ok(answer);
            }
            Ok(Err(error)) => {
                let (outage, verdict) = judge(&error);
                match verdict {
                    Verdict::Alive => {
                        self.metrics.failed(outage.kind());
                        self.refused(&error);
                        self.answered(permit);
                        return Err(outage);
                    }
                    Verdict::Slow => {}
                    Verdict::Lost => self.link.lose(number),
                }
                outage
            }
            Err(_) => Outage::Timeout,
        };
        if self.failed(permit, outage) == Turn::Opened {
            // A connection to somebody who is silent may be one to nobody.
            self.link.lose(number);
        }
        Err(outage)
    }

    fn answered(&self, permit: Permit<'_>) {
        if permit.good() == Turn::Closed {
            tracing::info!("Redis answers again and is used");
        }
    }

    fn failed(&self, permit: Permit<'_>, outage: Outage) -> Turn {
        self.metrics.failed(outage.kind());
        let turn = permit.bad(Instant::now());
        if turn == Turn::Opened {
            tracing::warn!(
                reason = outage.kind(),
                "Redis does not answer: until it does everything is read from the database, and rates are counted by each \
                 process for itself"
            );
        }
        turn
    }

    fn refused(&self, error: &RedisError) {
        if self.metrics.may_warn() {
            tracing::warn!(
                code = error.code(),
                "Redis refuses a command; does its user have the rights that it needs?"
            );
        }
    }
}

/// What an error says about the server and the connection.
enum Verdict {
    /// It answered: the command was wrong for it.
    Alive,
    /// It may answer the next time.
    Slow,
    /// Another connection is needed, perhaps to another server.
    Lost,
}

fn judge(error: &RedisError) -> (Outage, Verdict) {
    use ServerErrorKind as Kind;
    match error.kind() {
        ErrorKind::Server(
            Kind::ReadOnly | Kind::MasterDown | Kind::BusyLoading | Kind::ClusterDown | Kind::Moved | Kind::TryAgain,
        )
        | ErrorKind::AuthenticationFailed => (Outage::Refused, Verdict::Lost),
        ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::UnexpectedReturnType => {
            (Outage::Refused, Verdict::Alive)
        }
        _ if error.is_timeout() => (Outage::Timeout, Verdict::Slow),
        _ => (Outage::Connection, Verdict::Lost),
    }
}
