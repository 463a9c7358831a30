//! Filters (RFC 7644 §3.4.2.2): text → [`Filter`] → [`Condition`].

mod resolved;

pub use resolved::{CompareOp, Condition, Operand, ResolvedPath};
