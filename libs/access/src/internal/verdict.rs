//! Verdicts: the token service's word that a token is good, for the gateway.

use rollcall_base::{Id, Timestamp, marker};
use serde::{Deserialize, Serialize};

use super::{InternalKeys, SealError, check_moment, seal};
use crate::{AllowedNetworks, Authenticated, BearerToken, Scopes};

#[derive(Serialize, Deserialize)]
struct Content {
    signed_at: i64,
    credential: Id<marker::Credential>,
    tenant: Id<marker::Tenant>,
    directory: Id<marker::Directory>,
    scopes: Scopes,
    networks: Option<AllowedNetworks>,
    ends_at: i64,
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
                scopes: authenticated.scopes(),
                networks: authenticated.networks.clone(),
                ends_at: authenticated.ends_at().as_micros(),
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
            scopes: content.scopes,
            networks: content.networks,
            ends_at: Timestamp::from_micros(content.ends_at),
        })
    }
}
