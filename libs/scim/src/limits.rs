//! How much of everything a request may hold.

/// Limits of what is parsed. Beyond one the request is refused with a 4xx that names the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a filter or a PATCH path.
    pub filter_bytes: usize,
    /// Comparisons in a filter.
    pub filter_terms: usize,
    /// Nested parentheses, `not` and value paths in a filter.
    pub filter_depth: usize,
    /// Operations in a PATCH.
    pub patch_operations: usize,
    /// Members named in one request.
    pub members: usize,
    /// Values of one multi-valued attribute.
    pub values: usize,
    /// Operations in a bulk request.
    pub bulk_operations: usize,
    /// Bytes of a bulk request.
    pub bulk_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            filter_bytes: 4096,
            filter_terms: 64,
            filter_depth: 32,
            patch_operations: 1000,
            members: 100_000,
            values: 1000,
            bulk_operations: 1000,
            bulk_bytes: 1024 * 1024,
        }
    }
}
