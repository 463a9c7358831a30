//! RFC 7643, 7644 and 9865 without I/O: schemas as data, filters, paths, PATCH, projection, messages, and what real
//! clients need beyond the RFCs ([`quirks`]).

mod accept;
mod document;
mod error;
pub mod filter;
#[cfg(any(test, feature = "generators"))]
#[doc(hidden)]
pub mod generators;
pub mod index;
mod json;
mod limits;
mod members;
pub mod messages;
mod patch;
pub mod path;
mod projection;
pub mod quirks;
mod represent;
pub mod schema;
mod text;

pub use accept::{Draft, accept};
pub use document::{Document, PathChange};
pub use error::{ScimError, ScimType};
pub use json::parse_json;
pub use limits::Limits;
pub use members::MemberOp;
pub use patch::PatchPlan;
pub use projection::Projection;
pub use represent::{Envelope, represent};
pub use text::fold;
