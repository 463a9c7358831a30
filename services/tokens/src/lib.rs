//! Bearer tokens: issue, verify, revoke; OAuth clients, which get some by themselves; and the directories that they open.
//!
//! The gateway knows this service through [`Tokens`]. [`LocalTokens`] is the service itself, in the process that holds
//! the database and the keys; [`RemoteTokens`] asks it from another process, which [`InternalSurface`] answers.

mod caches;
mod config;
mod eraser;
mod error;
mod grant;
mod http;
mod local;
mod remote;
mod throttle;
mod tokens;
mod uses;
mod wire;

pub use caches::announce_directory;
pub use config::{KeyAges, OAuthSettings, ThrottleLimits, TokensConfig};
pub use eraser::{ACCESS_TOKENS_KEPT, erase_access_tokens};
pub use error::{TokensError, VerifyError};
pub use grant::{GrantDenial, GrantDenialReason, GrantError, GrantedToken, Resource, TokenRequest};
pub use http::InternalSurface;
pub use local::{CreatedClient, Issued, LocalTokens, NewClient, NewToken, RevokedClient, Rotated};
pub use remote::{RemoteError, RemoteTokens};
pub use rollcall_cache::Told;
pub use rollcall_store::{ClientUse, DirectoryRecord};
pub use tokens::Tokens;
pub use uses::{GoodUses, LONGEST_AGENT, RefusedReason, RefusedUses, Source, Span, Uses};
