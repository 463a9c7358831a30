//! Bearer tokens: issue, verify, revoke; and the directories that they open.
//!
//! The gateway knows this service through [`Tokens`]. [`LocalTokens`] is the service itself, in the process that holds
//! the database and the keys.

mod config;
mod error;
mod local;
mod throttle;
mod tokens;

pub use config::{KeyAges, ThrottleLimits, TokensConfig};
pub use error::{TokensError, VerifyError};
pub use local::{Issued, LocalTokens, Rotated};
pub use rollcall_store::DirectoryRecord;
pub use tokens::Tokens;
