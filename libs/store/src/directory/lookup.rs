//! Who somebody is, for consumers.

use rollcall_access::Access;

use super::{DirectoryStore, former_names, select, stored};
use crate::{KnownUser, StoreError, UserKey, keys::value_key, statement::Sql};

impl<A: Access> DirectoryStore<A> {
    /// The live users that `key` names, oldest first, at most `at_most`. Whose userName it was before is found if it is nobody's
    /// now: the last one. One statement on an index; for a name that nobody has, two.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn users_known_as(&self, key: &UserKey, at_most: u32) -> Result<Vec<KnownUser>, StoreError> {
        let by_id = matches!(key, UserKey::Id(_));
        let sql = self.users(by_id).text(" FROM resource r");
        // The literal kind lets the partial unique index of user names serve.
        let sql = sql.text(" WHERE r.kind = 1 AND r.directory_id = ").id(self.directory);
        let key = key.canonical();
        let sql = match &key {
            UserKey::Id(id) => sql.text(" AND r.id = ").id(*id),
            UserKey::UserName(name) | UserKey::NameKey(name) => sql.text(" AND r.name_key = ").value(name.as_str()),
            UserKey::ExternalId(id) => sql.text(" AND r.external_id = ").value(value_key(id)),
        };
        let found = self.known(sql.text(" ORDER BY r.id LIMIT ").value(i64::from(at_most)), false).await?;
        match key {
            UserKey::NameKey(name) if found.is_empty() && at_most > 0 => self.formerly_known_as(&name).await,
            _ => Ok(found),
        }
    }

    async fn formerly_known_as(&self, name_key: &str) -> Result<Vec<KnownUser>, StoreError> {
        let sql = self.users(false).text(" FROM former_name n JOIN resource r");
        let sql = sql.text(" ON r.directory_id = n.directory_id AND r.id = n.resource_id WHERE n.directory_id = ");
        let sql = sql.id(self.directory).text(" AND n.name_key = ").value(name_key);
        self.known(sql.text(" ORDER BY n.until DESC, n.resource_id DESC LIMIT 1"), true).await
    }

    fn users(&self, with_former_names: bool) -> Sql {
        let sql = select(self.backend(), self.directory, false).text(", r.active, ");
        let sql = if with_former_names {
            sql.part(&former_names::column(self.backend(), self.directory, &Sql::new("r.id")))
        } else {
            sql.text("CAST(NULL AS text)")
        };
        sql.text(" AS former_names")
    }

    async fn known(&self, sql: Sql, renamed: bool) -> Result<Vec<KnownUser>, StoreError> {
        let rows = self.inner.rows(sql.build(self.backend())).await?;
        rows.iter()
            .map(|row| {
                let active = row.try_get::<Option<bool>>("", "active")?.unwrap_or(true);
                let former = row.try_get::<Option<String>>("", "former_names")?;
                let former_names = former_names::read(former.as_deref())?.into_iter().map(|(name, _)| name).collect();
                Ok(KnownUser { resource: stored(row)?, active, former_names, renamed })
            })
            .collect()
    }
}
