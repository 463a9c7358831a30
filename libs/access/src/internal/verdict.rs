//! Verdicts: the token service's word that a token is good, for the gateway.

use rollcall_base::{Id, Timestamp, marker};
use serde::{Deserialize, Serialize};

use super::{InternalKeys, SealError, check_moment, seal};
use crate::{Authenticated, BearerToken, Rights};

#[derive(Serialize, Deserialize)]
struct Content {
    signed_at: i64,
    credential: Id<marker::Credential>,
    tenant: Id<marker::Tenant>,
    directory: Id<marker::Directory>,
    may_write: bool,
    expires_at: i64,
    /// HMAC of the token's secret: the verdict is about this token and no other with its id.
    token: [u8; 32],
}

impl InternalKeys {
    /// Says that `token` was checked just now and gave `authenticated`.
    pub fn vouch(&self, authenticated: &Authenticated, token: &BearerToken, now: Timestamp) -> String {
        seal::seal(
            &self.verdicts,
            &Content {
                signed_at: now.as_micros(),
                credential: authenticated.credential(),
                tenant: authenticated.tenant(),
                directory: authenticated.directory(),
                may_write: authenticated.rights() == Rights::ReadWrite,
                expires_at: authenticated.expires_at().as_micros(),
                token: *token.hash(&self.verdicts).as_bytes(),
            },
        )
    }

    /// What `verdict` says about `token`.
    ///
    /// # Errors
    /// [`SealError`] if another installation signed it, if it is about another token, or if it is not fresh.
    pub fn believe(&self, verdict: &str, token: &BearerToken, now: Timestamp) -> Result<Authenticated, SealError> {
        let content: Content = seal::open(&self.verdicts, verdict)?;
        check_moment(content.signed_at, now)?;
        let same = crate::TokenHash::from_bytes(content.token).matches(&token.hash(&self.verdicts));
        if content.credential != token.id() || !same {
            return Err(SealError::OtherUse);
        }
        Ok(Authenticated {
            credential: content.credential,
            tenant: content.tenant,
            directory: content.directory,
            rights: if content.may_write { Rights::ReadWrite } else { Rights::Read },
            expires_at: Timestamp::from_micros(content.expires_at),
        })
    }
}
