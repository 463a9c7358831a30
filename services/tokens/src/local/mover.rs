//! Moves tokens to their tenant's newest data key, as they are used: only then is the secret at hand.

use std::sync::Arc;

use rollcall_access::BearerToken;
use rollcall_base::{Id, marker};
use rollcall_store::VerificationStore;
use tokio::sync::mpsc;

use super::{
    Caches,
    peppers::{PepperError, Peppers},
};
use crate::caches::CredentialKey;

/// Tokens that wait. When it is full the next ones stay where they are until they are read from the database again,
/// some seconds later.
const WAITING: usize = 1024;

/// A token that was just found good under a key that is not the newest.
pub(super) struct Move {
    pub(super) token: BearerToken,
    pub(super) from: Id<marker::DataKey>,
    pub(super) to: Id<marker::DataKey>,
}

/// The queue's two ends.
pub(super) fn queue() -> (mpsc::Sender<Move>, mpsc::Receiver<Move>) {
    mpsc::channel(WAITING)
}

/// Moves one after the other, apart from the requests that brought them.
pub(super) async fn run(
    mut moves: mpsc::Receiver<Move>,
    peppers: Arc<Peppers>,
    verification: VerificationStore,
    caches: Caches,
) {
    while let Some(next) = moves.recv().await {
        let id = next.token.id();
        match moved(&next, &peppers, &verification).await {
            Ok(moved) => {
                // Who is not told goes on with the old key until its time in the cache is over: that key is still good.
                let _ = caches.credentials.invalidate(&CredentialKey(id)).await;
                if moved {
                    tracing::info!(credential = %id, data_key = %next.to, "token moved to its tenant's newest key");
                }
            }
            Err(error) => tracing::warn!(credential = %id, "a token could not be moved to a newer key yet: {error}"),
        }
    }
}

async fn moved(next: &Move, peppers: &Peppers, verification: &VerificationStore) -> Result<bool, PepperError> {
    let newest = peppers.place(next.to);
    let hash = peppers.for_making(&newest, |secret| next.token.hash(secret)).await?;
    Ok(verification.move_credential(next.token.id(), next.from, next.to, hash).await?)
}
