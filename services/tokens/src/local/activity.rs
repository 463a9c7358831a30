//! What a token did: asked when one has leaked.

use rollcall_access::TenantScope;
use rollcall_base::{Id, Timestamp, marker};
use rollcall_store::{ChangesBy, CredentialUse, PlaceOfUse, RefusedUse};

use super::{LocalTokens, TokenStatus};
use crate::TokensError;

/// The most changes that a report holds; all are counted.
pub const MOST_CHANGES: usize = 1_000;
/// The most hours, places and refused uses that a report holds, each.
pub const MOST_ROWS: u32 = 1_000;

/// What a token did.
#[derive(Debug, Clone)]
pub struct Activity {
    /// The token.
    pub token: TokenStatus,
    /// Since when.
    pub since: Timestamp,
    /// What it changed: the count of all, and the last [`MOST_CHANGES`].
    pub changes: ChangesBy,
    /// All requests that looked.
    pub reads: u64,
    /// All requests that were to change something.
    pub writes: u64,
    /// Whether any request came from outside its networks, which was only observed.
    pub from_outside: bool,
    /// Where it was used from, to the hour, the latest first; at most [`MOST_ROWS`].
    pub places: Vec<PlaceOfUse>,
    /// Requests by the hour and the place, oldest first; at most [`MOST_ROWS`].
    pub hours: Vec<CredentialUse>,
    /// Its refused uses, the latest first; at most [`MOST_ROWS`].
    pub refused: Vec<RefusedUse>,
}

impl LocalTokens {
    /// What a token did since `since`, or since it was issued. `None` if the tenant has no such token.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn activity(
        &self,
        scope: &TenantScope,
        id: Id<marker::Credential>,
        since: Option<Timestamp>,
    ) -> Result<Option<Activity>, TokensError> {
        let Some(token) = self.status(scope, id).await? else { return Ok(None) };
        let (tenant, directory) = (self.store.tenant(scope), token.record.directory);
        let since = since.unwrap_or(token.record.created_at);
        let (reads, writes, from_outside) = tenant.times_used(directory, id, since).await?;
        Ok(Some(Activity {
            reads,
            writes,
            from_outside,
            changes: tenant.changes_by(directory, id, since, MOST_CHANGES).await?,
            places: tenant.places_of_use(directory, id, since, MOST_ROWS).await?,
            hours: tenant.activity(directory, id, since, MOST_ROWS).await?,
            refused: tenant.refusals_of(directory, id, since, MOST_ROWS).await?,
            since,
            token,
        }))
    }
}
