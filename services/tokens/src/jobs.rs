//! Background work on tokens. It needs no keys.

use std::{sync::Arc, time::Duration};

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};
use rollcall_access::{JobScope, RUNGS};
use rollcall_base::{Clock, DAY, Timestamp};
use rollcall_store::{JobStore, Store, StoreError};
use tokio::time::sleep;

/// Credentials that one step looks at.
const AT_ONCE: u32 = 100;
/// How often it is looked whether a credential's end is near.
const EVERY: Duration = Duration::from_secs(60);
/// How often those whose end is near are counted, in rounds of [`EVERY`].
const COUNT_EVERY: u32 = 10;
/// How long to wait after a failure, so that a database that is down is not hammered.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How often old uses and expired access tokens are looked for.
const ERASE_EVERY: Duration = Duration::from_secs(600);
/// Lines of the audit that get their numbers at once, and how often it is looked for some.
pub const NUMBERED_AT_ONCE: u32 = 500;
const NUMBER_EVERY: Duration = Duration::from_millis(500);
/// How long an eraser rests between two steps.
const BREATH: Duration = Duration::from_millis(250);
/// Rows of a kind that one step of the use eraser removes.
const ERASE_ROWS: u32 = 1_000;
/// Access tokens that one step erases, each with what it was used for.
const ERASE_TOKENS: u32 = 200;

/// How long it is known what a credential was used for.
pub const ACTIVITY_KEPT: Duration = DAY.saturating_mul(400);
/// How long an access token's record is kept after it expired. What it did is then known as its client's.
pub const ACCESS_TOKENS_KEPT: Duration = DAY.saturating_mul(7);
/// How long it is known which reports of use came from a gateway that sends no more.
pub const REPORTERS_KEPT: Duration = DAY.saturating_mul(7);
/// How long it is known which uses were refused.
pub const REFUSALS_KEPT: Duration = DAY.saturating_mul(90);

/// Warns of credentials' ends: 90, 30, 14, 7 and 1 days before.
pub struct ExpiryLadder {
    jobs: JobStore,
    warnings: IntCounterVec,
    expiring: IntGaugeVec,
}

impl ExpiryLadder {
    /// The job on `store`, with its metrics in `registry`.
    ///
    /// # Errors
    /// [`prometheus::Error`] if a metric's name is registered already.
    pub fn new(store: &Store, registry: &Registry) -> Result<Self, prometheus::Error> {
        let warnings = Opts::new(
            "rollcall_credential_expiry_warnings_total",
            "Warnings of a credential's end, by the days that were left.",
        );
        let expiring = Opts::new(
            "rollcall_credentials_expiring",
            "Live credentials whose end is at most so many days away, each counted at the nearest rung.",
        );
        let warnings = IntCounterVec::new(warnings, &["days"])?;
        let expiring = IntGaugeVec::new(expiring, &["days"])?;
        for rung in RUNGS {
            warnings.with_label_values(&[&rung.to_string()]);
        }
        registry.register(Box::new(warnings.clone()))?;
        registry.register(Box::new(expiring.clone()))?;
        Ok(Self { jobs: store.jobs(&JobScope::of_service("expiry-ladder")), warnings, expiring })
    }

    /// Warns until it is dropped.
    pub async fn run(self) {
        let mut round = 0_u32;
        loop {
            let mut done = self.climb().await;
            if done.is_ok() && round.is_multiple_of(COUNT_EVERY) {
                done = self.count().await;
            }
            match done {
                Ok(()) => {
                    round = round.wrapping_add(1);
                    sleep(EVERY).await;
                }
                Err(error) => {
                    tracing::warn!(error = %error, "credentials' ends could not be looked at; trying again");
                    sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Writes all warnings that are due now.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn climb(&self) -> Result<(), StoreError> {
        loop {
            let climbed = self.jobs.climb_ladders(AT_ONCE).await?;
            for (rung, warnings) in climbed.warnings {
                self.warnings.with_label_values(&[&rung.to_string()]).inc_by(warnings);
            }
            if climbed.looked_at == 0 {
                return Ok(());
            }
        }
    }

    /// Counts the live credentials whose end is near.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count(&self) -> Result<(), StoreError> {
        let expiring = self.jobs.expiring().await?;
        for rung in RUNGS {
            let number = expiring.get(&rung).copied().unwrap_or(0);
            self.expiring.with_label_values(&[&rung.to_string()]).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
        Ok(())
    }
}

/// Erases what is known of credentials' use after [`ACTIVITY_KEPT`] and [`REFUSALS_KEPT`], in small steps. Runs until it is
/// dropped.
pub async fn use_eraser(store: Store, clock: Arc<dyn Clock>) {
    let jobs = store.jobs(&JobScope::of_service("use-eraser"));
    loop {
        match erase_uses(&jobs, clock.now()).await {
            Ok(0) => sleep(ERASE_EVERY).await,
            Ok(_) => sleep(BREATH).await,
            Err(error) => {
                tracing::warn!(error = %error, "old uses of credentials could not be erased; trying again");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}

async fn erase_uses(jobs: &JobStore, now: Timestamp) -> Result<usize, StoreError> {
    let reporters = jobs.purge_reporters(now.minus(REPORTERS_KEPT)).await?;
    Ok(reporters + jobs.purge_uses(now.minus(ACTIVITY_KEPT), now.minus(REFUSALS_KEPT), ERASE_ROWS).await?)
}

/// Erases access tokens that expired more than [`ACCESS_TOKENS_KEPT`] ago, in small steps. Runs until it is dropped.
pub async fn erase_access_tokens(store: Store, clock: Arc<dyn Clock>) {
    let jobs = store.jobs(&JobScope::of_service("access token eraser"));
    loop {
        match jobs.purge_access_tokens(clock.now().minus(ACCESS_TOKENS_KEPT), ERASE_TOKENS).await {
            Ok(0) => sleep(ERASE_EVERY).await,
            Ok(_) => sleep(BREATH).await,
            Err(error) => {
                tracing::warn!(error = %error, "expired access tokens could not be erased; trying again");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// Gives the audit's lines their numbers. Runs until it is dropped.
pub async fn audit_sequencer(store: Store) {
    let jobs = store.jobs(&JobScope::of_service("audit-sequencer"));
    loop {
        match jobs.number_audit(NUMBERED_AT_ONCE).await {
            Ok(0) => sleep(NUMBER_EVERY).await,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = %error, "the audit's lines could not be numbered; trying again");
                sleep(AFTER_FAILURE).await;
            }
        }
    }
}
