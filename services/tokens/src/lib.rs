//! Bearer tokens: issue, verify, rotate, revoke, warn of their end; and the directories that they open.
//!
//! The gateway knows this service through [`Tokens`]. [`LocalTokens`] is the service itself, in the process that holds
//! the database and the keys; [`RemoteTokens`] asks it from another process, which [`InternalSurface`] answers.

mod caches;
mod config;
mod error;
mod http;
pub mod jobs;
mod local;
mod remote;
mod throttle;
mod tokens;
mod uses;
mod wire;

pub use caches::announce_directory;
pub use config::{KeyAges, ThrottleLimits, TokensConfig};
pub use error::{TokensError, VerifyError};
pub use http::InternalSurface;
pub use local::{
    Activity, Issued, KeptToken, LocalTokens, MOST_CHANGES, MOST_ROWS, NewToken, PolicyChange, Renewal, Revoked,
    Rotated, RotatedToken, TokenStatus,
};
pub use remote::{RemoteError, RemoteTokens};
pub use rollcall_cache::Told;
pub use rollcall_store::{
    AuditAction, AuditQuery, AuditRecord, ChangeBy, ChangesBy, CredentialUse, DirectoryRecord, LastUse, NotKept,
    NotRotated, Operation, PlaceOfUse, RefusedUse, TenantPolicy,
};
pub use tokens::Tokens;
pub use uses::{GoodUses, LONGEST_AGENT, RefusedReason, RefusedUses, Source, Span, Uses};
