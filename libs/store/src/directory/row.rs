//! Between resources and their rows.

use rollcall_base::{Id, Timestamp, marker};
use rollcall_scim::{
    Document, ScimError, ScimType, fold,
    schema::{GROUP, KindId, USER},
};
use sea_orm::{DbBackend, QueryResult};
use uuid::Uuid;

use super::direct_groups;
use crate::{StoreError, StoredResource, keys::value_key, statement::Sql};

/// `SELECT` with the columns that [`stored`] reads, of the table `resource r`.
pub(crate) fn select(backend: DbBackend, directory: Id<marker::Directory>, with_groups: bool) -> Sql {
    Sql::new("SELECT r.id, r.kind, r.version, r.created_at, r.modified_at, r.document, ").part(&direct_groups::column(
        backend,
        directory,
        with_groups,
    ))
}

/// Reads a row that was selected by [`select`].
pub(crate) fn stored(row: &QueryResult) -> Result<StoredResource, StoreError> {
    let text: String = row.try_get("", "document")?;
    let document = serde_json::from_str(&text)
        .map_err(|error| StoreError::internal(format!("a stored document is not JSON: {error}")))?;
    Ok(StoredResource {
        id: Id::from_uuid(row.try_get("", "id")?),
        kind: KindId(row.try_get("", "kind")?),
        version: row.try_get("", "version")?,
        created_at: Timestamp::from_micros(row.try_get("", "created_at")?),
        modified_at: Timestamp::from_micros(row.try_get("", "modified_at")?),
        document: Document::from_stored(document),
        groups: direct_groups::read(row)?,
    })
}

/// What of a document stands in columns of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) name_key: String,
    pub(crate) display: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) active: Option<bool>,
    pub(crate) document: String,
}

impl Columns {
    /// # Errors
    /// 400 `invalidValue` for text that cannot be stored.
    pub(crate) fn of(kind: KindId, document: &Document) -> Result<Self, ScimError> {
        let text = serde_json::Value::Object(document.attributes().clone()).to_string();
        // JSON has no raw control characters: NUL can only stand in it as this escape (or as a backslash's).
        if text.contains("\\u0000") && document.attributes().values().any(has_nul) {
            return Err(ScimError::bad_request(
                ScimType::InvalidValue,
                "A value contains the character U+0000, which cannot be stored. Send it without.",
            ));
        }
        Ok(Self {
            name_key: name_key(kind, document),
            display: document.display_name().map(str::to_owned),
            external_id: document.external_id().map(value_key),
            active: document.active(),
            document: text,
        })
    }
}

/// What a resource is known by: a user's userName, anything else's displayName, folded.
pub(super) fn name_key(kind: KindId, document: &Document) -> String {
    let name = if kind == USER { document.user_name() } else { document.display_name() };
    value_key(&fold(name.unwrap_or_default()))
}

fn has_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(values) => values.iter().any(has_nul),
        serde_json::Value::Object(map) => map.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// Which attribute [`Columns::name_key`] stands for.
pub(crate) fn name_attribute(kind: KindId) -> Option<&'static str> {
    match kind {
        USER => Some("userName"),
        GROUP => Some("displayName"),
        _ => None,
    }
}

/// The id in a client's text; none for what cannot be one.
pub(crate) fn member_id(text: &str) -> Option<Uuid> {
    text.parse::<Id<marker::Resource>>().ok().map(Id::as_uuid)
}
