//! Background work of the token service.

use std::{sync::Arc, time::Duration};

use rollcall_access::JobScope;
use rollcall_base::{Clock, Timestamp};
use rollcall_store::Store;
use tokio::time::sleep;

/// How long an access token's record is kept after it expired. What it did is then known as its client's.
pub const ACCESS_TOKENS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How often they are looked through.
const EVERY: Duration = Duration::from_secs(600);
/// Tokens that one step erases, each with what it was used for, and how long it waits between two.
const AT_ONCE: u32 = 200;
const BETWEEN: Duration = Duration::from_millis(250);
/// How long it waits after a failure, so that a database that is down is not hammered.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// Erases access tokens that expired more than [`ACCESS_TOKENS_KEPT`] ago, in small steps. Runs until it is dropped.
pub async fn erase_access_tokens(store: Store, clock: Arc<dyn Clock>) {
    let jobs = store.jobs(&JobScope::of_service("access token eraser"));
    let kept = i64::try_from(ACCESS_TOKENS_KEPT.as_micros()).unwrap_or(i64::MAX);
    loop {
        let before = Timestamp::from_micros(clock.now().as_micros() - kept);
        match jobs.purge_access_tokens(before, AT_ONCE).await {
            Ok(0) => sleep(EVERY).await,
            Ok(_) => sleep(BETWEEN).await,
            Err(error) => {
                tracing::warn!(error = %error, "expired access tokens could not be erased; trying again");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}
