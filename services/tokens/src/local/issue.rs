//! Issue.

use std::time::Duration;

use rollcall_access::{AllowedNetworks, BearerToken, CredentialRecord, Scopes, TenantScope, TokenKind};
use rollcall_base::{DAY, Id, SecretText, marker};
use rollcall_store::{DirectoryRecord, TenantPolicy};

use super::LocalTokens;
use crate::TokensError;

const LONGEST_LABEL: usize = 200;
/// In days, whatever a policy says.
pub(super) const LONGEST_LIFE: u32 = 730;

/// A token to be issued.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// How long it is good: 1 to 730 days, and no longer than the tenant's policy allows; `None`: as long as that says.
    pub lifetime: Option<Duration>,
    /// For people, to tell several apart: at most 200 characters.
    pub label: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Where it may be used from; `None`: from anywhere.
    pub networks: Option<AllowedNetworks>,
}

impl NewToken {
    /// One that lives for `lifetime` and may do everything, from anywhere.
    pub const fn living(lifetime: Duration) -> Self {
        Self { lifetime: Some(lifetime), label: String::new(), scopes: Scopes::ALL, networks: None }
    }
}

/// A token that was just issued.
#[derive(Debug)]
pub struct Issued {
    /// The token: to be shown once, it cannot be had again.
    pub token: SecretText,
    /// What is kept of it.
    pub record: CredentialRecord,
}

impl LocalTokens {
    /// A new token for `directory` as `new` says. Needs a data key that the key service has confirmed lately.
    ///
    /// # Errors
    /// [`TokensError`]
    pub async fn issue(
        &self,
        scope: &TenantScope,
        directory: &DirectoryRecord,
        new: NewToken,
    ) -> Result<Issued, TokensError> {
        if directory.tenant != scope.tenant() {
            return Err(TokensError::OtherTenant);
        }
        let policy = self.store.tenant(scope).policy().await?;
        let (token, record) = self.make(scope, directory.id, new, &policy).await?;
        self.store.tenant(scope).insert_credential(&record).await?;
        self.throttle.remember(record.id, record.expires_at);
        tracing::info!(credential = %record.id, directory = %record.directory, "token issued");
        Ok(Issued { token: token.to_text(), record })
    }

    /// A new token as `new` says, which nobody knows of yet.
    pub(super) async fn make(
        &self,
        scope: &TenantScope,
        directory: Id<marker::Directory>,
        new: NewToken,
        policy: &TenantPolicy,
    ) -> Result<(BearerToken, CredentialRecord), TokensError> {
        let NewToken { lifetime, label, scopes, networks } = new;
        let lifetime = lifetime.unwrap_or(DAY * policy.token_days);
        let days = lifetime.as_secs() / DAY.as_secs();
        if lifetime < DAY || lifetime > DAY * LONGEST_LIFE {
            return Err(TokensError::Lifetime { days });
        }
        if lifetime > DAY * policy.longest_token_days {
            return Err(TokensError::LifetimeOfPolicy { days, longest: policy.longest_token_days });
        }
        check_label(&label)?;
        let data_key = self.peppers.newest(scope).await?.id;
        let now = self.clock.now();
        let token = BearerToken::generate(TokenKind::Static, Id::new(now, &*self.entropy), &*self.entropy);
        let record = CredentialRecord {
            id: token.id(),
            tenant: scope.tenant(),
            directory,
            data_key,
            hash: self.peppers.for_making(&self.peppers.place(data_key), |secret| token.hash(secret)).await?,
            client: None,
            scopes,
            networks,
            label,
            created_at: now,
            expires_at: now.plus(lifetime),
            revoked_at: None,
            rotation: None,
        };
        Ok((token, record))
    }
}

/// Refuses what does not fit on a line of a list.
pub(super) fn check_label(label: &str) -> Result<(), TokensError> {
    let fits = label.chars().count() <= LONGEST_LABEL && !label.chars().any(char::is_control);
    fits.then_some(()).ok_or(TokensError::Label { most: LONGEST_LABEL })
}
