//! The Base URL that an IdP is given.

use rollcall_runtime::PublicUrl;
use rollcall_tokens::DirectoryRecord;

/// `{public}/scim/{tenant}/{directory}/v2`. Built from the Directory ID, which unlike the Name holds no underscore: Okta
/// refuses a Base URL with one.
pub fn base_url(public: &PublicUrl, directory: &DirectoryRecord) -> String {
    format!("{public}/scim/{}/{}/v2", directory.tenant_slug, directory.directory_id)
}
