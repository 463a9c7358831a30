//! What a token, or an OAuth client, did: asked when one has leaked.

use rollcall_access::{OAuthClientRecord, TenantScope};
use rollcall_base::{Id, Timestamp, marker};
use rollcall_store::{ChangesBy, ClientUse, Holder, PlaceOfUse, RefusedUse, TenantStore};

use super::{LocalTokens, TokenStatus};
use crate::TokensError;

/// The most changes that a report holds; all are counted.
pub const MOST_CHANGES: usize = 1_000;
/// The most hours, places and refused uses that a report holds, each.
pub const MOST_ROWS: u32 = 1_000;

/// What somebody did.
#[derive(Debug, Clone)]
pub struct Activity {
    /// Since when.
    pub since: Timestamp,
    /// What was changed: the count of all, and the last [`MOST_CHANGES`].
    pub changes: ChangesBy,
    /// All requests that looked.
    pub reads: u64,
    /// All requests that were to change something.
    pub writes: u64,
    /// Whether any request came from outside the networks, which was only observed.
    pub from_outside: bool,
    /// Where requests came from, to the hour, the latest first; at most [`MOST_ROWS`].
    pub places: Vec<PlaceOfUse>,
    /// Requests by the hour and the place, oldest first; at most [`MOST_ROWS`].
    pub hours: Vec<PlaceOfUse>,
    /// Refused uses, the latest first; at most [`MOST_ROWS`].
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
    ) -> Result<Option<(TokenStatus, Activity)>, TokensError> {
        let Some(token) = self.status(scope, id).await? else { return Ok(None) };
        let since = since.unwrap_or(token.record.created_at);
        let done = done(&self.store.tenant(scope), token.record.directory, id.into(), since).await?;
        Ok(Some((token, done)))
    }

    /// What an OAuth client did with all of its access tokens since `since`, or since it was created. `None` if the tenant has
    /// no such client.
    ///
    /// # Errors
    /// [`TokensError::Store`]
    pub async fn client_activity(
        &self,
        scope: &TenantScope,
        id: Id<marker::OAuthClient>,
        since: Option<Timestamp>,
    ) -> Result<Option<(OAuthClientRecord, ClientUse, Activity)>, TokensError> {
        let tenant = self.store.tenant(scope);
        let Some(client) = tenant.client(id).await? else { return Ok(None) };
        let since = since.unwrap_or(client.created_at);
        let done = done(&tenant, client.directory, id.into(), since).await?;
        Ok(Some((client, tenant.client_use(id, self.clock.now()).await?, done)))
    }
}

async fn done(
    tenant: &TenantStore,
    directory: Id<marker::Directory>,
    holder: Holder,
    since: Timestamp,
) -> Result<Activity, TokensError> {
    let (reads, writes, from_outside) = tenant.times_used(directory, holder, since).await?;
    Ok(Activity {
        since,
        changes: tenant.changes_by(directory, holder, since, MOST_CHANGES).await?,
        reads,
        writes,
        from_outside,
        places: tenant.places_of_use(directory, holder, since, MOST_ROWS).await?,
        hours: tenant.activity(directory, holder, since, MOST_ROWS).await?,
        refused: tenant.refusals_of(directory, holder, since, MOST_ROWS).await?,
    })
}
