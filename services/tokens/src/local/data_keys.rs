//! Rotation of a tenant's data key, by hand.

use rollcall_access::TenantScope;
use rollcall_base::{Id, Timestamp, marker};

use super::{LocalTokens, peppers::PURPOSE};
use crate::TokensError;

/// A tenant's new data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    /// Under which tokens are made from now on.
    pub data_key: Id<marker::DataKey>,
    /// Under which they were made until now; none if the tenant had no token yet.
    pub previous: Option<Id<marker::DataKey>>,
    /// When the new one was made.
    pub created_at: Timestamp,
}

impl LocalTokens {
    /// Makes a new data key for the tenant. Tokens under older ones go on working and move over when they are next used.
    ///
    /// # Errors
    /// [`TokensError::Key`] if the key service cannot make one, [`TokensError::Store`].
    pub async fn rotate_key(&self, scope: &TenantScope) -> Result<Rotated, TokensError> {
        let previous = self.store.tenant(scope).newest_data_key(PURPOSE).await?.map(|key| key.id);
        let key = self.peppers.rotate(scope, previous).await?;
        Ok(Rotated { data_key: key.id, previous, created_at: key.created_at })
    }

    /// Has the tenant's data keys wrapped anew under the key service's present key, after that was changed; how many.
    /// The key that wrapped them before must still be usable. Tokens do not notice.
    ///
    /// # Errors
    /// [`TokensError::Key`] if the key service does not, [`TokensError::Store`].
    pub async fn rewrap_keys(&self, scope: &TenantScope) -> Result<usize, TokensError> {
        Ok(self.peppers.rewrap(scope).await?)
    }

    /// One round of what is otherwise done every half minute: data keys are confirmed with the key service ahead of
    /// their age limit, rotated when they are due, and forgotten when they were not used for long.
    pub async fn upkeep(&self) {
        self.peppers.upkeep().await;
    }
}
