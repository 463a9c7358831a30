//! A token takes the place of another one, and how that is undone.

use std::time::Duration;

use rollcall_access::{CredentialRecord, TenantScope};
use rollcall_base::{Id, marker};
use rollcall_cache::Told;
use rollcall_store::{NewRotation, NotRotated};

use super::{Caches, Issued, LocalTokens, NewToken, to_the_end};
use crate::{TokensError, caches::CredentialKey};

/// What a rotation may choose of the new token: its rights are the old one's.
#[derive(Debug, Clone, Default)]
pub struct Renewal {
    /// How long it is good; `None`: as the tenant's policy says.
    pub lifetime: Option<Duration>,
    /// For people; `None`: the old one's.
    pub label: Option<String>,
}

/// What came of a rotation.
#[derive(Debug)]
pub struct RotatedToken {
    /// The new token.
    pub issued: Issued,
    /// The old one, as it stands now.
    pub old: CredentialRecord,
    /// Tokens that the old one was to take the place of, and that wait for the new one now.
    pub waiting: Vec<Id<marker::Credential>>,
    /// Who was told.
    pub told: Told,
}

/// A token that stays.
#[derive(Debug)]
pub struct KeptToken {
    /// As it stands now.
    pub record: CredentialRecord,
    /// The one that was to take its place. It stays, too.
    pub beside: Id<marker::Credential>,
    /// Who was told.
    pub told: Told,
}

impl LocalTokens {
    /// Issues a token beside another one, with its rights; that one retires as the tenant's policy says.
    ///
    /// # Errors
    /// [`TokensError::NotRotated`]; and as [`LocalTokens::issue`].
    pub async fn rotate(
        &self,
        scope: &TenantScope,
        id: Id<marker::Credential>,
        renewal: Renewal,
    ) -> Result<RotatedToken, TokensError> {
        let tenant = self.store.tenant(scope);
        let old = tenant.credential(id).await?.ok_or(TokensError::NotRotated(NotRotated::Unknown))?;
        let policy = tenant.policy().await?;
        let new = NewToken {
            lifetime: renewal.lifetime,
            label: renewal.label.unwrap_or_else(|| old.label.clone()),
            scopes: old.scopes,
            networks: old.networks,
        };
        let (token, record) = self.make(scope, old.directory, new, &policy).await?;
        let rotation = NewRotation {
            record: record.clone(),
            replaces: id,
            overlap: policy.rotation_overlap,
            deadline: policy.rotation_deadline,
        };
        let caches = self.caches.clone();
        let change = async move {
            let waiting = tenant.waiting_for(id).await?;
            let rotated = tenant.rotate_credential(rotation).await;
            // Of a failure nobody knows whether it was done.
            let told = forget(&caches, waiting.into_iter().chain([id])).await;
            Ok((rotated?.map_err(TokensError::NotRotated)?, told))
        };
        let (rotated, told) = to_the_end(change, || TokensError::CutOff).await?;
        // What stands in the database has the old one's rights of the moment of the rotation.
        let record = CredentialRecord { networks: rotated.old.networks.clone(), scopes: rotated.old.scopes, ..record };
        self.throttle.remember(record.id, record.expires_at);
        let issued = Issued { token: token.to_text(), record };
        Ok(RotatedToken { issued, old: rotated.old, waiting: rotated.waiting, told })
    }

    /// Undoes a rotation: the old token stays, whether it was still to retire or had. The new one stays, too.
    ///
    /// # Errors
    /// [`TokensError::NotKept`]
    pub async fn keep(&self, scope: &TenantScope, id: Id<marker::Credential>) -> Result<KeptToken, TokensError> {
        let (tenant, caches) = (self.store.tenant(scope), self.caches.clone());
        let change = async move {
            let kept = tenant.keep_credential(id).await;
            let told = forget(&caches, [id]).await;
            Ok((kept?.map_err(TokensError::NotKept)?, told))
        };
        let (kept, told) = to_the_end(change, || TokensError::CutOff).await?;
        Ok(KeptToken { record: kept.record, beside: kept.beside, told })
    }
}

/// Has all processes that can be told read these credentials anew.
pub(super) async fn forget(caches: &Caches, ids: impl IntoIterator<Item = Id<marker::Credential>>) -> Told {
    let mut told = Told::Everywhere;
    for id in ids {
        told = told.and(caches.credentials.invalidate(&CredentialKey(id)).await);
    }
    told
}
