//! Bearer tokens: issue, verify, rotate, revoke, warn of their end; OAuth clients, which get some by themselves; and the
//! directories that they open.
//!
//! The gateway knows this service through [`Tokens`]. [`LocalTokens`] is the service itself, in the process that holds
//! the database and the keys; [`RemoteTokens`] asks it from another process, which [`InternalSurface`] answers.

// Futures in futures in futures: how deep they are in one another is counted when their sizes are.
#![recursion_limit = "256"]

mod bounded;
mod caches;
mod config;
mod error;
mod grant;
mod http;
pub mod jobs;
mod local;
mod remote;
mod throttle;
mod tokens;
mod uses;
mod wire;

pub use caches::{DirectoryNews, announce_directory};
pub use config::{KeyAges, OAuthSettings, ThrottleLimits, TokensConfig};
pub use error::{TokensError, VerifyError};
pub use grant::{GrantDenial, GrantDenialReason, GrantError, GrantedToken, Resource, TokenRequest};
pub use http::InternalSurface;
pub use jobs::{ACCESS_TOKENS_KEPT, erase_access_tokens};
pub use local::{
    Activity, CreatedClient, Issued, KeptToken, LocalTokens, MOST_CHANGES, MOST_ROWS, NewClient, NewToken, Renewal,
    Revoked, RevokedClient, Rotated, RotatedToken, TokenStatus,
};
pub use remote::{RemoteError, RemoteTokens};
pub use rollcall_cache::Told;
pub use rollcall_store::{
    AuditAction, AuditCursor, AuditQuery, AuditRecord, ChangeBy, ChangesBy, ClientUse, CredentialUse, DirectoryRecord,
    LastUse, NotKept, NotRotated, Operation, PlaceOfUse, PolicyChange, RefusedUse, TenantPolicy,
};
pub use tokens::{Caller, Tokens};
pub use uses::{GoodUses, LONGEST_AGENT, RefusedReason, RefusedUses, Report, Source, Span, Uses};
