//! PostgreSQL: a pool of connections to whichever server accepts writes.

mod doubt;
mod pilot;
mod servers;

use std::{sync::Arc, time::Duration};

use sea_orm::DatabaseConnection;
use sqlx::{
    Connection as _, Executor as _, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub(crate) use doubt::Doubt;
pub(crate) use pilot::Pilot;

use crate::{StoreConfig, StoreError};

/// A connection that nobody used for so long is asked whether it still stands before it is used.
const ASKED_AFTER: Duration = Duration::from_secs(30);
/// A server that needs longer than this to say whether a connection stands is as good as gone.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);
/// How long connections may take to be given back and closed. The process goes without those that are not.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

/// A pool, and what watches over it.
pub(crate) struct Connected {
    pub(crate) connection: DatabaseConnection,
    pub(crate) doubt: Arc<Doubt>,
    /// Where several servers are named.
    pub(crate) pilot: Option<Pilot>,
}

/// Opens the pool. Its first connection stands when this returns.
pub(crate) async fn connect(config: &StoreConfig) -> Result<Connected, StoreError> {
    let servers: Arc<[PgConnectOptions]> = servers::of(config)?.into();
    let doubt = Arc::new(Doubt::default());
    let first = match &*servers {
        [one] => one.clone(),
        several => servers::accepting(several, Duration::from_millis(config.acquire_timeout_ms)).await?,
    };
    let pool = options(config, &doubt).connect_with(first.clone()).await?;
    let pilot = (servers.len() > 1).then(|| Pilot::start(pool.clone(), servers, first, Arc::clone(&doubt)));
    Ok(Connected { connection: pool.into(), doubt, pilot })
}

fn options(config: &StoreConfig, doubt: &Arc<Doubt>) -> PgPoolOptions {
    let seconds = |number: u64| (number > 0).then(|| Duration::from_secs(number));
    let (before, after) = (Arc::clone(doubt), Arc::clone(doubt));
    let keeps_statements = config.statement_cache > 0;
    let most = config.max_connections.max(1);
    PgPoolOptions::new()
        .max_connections(most)
        .min_connections(config.min_connections.min(most))
        .acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
        .idle_timeout(seconds(config.idle_seconds))
        .max_lifetime(seconds(config.lifetime_seconds))
        .test_before_acquire(false)
        .after_connect(|connection, _| Box::pin(servers::refuse_read_only(connection)))
        .before_acquire(move |connection, meta| {
            let doubtful = before.covers(meta.age);
            Box::pin(async move {
                if !doubtful && meta.idle_for >= ASKED_AFTER {
                    stands(connection).await?;
                }
                Ok(!doubtful)
            })
        })
        .after_release(move |connection, meta| {
            let doubtful = after.covers(meta.age);
            Box::pin(async move {
                // Whoever was waiting for an answer may have gone without it. The pool then waits for it, without a
                // bound, and nobody else has the connection's place meanwhile.
                if !doubtful && keeps_statements {
                    stands(connection).await?;
                } else if !doubtful {
                    // Without a cache of its own the driver names a statement each time and forgets the name.
                    bounded(async { connection.execute("DEALLOCATE ALL").await.map(drop) }).await?;
                }
                Ok(!doubtful)
            })
        })
}

async fn stands(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    bounded(connection.ping()).await
}

async fn bounded(answer: impl Future<Output = Result<(), sqlx::Error>>) -> Result<(), sqlx::Error> {
    let late = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(ANSWERS_WITHIN, answer).await.map_err(late)?
}

/// Closes the pool.
pub(crate) async fn close(connection: &DatabaseConnection) {
    match tokio::time::timeout(CLOSED_WITHIN, connection.close_by_ref()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = ?error, "the database connections did not close cleanly"),
        Err(_) => tracing::warn!("the database connections were left to themselves: the server does not answer"),
    }
}
