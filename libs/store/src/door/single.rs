//! PostgreSQL: each write is a transaction; two that were in each other's way are tried again.

use std::{sync::Arc, time::Duration};

use rollcall_base::Entropy;
use sea_orm::{DatabaseConnection, TransactionTrait};

use super::{Mutation, run_caught};
use crate::StoreError;

/// How often a write is tried in all.
const TRIES: u32 = 8;
/// The longest pause before the second try; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct SingleDoor {
    connection: DatabaseConnection,
    entropy: Arc<dyn Entropy>,
}

impl SingleDoor {
    pub(crate) fn new(connection: DatabaseConnection, entropy: Arc<dyn Entropy>) -> Self {
        Self { connection, entropy }
    }

    pub(crate) async fn write<M: Mutation>(&self, mutation: M) -> Result<M::Output, StoreError> {
        let mut tried = 1;
        loop {
            match self.attempt(&mutation).await {
                Err(error) if error.is_contention() && tried < TRIES => {
                    tracing::debug!(tried, error = ?error, "a write is tried again");
                    tokio::time::sleep(self.pause(tried)).await;
                    tried += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt<M: Mutation>(&self, mutation: &M) -> Result<M::Output, StoreError> {
        let transaction = self.connection.begin().await?;
        match run_caught(mutation, &transaction).await {
            Ok(output) => {
                transaction.commit().await?;
                Ok(output)
            }
            Err(error) => {
                // A lost connection has rolled back already; what matters is the first error.
                let _ = transaction.rollback().await;
                Err(error)
            }
        }
    }

    /// Random, so that two that met do not meet again.
    fn pause(&self, tried: u32) -> Duration {
        let mut random = [0_u8; 2];
        self.entropy.fill(&mut random);
        let most = FIRST_PAUSE * 2_u32.pow(tried.min(6) - 1);
        most.mul_f64(f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX))
    }
}
