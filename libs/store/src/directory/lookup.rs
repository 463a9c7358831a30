//! Who somebody is, for consumers.

use rollcall_access::Access;
use rollcall_scim::fold;

use super::{DirectoryStore, select, stored};
use crate::{KnownUser, StoreError, UserKey, keys::value_key};

impl<A: Access> DirectoryStore<A> {
    /// The live users that `key` names, oldest first, at most `at_most`. One statement on an index.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn users_known_as(&self, key: &UserKey, at_most: u32) -> Result<Vec<KnownUser>, StoreError> {
        // The literal kind lets the partial unique index of user names serve.
        let sql = select(self.backend(), self.directory, false).text(", r.active FROM resource r WHERE r.kind = 1");
        let sql = sql.text(" AND r.directory_id = ").id(self.directory);
        let sql = match key {
            UserKey::Id(id) => sql.text(" AND r.id = ").id(*id),
            UserKey::UserName(name) => sql.text(" AND r.name_key = ").value(value_key(&fold(name))),
            UserKey::ExternalId(id) => sql.text(" AND r.external_id = ").value(value_key(id)),
        };
        let rows =
            self.inner.rows(sql.text(" ORDER BY r.id LIMIT ").value(i64::from(at_most)).build(self.backend())).await?;
        rows.iter()
            .map(|row| {
                let active = row.try_get::<Option<bool>>("", "active")?.unwrap_or(true);
                Ok(KnownUser { resource: stored(row)?, active })
            })
            .collect()
    }
}
