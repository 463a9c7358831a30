//! What a service that has just started knows of those who were good before: without it each would have to pass among
//! everybody's junk once more.

use std::net::IpAddr;

use rollcall_base::Timestamp;

use super::LocalTokens;
use crate::{throttle::KNOWN, wire::millis};

/// The most credentials that are remembered at once, so that there is room for those who come.
const MOST: u32 = 50_000;

impl LocalTokens {
    /// Remembers who was let in lately, by whichever process, so that no flood of unknown tokens or clients holds them up: to be
    /// called once, before anybody is served. Failing that they are as unknown as anybody until they were seen.
    pub async fn remember_who_was_good(&self) {
        let now = self.clock.now();
        let since = Timestamp::from_micros(now.as_micros().saturating_sub_unsigned(millis(KNOWN) * 1_000));
        let used = match self.verification.used_since(since, MOST).await {
            Ok(used) => used,
            Err(error) => {
                tracing::warn!(error = %error, "it is not known which tokens were used lately; each counts as unknown once");
                return;
            }
        };
        for one in &used {
            if one.expires_at > now {
                self.throttle.remember(one.id, one.expires_at);
            }
            let address = one.address.parse().ok().filter(|address: &IpAddr| !address.is_unspecified());
            if let (Some(client), Some(address)) = (one.client, address) {
                self.guesses.trust(client, address, now);
            }
        }
        tracing::debug!(credentials = used.len(), "known are those that were used lately");
    }
}
