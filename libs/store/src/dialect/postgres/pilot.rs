//! Turns a pool to the server that accepts writes, where several are named.

use std::{pin::pin, sync::Arc, time::Duration};

use sqlx::postgres::PgConnectOptions;
use tokio::task::JoinHandle;

use super::{Doubt, Pool, servers};

/// How often the server in use is asked whether it still is the one, when nothing gives a reason to.
const EVERY: Duration = Duration::from_secs(2);
/// The same while none accepts writes.
const SEARCHING: Duration = Duration::from_millis(250);
/// The server in use may take so long to answer before the others are asked as well.
const HEAD_START: Duration = Duration::from_millis(250);

/// The running watch; ends when dropped.
pub(crate) struct Pilot(JoinHandle<()>);

impl Drop for Pilot {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Pilot {
    /// Watches over `pool`, whose connections are made to `current`.
    pub(super) fn start(
        pool: Pool,
        servers: Arc<[PgConnectOptions]>,
        current: PgConnectOptions,
        doubt: Arc<Doubt>,
    ) -> Self {
        Self(tokio::spawn(watch(pool, servers, current, doubt)))
    }
}

async fn watch(pool: Pool, servers: Arc<[PgConnectOptions]>, mut current: PgConnectOptions, doubt: Arc<Doubt>) {
    let mut pause = EVERY;
    loop {
        tokio::select! {
            () = doubt.raised(), if pause == EVERY => {}
            () = tokio::time::sleep(pause) => {}
        }
        match accepting(&servers, &current).await {
            Some(same) if name(&same) == name(&current) => pause = EVERY,
            Some(other) => {
                tracing::warn!(server = %name(&other), before = %name(&current), "turned to another database server");
                pool.turn_to(other.clone());
                current = other;
                // What stands is of the server before.
                doubt.raise();
                pause = EVERY;
            }
            None if pause == EVERY => {
                tracing::warn!(server = %name(&current), "no database server accepts writes");
                pause = SEARCHING;
            }
            None => {}
        }
    }
}

/// A server that accepts writes: the one in use if it says so, and not later than all others.
async fn accepting(servers: &[PgConnectOptions], current: &PgConnectOptions) -> Option<PgConnectOptions> {
    let mut stays = pin!(servers::accepts_writes(current));
    match tokio::time::timeout(HEAD_START, &mut stays).await {
        Ok(true) => return Some(current.clone()),
        Ok(false) => return servers::accepting_now(servers).await,
        Err(_) => {}
    }
    tokio::select! {
        biased;
        true = &mut stays => Some(current.clone()),
        found = servers::accepting_now(servers) => found,
    }
}

fn name(server: &PgConnectOptions) -> String {
    format!("{}:{}", server.get_host(), server.get_port())
}
