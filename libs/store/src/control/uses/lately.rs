//! Who was let in lately: for a token service that has just started, and has seen nobody yet.

use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, OAuthClient},
};
use uuid::Uuid;

use crate::{StoreError, VerificationStore, statement::Sql};

/// A credential that was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedCredential {
    /// The credential.
    pub id: Id<Credential>,
    /// The OAuth client whose access token it is.
    pub client: Option<Id<OAuthClient>>,
    /// When its time is over, or was.
    pub expires_at: Timestamp,
    /// Its client's last address; `0.0.0.0` if there were too many to tell apart.
    pub address: String,
}

impl VerificationStore {
    /// Credentials that were used since `since` and that nobody revoked, expired ones included: the latest first, at most
    /// `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn used_since(&self, since: Timestamp, limit: u32) -> Result<Vec<UsedCredential>, StoreError> {
        let sql = Sql::new(
            "SELECT credential.id AS id, credential.oauth_client_id AS client, credential.expires_at AS expires_at, \
             credential_use.last_address AS address FROM credential_use \
             JOIN credential ON credential.id = credential_use.credential_id \
             WHERE credential.revoked_at IS NULL AND credential_use.last_used_at >= ",
        )
        .value(since.as_micros())
        .text(" ORDER BY credential_use.last_used_at DESC, credential.id LIMIT ")
        .value(i64::from(limit));
        let rows = self.0.rows(sql.build(self.0.backend())).await?;
        let used = rows.iter().map(|row| {
            Ok(UsedCredential {
                id: Id::from_uuid(row.try_get("", "id")?),
                client: row.try_get::<Option<Uuid>>("", "client")?.map(Id::from_uuid),
                expires_at: Timestamp::from_micros(row.try_get("", "expires_at")?),
                address: row.try_get("", "address")?,
            })
        });
        used.collect()
    }
}
