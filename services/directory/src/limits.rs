//! What one request may ask for.

use std::time::Duration;

use rollcall_base::PageLimits;
use rollcall_scim::Limits;

/// The limits of the SCIM surface. All are settings; each is answered with an error that names it.
#[derive(Debug, Clone)]
pub struct DirectoryLimits {
    /// Filters, PATCH operations, members and Bulk operations in one request.
    pub scim: Limits,
    /// Resources on a page.
    pub page: PageLimits,
    /// Bytes of a request body, except Bulk.
    pub body_bytes: usize,
    /// Bytes of one resource as JSON, without members.
    pub resource_bytes: usize,
    /// Members in all the groups of one list answer.
    pub list_members: u32,
    /// Groups that a lookup answers with for one user.
    pub lookup_groups: u32,
    /// Resources in a directory that is a draft.
    pub draft_resources: u32,
    /// How long a cursor may be used.
    pub cursor_lifetime: Duration,
}
