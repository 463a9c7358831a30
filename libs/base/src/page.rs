//! How many things one answer may hold.

use serde::{Deserialize, Serialize};

/// Page sizes of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageLimits {
    /// Resources on a page when the client names no `count`.
    pub default: u32,
    /// The most on one page; a larger `count` is cut to it.
    pub max: u32,
}

impl PageLimits {
    /// The page size for a client's `count` (RFC 7644 §3.4.2.4: a negative one is read as 0).
    pub fn size(self, count: Option<i64>) -> u32 {
        count.map_or(self.default, |count| u32::try_from(count.max(0)).unwrap_or(u32::MAX)).min(self.max)
    }
}

impl Default for PageLimits {
    fn default() -> Self {
        Self { default: 100, max: 1000 }
    }
}
