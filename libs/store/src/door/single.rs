//! PostgreSQL: each write is a transaction. Tried again are those that were in another one's way, and those that
//! certainly changed nothing because the connection was lost before their COMMIT was sent.

use std::{sync::Arc, time::Duration};

use rollcall_base::Entropy;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{Mutation, Proof, run_caught};
use crate::{
    StoreConfig, StoreError,
    dialect::{
        failure,
        postgres::{Asker, Doubt},
    },
    directory::Mark,
    transaction::Transaction,
};

/// How often a write that was in another one's way is tried in all.
const TRIES: u32 = 8;
/// How often a write whose connection was lost is tried in all.
const TRIES_LOST: u32 = 4;
/// The longest pause before the second try; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// How long after a commit without an answer its traces are looked for: a server that was cut off may still be about
/// to make it.
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(1_000)];

pub(crate) struct SingleDoor {
    asker: Asker,
    entropy: Arc<dyn Entropy>,
    doubt: Arc<Doubt>,
    /// For everything up to the COMMIT, in all tries together.
    whole_within: Duration,
    /// For one statement, such as the COMMIT.
    answer_within: Duration,
}

impl SingleDoor {
    pub(crate) fn new(asker: Asker, entropy: Arc<dyn Entropy>, doubt: Arc<Doubt>, config: &StoreConfig) -> Self {
        Self {
            asker,
            entropy,
            doubt,
            whole_within: Duration::from_millis(config.transaction_timeout_ms),
            answer_within: config.answer_within(),
        }
    }

    pub(crate) async fn write<M: Mutation>(&self, mutation: M) -> Result<M::Output, StoreError> {
        let (mut tried, until) = (1, Instant::now() + self.whole_within);
        loop {
            let most = match self.attempt(&mutation, until).await {
                Err(error) if error.is_contention() && tried < TRIES => (error, TRIES),
                Err(error) if error.is_lost() => {
                    self.doubt.raise();
                    if tried >= TRIES_LOST {
                        return Err(error);
                    }
                    (error, TRIES_LOST)
                }
                outcome => return outcome,
            };
            tracing::debug!(tried, most = most.1, error = ?most.0, "a write is tried again");
            sleep(self.pause(tried)).await;
            tried += 1;
        }
    }

    async fn attempt<M: Mutation>(&self, mutation: &M, until: Instant) -> Result<M::Output, StoreError> {
        let written = timeout_at(until, self.run(mutation)).await;
        let (transaction, output) = written.map_err(|_| {
            // Whatever the server is doing with it: no COMMIT was sent, and dropping it rolls it back.
            self.doubt.raise();
            StoreError::unavailable(format!("a change took longer than {} ms", self.whole_within.as_millis()))
        })??;
        match timeout(self.answer_within, transaction.commit()).await {
            Ok(Ok(())) => Ok(output),
            Ok(Err(error)) if failure::is_certain_rollback(&error) => Err(error.into()),
            Ok(Err(error)) => self.find_out(mutation, output, error.into()).await,
            Err(_) => {
                self.find_out(mutation, output, failure::too_late("no answer to a COMMIT came in time").into()).await
            }
        }
    }

    async fn run<M: Mutation>(&self, mutation: &M) -> Result<(Transaction, M::Output), StoreError> {
        let transaction = Transaction::Server(self.asker.begin().await?);
        match run_caught(mutation, &transaction).await {
            Ok(output) => Ok((transaction, output)),
            Err(error) => {
                // A lost connection has rolled back already; what matters is the first error.
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }

    /// A COMMIT was sent and `error` came in place of an answer: what it wrote tells, if it can be seen, that it was
    /// made. That it cannot be seen tells nothing.
    async fn find_out<M: Mutation>(
        &self,
        mutation: &M,
        output: M::Output,
        error: StoreError,
    ) -> Result<M::Output, StoreError> {
        self.doubt.raise();
        let made = match mutation.proof(&output) {
            Proof::NothingWritten => true,
            Proof::Entry(mark) => self.can_be_seen(&mark).await,
            Proof::None => false,
        };
        match error {
            _ if made => Ok(output),
            StoreError::Unavailable(source) | StoreError::Internal(source) => Err(StoreError::OutcomeUnknown(source)),
            other => Err(other),
        }
    }

    async fn can_be_seen(&self, mark: &Mark) -> bool {
        for look in LOOKS {
            sleep(look).await;
            if let Ok(Ok(true)) = timeout(self.answer_within, self.is_safe(mark)).await {
                return true;
            }
        }
        false
    }

    /// Whether the entry can be seen and is where the server's commits wait to be. Where they wait for a standby, a
    /// commit whose wait was cut off can be seen before the standby has it; a later commit waits for both.
    async fn is_safe(&self, mark: &Mark) -> Result<bool, StoreError> {
        let transaction = Transaction::Server(self.asker.begin().await?);
        let stands = mark.lock(&transaction).await?;
        transaction.commit().await?;
        Ok(stands)
    }

    /// Random, so that two that met do not meet again.
    fn pause(&self, tried: u32) -> Duration {
        let mut random = [0_u8; 2];
        self.entropy.fill(&mut random);
        let most = FIRST_PAUSE * 2_u32.pow(tried.min(6) - 1);
        most.mul_f64(f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX))
    }
}
