//! Connections to one server, to the master that sentinels name, or to a cluster.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError,
    RedisResult, TlsCertificates,
    aio::{MultiplexedConnection, PubSub},
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use rollcall_base::SecretText;
use tokio::sync::Mutex;

use super::{
    RedisSettings,
    url::{RedisUrl, Shape},
};

/// A connection that many use at once. Cheap to clone.
#[derive(Clone)]
pub(crate) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    /// Sends all commands of `pipeline`, which are about one slot, in one go.
    pub(crate) async fn query<T: FromRedisValue>(self, pipeline: &Pipeline) -> RedisResult<T> {
        match self {
            Self::One(mut connection) => pipeline.query_async(&mut connection).await,
            Self::Cluster(mut connection) => pipeline.query_async(&mut connection).await,
        }
    }

    /// Publishes `message`.
    pub(crate) async fn publish(self, channel: &str, message: &str) -> RedisResult<()> {
        let mut command = redis::cmd("PUBLISH");
        command.arg(channel).arg(message);
        match self {
            Self::One(mut connection) => command.exec_async(&mut connection).await,
            Self::Cluster(mut connection) => command.exec_async(&mut connection).await,
        }
    }
}

/// Makes connections.
pub(crate) struct Connector {
    kind: Kind,
    each: AsyncConnectionConfig,
}

enum Kind {
    Single(Box<Client>),
    Sentinel(Box<Mutex<SentinelClient>>),
    Cluster { client: Box<ClusterClient>, nodes: Vec<Client> },
}

impl Connector {
    /// Connects to nobody yet.
    pub(crate) fn new(settings: &RedisSettings) -> RedisResult<Self> {
        let url = &settings.url;
        let certificates = settings.ca.clone().map(|ca| TlsCertificates { client_tls: None, root_cert: Some(ca) });
        let clients = || url.nodes.iter().map(|node| client(url, node, certificates.as_ref())).collect();
        let kind = match &url.shape {
            Shape::Single => {
                let one: RedisResult<Vec<Client>> = clients();
                Kind::Single(Box::new(one?.pop().ok_or((ErrorKind::InvalidClientConfig, "no server"))?))
            }
            Shape::Sentinel { master, user, password } => {
                let who = (user.as_deref(), password.as_ref().map(SecretText::expose));
                Kind::Sentinel(Box::new(Mutex::new(sentinel(url, master, who, certificates)?)))
            }
            Shape::Cluster => {
                Kind::Cluster { client: Box::new(cluster(settings, certificates.clone())?), nodes: clients()? }
            }
        };
        let each = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_response_timeout(Some(settings.command_timeout));
        Ok(Self { kind, each })
    }

    /// A connection for commands.
    pub(crate) async fn connect(&self) -> RedisResult<Connection> {
        match &self.kind {
            Kind::Single(client) => {
                client.get_multiplexed_async_connection_with_config(&self.each).await.map(Connection::One)
            }
            Kind::Sentinel(sentinel) => {
                let master = sentinel.lock().await.async_get_client().await?;
                master.get_multiplexed_async_connection_with_config(&self.each).await.map(Connection::One)
            }
            Kind::Cluster { client, .. } => client.get_async_connection().await.map(Connection::Cluster),
        }
    }

    /// A connection for messages. What is published reaches every node of a cluster, so any will do; `number` chooses.
    pub(crate) async fn listen(&self, number: usize) -> RedisResult<PubSub> {
        match &self.kind {
            Kind::Single(client) => client.get_async_pubsub().await,
            Kind::Sentinel(sentinel) => sentinel.lock().await.async_get_client().await?.get_async_pubsub().await,
            Kind::Cluster { nodes, .. } => nodes[number % nodes.len()].get_async_pubsub().await,
        }
    }
}

fn address(url: &RedisUrl, (host, port): &(String, u16)) -> ConnectionAddr {
    if url.is_tls {
        ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None }
    } else {
        ConnectionAddr::Tcp(host.clone(), *port)
    }
}

fn client(url: &RedisUrl, node: &(String, u16), certificates: Option<&TlsCertificates>) -> RedisResult<Client> {
    let info = address(url, node).into_connection_info()?;
    let mut settings = info.redis_settings().clone().set_db(url.database);
    if let Some(user) = &url.user {
        settings = settings.set_username(user);
    }
    if let Some(password) = &url.password {
        settings = settings.set_password(password.expose());
    }
    let info = info.set_redis_settings(settings);
    match certificates.filter(|_| url.is_tls) {
        Some(certificates) => Client::build_with_tls(info, certificates.clone()),
        None => Client::open(info),
    }
}

fn sentinel(
    url: &RedisUrl,
    master: &str,
    (user, password): (Option<&str>, Option<&str>),
    certificates: Option<TlsCertificates>,
) -> RedisResult<SentinelClient> {
    let nodes = url.nodes.iter().map(|node| address(url, node));
    let mut builder = SentinelClientBuilder::new(nodes, master, SentinelServerType::Master)?;
    builder = builder.set_client_to_redis_db(url.database);
    if url.is_tls {
        builder = builder.set_client_to_redis_tls_mode(redis::TlsMode::Secure);
        if let Some(certificates) = certificates {
            builder = builder
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates);
        }
    }
    if let Some(user) = &url.user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = &url.password {
        builder = builder.set_client_to_redis_password(password.expose());
    }
    if let Some(user) = user {
        builder = builder.set_client_to_sentinel_username(user);
    }
    if let Some(password) = password {
        builder = builder.set_client_to_sentinel_password(password);
    }
    builder.build()
}

fn cluster(settings: &RedisSettings, certificates: Option<TlsCertificates>) -> RedisResult<ClusterClient> {
    let url = &settings.url;
    let nodes: Result<Vec<_>, RedisError> =
        url.nodes.iter().map(|node| address(url, node).into_connection_info()).collect();
    let mut builder = ClusterClientBuilder::new(nodes?)
        .connection_timeout(settings.connect_timeout)
        .response_timeout(settings.command_timeout)
        // A moved slot is followed; more than that is the breaker's to decide.
        .retries(2)
        .min_retry_wait(1)
        .max_retry_wait(RETRY_WITHIN);
    if let Some(user) = &url.user {
        builder = builder.username(user);
    }
    if let Some(password) = &url.password {
        builder = builder.password(password.expose());
    }
    if let Some(certificates) = certificates.filter(|_| url.is_tls) {
        builder = builder.certs(certificates);
    }
    builder.build()
}

/// Milliseconds.
const RETRY_WITHIN: u64 = 10;

/// The most that one attempt may take: asking sentinels or a cluster for its shape takes several answers.
pub(crate) fn attempt_within(settings: &RedisSettings) -> Duration {
    match settings.url.shape {
        Shape::Single => settings.connect_timeout * 2,
        Shape::Sentinel { .. } | Shape::Cluster => settings.connect_timeout * 6,
    }
}
