//! What the services of one installation prove to each other, with one shared secret.
//!
//! A *grant* carries a scope from the gateway to the directory, a *call* is a question of one service to another, and a
//! *verdict* is the token service's word about a token. Each is signed with HMAC-SHA-256 under a key of its own that is
//! derived from the shared secret, so that one can never be taken for another.
//!
//! Nobody makes an [`Authenticated`](crate::Authenticated) but this crate, whatever text was received:
//! ```compile_fail
//! use rollcall_access::Authenticated;
//! use rollcall_base::{Id, marker};
//! fn forge(mine: Authenticated, tenant: Id<marker::Tenant>) -> Authenticated {
//!     Authenticated { tenant, ..mine }
//! }
//! ```
//! ```
//! use rollcall_access::{Authenticated, ForwardedRequest, GrantError, InternalKeys};
//! fn redeem(
//!     keys: &InternalKeys,
//!     grant: &str,
//!     request: &ForwardedRequest<'_>,
//!     now: rollcall_base::Timestamp,
//! ) -> Result<Authenticated, GrantError> {
//!     keys.redeem(grant, request, now).map(|granted| granted.authenticated)
//! }
//! ```
//! A grant is not the thing that it grants (the second of these two is what compiles):
//! ```compile_fail
//! use rollcall_access::{DirectoryScope, Granted, Write};
//! fn change(_: &DirectoryScope<Write>) {}
//! fn use_it(granted: &Granted) { change(&granted.authenticated.answer()) }
//! ```
//! ```
//! use rollcall_access::{DirectoryScope, Forbidden, Granted, Permission, Write};
//! fn change(_: &DirectoryScope<Write>) {}
//! fn use_it(granted: &Granted, permission: Permission) -> Result<(), Forbidden> {
//!     Ok(change(&granted.authenticated.write(permission)?))
//! }
//! ```

mod call;
mod grant;
mod seal;
mod verdict;

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use rollcall_base::{Secret32, SecretText, Timestamp};
use sha2::{Digest, Sha256};

pub use call::InternalCall;
pub use grant::{ForwardedRequest, GrantError, Granted};

/// How far the clock of who checks may be from the moment of signing, either way: clocks of machines differ. What was
/// signed is therefore good for at most twice this, a minute.
pub const SIGNED_FOR: Duration = Duration::from_secs(30);

/// The least number of bytes that a shared secret must have.
pub const SHORTEST_INTERNAL_SECRET: usize = 32;

/// The text does not carry this installation's signature, or was altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not signed with our secret, or altered since.
    #[error("it is not signed with this installation's internal secret")]
    Forged,
    /// Signed too long ago, or by a clock that is too far ahead.
    #[error("it was signed too long ago or by a clock that is too far ahead")]
    Stale,
    /// Signed for something else than it came with.
    #[error("it was signed for something else than it came with")]
    OtherUse,
}

/// The keys that services of one installation share, derived from its internal secret.
#[derive(Debug, Clone)]
pub struct InternalKeys {
    grants: Secret32,
    calls: Secret32,
    verdicts: Secret32,
    cursors: Secret32,
    cached: Secret32,
}

impl InternalKeys {
    /// The keys of the installation with this secret, which should have [`SHORTEST_INTERNAL_SECRET`] bytes or more.
    pub fn derive(secret: &SecretText) -> Self {
        let key = |purpose: &str| {
            let mut mac = keyed(secret.expose().as_bytes());
            mac.update(b"rollcall/internal/");
            mac.update(purpose.as_bytes());
            Secret32::from_bytes(mac.finalize().into_bytes().into())
        };
        Self {
            grants: key("grant"),
            calls: key("call"),
            verdicts: key("verdict"),
            cursors: key("cursor"),
            cached: key("cache"),
        }
    }

    /// What cursors are signed with where there is no keyring.
    pub fn cursor_key(&self) -> Secret32 {
        self.cursors.clone()
    }

    /// What values in a shared cache are sealed with.
    pub fn cache_key(&self) -> Secret32 {
        self.cached.clone()
    }
}

#[allow(clippy::expect_used)] // HMAC takes a key of any length (RFC 2104 §2)
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// A digest of several parts, none of which can flow into the next.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn check_moment(signed_at: i64, now: Timestamp) -> Result<(), SealError> {
    let signed_at = Timestamp::from_micros(signed_at);
    if now.since(signed_at).max(signed_at.since(now)) <= SIGNED_FOR { Ok(()) } else { Err(SealError::Stale) }
}
