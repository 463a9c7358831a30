//! What was deleted and can be brought back.

use std::time::Duration;

use rollcall_access::Access;
use rollcall_base::{
    DAY, Id, Timestamp,
    marker::{Directory, Resource},
};
use rollcall_scim::{
    Document,
    schema::{KindId, USER},
};
use sea_orm::QueryResult;
use uuid::Uuid;

use super::{
    DirectoryStore,
    former_names::{self, FormerName},
};
use crate::{StoreError, StoredResource, statement::Sql};

/// How long a deleted resource can be brought back before it is erased.
pub const DELETED_KEPT: Duration = DAY.saturating_mul(30);

/// A deleted resource that can be brought back.
#[derive(Debug, Clone, PartialEq)]
pub struct DeletedResource {
    /// Its id.
    pub id: Id<Resource>,
    /// Its type's number.
    pub kind: KindId,
    /// Its userName or displayName.
    pub name: Option<String>,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// Until when it can be brought back.
    pub until: Timestamp,
}

/// By what a deleted resource will be known again if it is brought back.
#[derive(Debug, Clone, PartialEq)]
pub struct Restorable {
    /// Its type's number.
    pub kind: KindId,
    /// Its attributes.
    pub document: Document,
    /// The keys of the names that it had before ([`crate::UserKey::NameKey`]).
    pub former_names: Vec<String>,
}

/// A deleted resource with all that was kept of it.
pub(super) struct Gone {
    /// As it was. Its deletion has the version after this one.
    pub(super) resource: StoredResource,
    /// What `active` last said.
    pub(super) active: Option<bool>,
    pub(super) deleted_at: Timestamp,
    /// All groups that it was in, those too that were deleted before it.
    pub(super) member_of: Vec<Uuid>,
    pub(super) former_names: Vec<FormerName>,
}

/// The beginning of a statement for [`gone`]: what of `deleted_resource d` can be brought back at `now`.
pub(super) fn of_directory(directory: Id<Directory>, now: Timestamp) -> Sql {
    let columns = "SELECT d.id, d.kind, d.version, d.created_at, d.modified_at, d.document, d.active, d.deleted_at,";
    let sql = Sql::new(columns).text(" d.member_of, d.former_names FROM deleted_resource d WHERE d.directory_id = ");
    sql.id(directory).part(&restorable(now))
}

/// ` AND …`: of `deleted_resource d`, what is not being erased at `now`.
pub(super) fn restorable(now: Timestamp) -> Sql {
    // `+`: SQLite, without statistics, would else read all that was lately deleted, for one name.
    let sql = Sql::new(" AND +d.deleted_at > ").value(now.minus(DELETED_KEPT).as_micros());
    sql.text(" AND d.erased_to IS NULL AND (d.erase_at IS NULL OR d.erase_at > ").value(now.as_micros()).text(")")
}

/// Reads a row of [`of_directory`].
pub(super) fn gone(row: &QueryResult) -> Result<Gone, StoreError> {
    let broken = |what: &str, error: serde_json::Error| StoreError::internal(format!("stored {what}: {error}"));
    let (document, groups): (String, String) = (row.try_get("", "document")?, row.try_get("", "member_of")?);
    let document = serde_json::from_str(&document).map_err(|error| broken("document", error))?;
    let document = Document::from_stored(document);
    let active = row.try_get::<Option<bool>>("", "active")?.or(document.active());
    Ok(Gone {
        resource: StoredResource {
            id: Id::from_uuid(row.try_get("", "id")?),
            kind: KindId(row.try_get("", "kind")?),
            version: row.try_get("", "version")?,
            created_at: Timestamp::from_micros(row.try_get("", "created_at")?),
            modified_at: Timestamp::from_micros(row.try_get("", "modified_at")?),
            document,
            groups: None,
        },
        active,
        deleted_at: Timestamp::from_micros(row.try_get("", "deleted_at")?),
        member_of: serde_json::from_str(&groups).map_err(|error| broken("groups", error))?,
        former_names: former_names::read(row.try_get::<Option<String>>("", "former_names")?.as_deref())?,
    })
}

impl Gone {
    fn restorable(self) -> Restorable {
        let former_names = self.former_names.into_iter().map(|(name, _)| name).collect();
        Restorable { kind: self.resource.kind, document: self.resource.document, former_names }
    }

    fn shown(self) -> DeletedResource {
        let (kind, document) = (self.resource.kind, &self.resource.document);
        let name = if kind == USER { document.user_name() } else { document.display_name() };
        DeletedResource {
            id: self.resource.id,
            kind,
            name: name.map(str::to_owned),
            deleted_at: self.deleted_at,
            until: self.deleted_at.plus(DELETED_KEPT),
        }
    }
}

impl<A: Access> DirectoryStore<A> {
    /// A deleted resource that can be brought back.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn deleted_resource(&self, id: Id<Resource>) -> Result<Option<DeletedResource>, StoreError> {
        Ok(self.gone(id).await?.map(Gone::shown))
    }

    /// What comes back with a deleted resource, if it can be brought back.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn restorable(&self, id: Id<Resource>) -> Result<Option<Restorable>, StoreError> {
        Ok(self.gone(id).await?.map(Gone::restorable))
    }

    async fn gone(&self, id: Id<Resource>) -> Result<Option<Gone>, StoreError> {
        let sql = of_directory(self.directory, self.inner.clock.now()).text(" AND d.id = ").id(id);
        self.inner.rows(sql.build(self.backend())).await?.first().map(gone).transpose()
    }

    /// What can be brought back, what was deleted last first; at most `limit`, after `after`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn deleted_resources(
        &self,
        after: Option<&DeletedResource>,
        limit: u32,
    ) -> Result<Vec<DeletedResource>, StoreError> {
        let mut sql = of_directory(self.directory, self.inner.clock.now());
        if let Some(after) = after {
            sql = sql.text(" AND (d.deleted_at, d.id) < (").value(after.deleted_at.as_micros()).text(", ").id(after.id);
            sql = sql.text(")");
        }
        let sql = sql.text(" ORDER BY d.deleted_at DESC, d.id DESC LIMIT ").value(i64::from(limit));
        let rows = self.inner.rows(sql.build(self.backend())).await?;
        rows.iter().map(|row| Ok(gone(row)?.shown())).collect()
    }
}
