//! The directory service: SCIM use cases over the store, and their HTTP surface.
//!
//! Everything here works on one directory, the one that the caller's scope names; there is no way to name another.

mod bulk;
mod failure;
mod http;
pub mod jobs;
mod limits;
mod list;
mod represent;
mod resources;
mod service;
mod size;

pub use http::{ROUTES, Route, configure};
pub use limits::DirectoryLimits;
pub use list::CursorKey;
pub use service::{Call, DirectoryService};
