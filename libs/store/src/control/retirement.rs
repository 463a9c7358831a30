//! When a token that another one takes the place of retires: decided once, in the transaction that notes the other one's
//! first use.

use std::collections::BTreeMap;

use rollcall_access::{Actor, Rotation};
use rollcall_base::{Id, marker::Credential};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use super::{
    AuditAction, AuditRecord, CredentialUse,
    audit::{AuditEntry, AuditWriter},
    rotation::set_rotation,
    rows::credential_record,
};
use crate::{StoreError, entity::credential, statement::BATCH};

/// Begins the retirement of those whose replacement is among `first`, the first uses of credentials; returns their ids.
pub(super) async fn begin(
    transaction: &DatabaseTransaction,
    first: &[CredentialUse],
    audit: &AuditWriter,
) -> Result<(Vec<Id<Credential>>, Vec<AuditRecord>), StoreError> {
    let (mut retiring, mut written) = (Vec::new(), Vec::new());
    for some in first.chunks(BATCH) {
        let first_at: BTreeMap<Uuid, &CredentialUse> =
            some.iter().map(|used| (used.credential.as_uuid(), used)).collect();
        let rows = credential::Entity::find()
            .filter(credential::Column::ReplacedBy.is_in(first_at.keys().copied()))
            .filter(credential::Column::InUseSince.is_null())
            .filter(credential::Column::RevokedAt.is_null())
            .order_by_asc(credential::Column::Id)
            .lock_exclusive()
            .all(transaction)
            .await?;
        for row in rows {
            let old = credential_record(row)?;
            let Some(rotation) = old.rotation else { continue };
            let Some(used) = first_at.get(&rotation.replaced_by.as_uuid()) else { continue };
            // No clock that is behind makes the overlap end before it began.
            let in_use_since = used.first_at.max(rotation.rotated_at);
            if rotation.retires_at <= in_use_since {
                continue;
            }
            let retires_at = rotation.retires_at.min(in_use_since.plus(rotation.overlap));
            let begun = Rotation { in_use_since: Some(in_use_since), retires_at, ..rotation };
            set_rotation(transaction, old.id, Some(begun)).await?;
            let detail = json!({
                "replaced_by": rotation.replaced_by,
                "in_use_since": in_use_since.to_string(),
                "address": used.address,
                "agent": used.agent,
                "retires_at": retires_at.to_string(),
            });
            let place = (old.tenant, old.directory);
            let line = AuditEntry::about(place, old.id, AuditAction::TokenRetirementBegun, detail)
                .once(format!("credential:{}:retirement:{}", old.id, rotation.replaced_by));
            written.extend(audit.write(transaction, &Actor::Credential(rotation.replaced_by), vec![line]).await?);
            retiring.push(old.id);
        }
    }
    Ok((retiring, written))
}
