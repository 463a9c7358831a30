//! RFC 7643, 7644 and 9865 without I/O: schemas as data, filters, paths, PATCH, projection, messages, and what real
//! clients need beyond the RFCs ([`quirks`]).

mod document;
mod error;
pub mod filter;
mod members;
pub mod schema;

pub use document::Document;
pub use error::{ScimError, ScimType};
pub use members::MemberOp;
