//! The directory service: SCIM use cases and lookups over the store, and their HTTP surfaces.
//!
//! Everything here works on one directory, the one that the caller's scope names; there is no way to name another.

// Futures in futures in futures: how deep they are in one another is counted when their sizes are.
#![recursion_limit = "256"]

mod bulk;
mod failure;
mod http;
pub mod jobs;
mod limits;
mod list;
mod lookup;
mod represent;
mod resources;
mod restore;
mod service;
mod size;
mod tolerated;

pub use http::{GrantedSurface, LOOKUP_ROUTES, ROUTES, Route, configure, configure_lookup};
pub use limits::DirectoryLimits;
pub use list::CursorKey;
pub use lookup::{Lookups, announce_lookups};
pub use restore::Restorer;
pub use service::{Call, DirectoryService};
