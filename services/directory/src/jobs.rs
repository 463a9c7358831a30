//! Background work of the directory service.

use std::{sync::Arc, time::Duration};

use rollcall_access::JobScope;
use rollcall_base::{Clock, DAY};
use rollcall_store::{DELETED_KEPT, DirectoryRecord, Store};
use tokio::time::sleep;

/// Changes that are numbered at once.
const BATCH: u32 = 500;
/// How long the sequencer waits when there is nothing to number.
const IDLE: Duration = Duration::from_millis(250);
/// How long a job waits after a failure, so that a database that is down is not hammered.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// How often deleted resources are looked through.
const ERASE_EVERY: Duration = Duration::from_secs(600);
/// Rows that one step of the eraser removes.
const ERASE_ROWS: u32 = 1000;

/// How long it is known what was tolerated of a directory's client.
pub const TOLERATED_KEPT: Duration = DAY.saturating_mul(400);

/// Numbers accepted changes: outbox → event, and keeps the counts. `receiving` is called with each directory whose first
/// change came, which is in another state then. Runs until it is dropped.
pub async fn sequencer<T: Future<Output = ()>>(store: Store, receiving: impl Fn(DirectoryRecord) -> T) {
    let jobs = store.jobs(&JobScope::of_service("sequencer"));
    loop {
        match jobs.number(BATCH).await {
            Ok(done) if done.numbered == 0 => sleep(IDLE).await,
            Ok(done) => {
                for directory in done.receiving {
                    receiving(directory).await;
                }
            }
            Err(error) => {
                tracing::warn!(error = %error, "changes could not be numbered; trying again");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// Erases what was deleted more than [`DELETED_KEPT`] ago, and what its directory wants erased at once, in small steps. Runs until it is dropped.
pub async fn eraser(store: Store, clock: Arc<dyn Clock>) {
    let jobs = store.jobs(&JobScope::of_service("eraser"));
    loop {
        match jobs.purge_deleted(clock.now().minus(DELETED_KEPT), ERASE_ROWS).await {
            Ok(0) => sleep(ERASE_EVERY).await,
            Ok(_) => sleep(IDLE).await,
            Err(error) => {
                tracing::warn!(error = %error, "deleted resources could not be erased; trying again");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// Erases what was tolerated more than [`TOLERATED_KEPT`] ago, in small steps. Runs until it is dropped.
pub async fn tolerated_eraser(store: Store, clock: Arc<dyn Clock>) {
    let jobs = store.jobs(&JobScope::of_service("tolerated-eraser"));
    loop {
        match jobs.purge_tolerated(clock.now().minus(TOLERATED_KEPT), ERASE_ROWS).await {
            Ok(0) => sleep(ERASE_EVERY).await,
            Ok(_) => sleep(IDLE).await,
            Err(error) => {
                tracing::warn!(error = %error, "what was tolerated long ago could not be erased; trying again");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}
