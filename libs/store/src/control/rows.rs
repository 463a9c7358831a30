//! From rows to records.

use std::time::Duration;

use rollcall_access::{
    AllowedNetworks, CredentialRecord, DirectoryPolicies, DirectoryState, Life, OAuthClientRecord, Rotation, Scopes,
    SecretHash, TokenHash,
};
use rollcall_base::{
    Id, Timestamp,
    marker::{Directory, Tenant},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::{DirectoryRecord, TenantRecord, WrappedKey};
use crate::{
    StoreError,
    entity::{credential, data_key, directory, directory_key, oauth_client, tenant},
};

impl From<tenant::Model> for TenantRecord {
    fn from(row: tenant::Model) -> Self {
        Self {
            id: Id::from_uuid(row.id),
            slug: row.slug,
            name: row.name,
            created_at: Timestamp::from_micros(row.created_at),
        }
    }
}

impl From<data_key::Model> for WrappedKey {
    fn from(row: data_key::Model) -> Self {
        Self {
            id: Id::from_uuid(row.id),
            tenant: Id::from_uuid(row.tenant_id),
            purpose: row.purpose,
            wrapped: row.wrapped,
            created_at: Timestamp::from_micros(row.created_at),
        }
    }
}

impl std::fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WrappedKey({}, {})", self.id, self.purpose)
    }
}

pub(crate) fn credential_record(row: credential::Model) -> Result<CredentialRecord, StoreError> {
    let hash = row.hash.try_into().map_err(|_| StoreError::internal("a credential's hash has not 32 bytes"))?;
    Ok(CredentialRecord {
        id: Id::from_uuid(row.id),
        tenant: Id::from_uuid(row.tenant_id),
        directory: Id::from_uuid(row.directory_id),
        data_key: Id::from_uuid(row.data_key_id),
        hash: TokenHash::from_bytes(hash),
        client: row.oauth_client_id.map(Id::from_uuid),
        scopes: match row.scopes {
            Some(bits) => scopes(bits)?,
            None if row.may_write => Scopes::ALL,
            None => Scopes::READ,
        },
        networks: row
            .networks
            .map(|text| allowed_networks(&text, row.observes_networks.unwrap_or(false)))
            .transpose()?,
        label: row.label,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
        revoked_at: row.revoked_at.map(Timestamp::from_micros),
        rotation: match (row.replaced_by, row.rotated_at, row.overlap, row.retires_at) {
            (Some(replaced_by), Some(rotated_at), Some(overlap), Some(retires_at)) => Some(Rotation {
                replaced_by: Id::from_uuid(replaced_by),
                rotated_at: Timestamp::from_micros(rotated_at),
                overlap: Duration::from_micros(u64::try_from(overlap).unwrap_or(0)),
                in_use_since: row.in_use_since.map(Timestamp::from_micros),
                retires_at: Timestamp::from_micros(retires_at),
            }),
            _ => None,
        },
    })
}

/// A credential as it is stored.
pub(super) fn credential_row(record: &CredentialRecord) -> credential::ActiveModel {
    let rotation = record.rotation;
    let next = record.ladder().map(|ladder| ladder.next(record.created_at).unwrap_or(ladder.ends_at));
    credential::ActiveModel {
        id: Set(record.id.as_uuid()),
        tenant_id: Set(record.tenant.as_uuid()),
        directory_id: Set(record.directory.as_uuid()),
        data_key_id: Set(record.data_key.as_uuid()),
        hash: Set(record.hash.as_bytes().to_vec()),
        may_write: Set(record.scopes == Scopes::ALL),
        label: Set(record.label.clone()),
        created_at: Set(record.created_at.as_micros()),
        expires_at: Set(record.expires_at.as_micros()),
        revoked_at: Set(record.revoked_at.map(Timestamp::as_micros)),
        scopes: Set(Some(record.scopes.bits().into())),
        networks: Set(record.networks.as_ref().map(|allowed| allowed.networks.to_string())),
        observes_networks: Set(record.networks.as_ref().map(|allowed| allowed.observe)),
        oauth_client_id: Set(record.client.map(|id| id.as_uuid())),
        replaced_by: Set(rotation.map(|rotation| rotation.replaced_by.as_uuid())),
        rotated_at: Set(rotation.map(|rotation| rotation.rotated_at.as_micros())),
        overlap: Set(rotation.map(|rotation| i64::try_from(rotation.overlap.as_micros()).unwrap_or(i64::MAX))),
        in_use_since: Set(rotation.and_then(|rotation| rotation.in_use_since).map(Timestamp::as_micros)),
        retires_at: Set(rotation.map(|rotation| rotation.retires_at.as_micros())),
        ladder_at: Set(next.map_or(i64::MAX, Timestamp::as_micros)),
    }
}

pub(super) fn client_record(row: oauth_client::Model) -> Result<OAuthClientRecord, StoreError> {
    Ok(OAuthClientRecord {
        id: Id::from_uuid(row.id),
        tenant: Id::from_uuid(row.tenant_id),
        directory: Id::from_uuid(row.directory_id),
        secret_hash: SecretHash::new(row.secret_hash),
        scopes: scopes(row.scopes)?,
        networks: row.networks.map(|text| allowed_networks(&text, row.observes_networks)).transpose()?,
        label: row.label,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
        revoked_at: row.revoked_at.map(Timestamp::from_micros),
    })
}

/// Scopes as they are stored.
pub(super) fn scopes(bits: i32) -> Result<Scopes, StoreError> {
    let bits = u16::try_from(bits).map_err(|_| StoreError::internal("stored scopes are out of bounds"))?;
    Ok(Scopes::from_bits(bits))
}

/// Networks as they are stored. What cannot be read allows nothing.
pub(super) fn allowed_networks(text: &str, observe: bool) -> Result<AllowedNetworks, StoreError> {
    let networks = text.parse().map_err(|error| StoreError::internal(format!("stored networks: {error}")))?;
    Ok(AllowedNetworks { networks, observe })
}

/// Directories, with their tenants' slugs, in the order of their creation.
pub(super) async fn directories(
    connection: &impl ConnectionTrait,
    condition: Condition,
) -> Result<Vec<DirectoryRecord>, StoreError> {
    let rows = directory::Entity::find()
        .find_also_related(tenant::Entity)
        .filter(condition)
        .order_by_asc(directory::Column::Id)
        .all(connection)
        .await?;
    rows.into_iter()
        .map(|(row, tenant)| {
            let tenant = tenant.ok_or_else(|| StoreError::internal("a directory has no tenant"))?;
            let (life, policies) = (life(&row)?, policies(row.policies.as_deref())?);
            Ok(DirectoryRecord {
                id: Id::from_uuid(row.id),
                tenant: Id::from_uuid(row.tenant_id),
                tenant_slug: tenant.slug,
                directory_id: row.directory_id,
                directory_name: row.directory_name,
                client_kind: row.client_kind,
                client_profile: row.client_profile,
                life,
                policies,
                created_at: Timestamp::from_micros(row.created_at),
            })
        })
        .collect()
}

/// A directory's life as it is stored. What was made before there were stages has only a state.
pub(crate) fn life(row: &directory::Model) -> Result<Life, StoreError> {
    let unknown = |error| StoreError::internal(format!("directory {}: {error}", row.id));
    let state: DirectoryState = row.state.parse().map_err(unknown)?;
    let mut life = Life::from(state);
    if let Some(stage) = &row.stage {
        life.stage = stage.parse().map_err(unknown)?;
    }
    life.frozen = row.is_frozen.unwrap_or(life.frozen);
    Ok(life)
}

/// A directory's policies as they are stored.
pub(crate) fn policies(text: Option<&str>) -> Result<DirectoryPolicies, StoreError> {
    let read = text.map(serde_json::from_str).transpose();
    Ok(read.map_err(|error| StoreError::internal(format!("stored policies: {error}")))?.unwrap_or_default())
}

/// The directory that a (folded) key leads to.
pub(super) async fn directory_by_key(
    connection: &impl ConnectionTrait,
    tenant: Id<Tenant>,
    key: &str,
) -> Result<Option<DirectoryRecord>, StoreError> {
    let found = directory_key::Entity::find_by_id((tenant.as_uuid(), key.to_owned())).one(connection).await?;
    match found {
        None => Ok(None),
        Some(row) => directory_by_id(connection, Id::from_uuid(row.directory_id)).await,
    }
}

pub(crate) async fn directory_by_id(
    connection: &impl ConnectionTrait,
    id: Id<Directory>,
) -> Result<Option<DirectoryRecord>, StoreError> {
    let id: Uuid = id.as_uuid();
    Ok(directories(connection, Condition::all().add(directory::Column::Id.eq(id))).await?.into_iter().next())
}
