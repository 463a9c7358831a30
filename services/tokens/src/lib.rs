//! Bearer tokens: issue, verify, revoke; and the directories that they open.
//!
//! The gateway knows this service through [`Tokens`]. [`LocalTokens`] is the service itself, in the process that holds
//! the database and the keys; [`RemoteTokens`] asks it from another process, which [`InternalSurface`] answers.

mod caches;
mod config;
mod error;
mod http;
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
pub use local::{Issued, LocalTokens, NewToken, Rotated};
pub use remote::{RemoteError, RemoteTokens};
pub use rollcall_cache::Told;
pub use rollcall_store::DirectoryRecord;
pub use tokens::Tokens;
pub use uses::{GoodUses, LONGEST_AGENT, RefusedReason, RefusedUses, Source, Span, Uses};
