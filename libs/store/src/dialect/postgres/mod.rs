//! PostgreSQL: a pool of connections to whichever server accepts writes.

mod ask;
mod doubt;
mod pilot;
mod pool;
mod servers;

use std::{sync::Arc, time::Duration};

use sea_orm::DatabaseConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

pub(crate) use ask::{Asker, Transaction};
pub(crate) use doubt::Doubt;
use pilot::Pilot;
pub(crate) use pool::Lease;
use pool::{Caretaker, Pool};

use crate::{StoreConfig, StoreError};

/// A pool, and what watches over it.
pub(crate) struct Connected {
    pub(crate) asker: Asker,
    pub(crate) doubt: Arc<Doubt>,
    pub(crate) watch: Watch,
}

/// What watches over a pool; ends when dropped.
pub(crate) struct Watch {
    _caretaker: Caretaker,
    /// Where several servers are named.
    _pilot: Option<Pilot>,
}

/// Opens the pool. Its first connection stands when this returns.
pub(crate) async fn connect(config: &StoreConfig) -> Result<Connected, StoreError> {
    let (servers, first) = servers_and_first(config).await?;
    let doubt = Arc::new(Doubt::default());
    let pool = Pool::new(first.clone(), Arc::clone(&doubt), config);
    drop(pool.take().await?);
    let pilot = (servers.len() > 1).then(|| Pilot::start(pool.clone(), servers, first, Arc::clone(&doubt)));
    let watch = Watch { _caretaker: pool.looked_after(config), _pilot: pilot };
    Ok(Connected { asker: Asker::new(pool), doubt, watch })
}

/// A few connections of the driver's own kind, for a migration.
pub(crate) async fn connect_for_migration(config: &StoreConfig, most: u32) -> Result<DatabaseConnection, StoreError> {
    let (_, first) = servers_and_first(config).await?;
    let options = PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(Duration::from_millis(config.acquire_timeout_ms))
        // As with SQLite: the driver does not look after the pool.
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(|connection, _| Box::pin(servers::refuse_read_only(connection)));
    Ok(options.connect_with(first).await?.into())
}

async fn servers_and_first(config: &StoreConfig) -> Result<(Arc<[PgConnectOptions]>, PgConnectOptions), StoreError> {
    let servers: Arc<[PgConnectOptions]> = servers::of(config)?.into();
    let first = match &*servers {
        [one] => one.clone(),
        several => servers::accepting(several, Duration::from_millis(config.acquire_timeout_ms)).await?,
    };
    Ok((servers, first))
}

/// How long connections of a migration may take to be given back and closed. The process goes without those that are not.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

/// Closes the connections of a migration.
pub(crate) async fn close(connection: &DatabaseConnection) {
    match tokio::time::timeout(CLOSED_WITHIN, connection.close_by_ref()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = ?error, "the database connections did not close cleanly"),
        Err(_) => tracing::warn!("the database connections were left to themselves: the server does not answer"),
    }
}
