//! What a token is asked for (RFC 8707 §2): a Base URL of this service in either form.

use rollcall_base::{DirectoryName, TenantSlug};
use rollcall_runtime::PublicUrl;
use rollcall_tokens::Resource;

/// What is longer, behind the public address, names nothing.
const LONGEST: usize = "/scim///v2/".len() + TenantSlug::LONGEST + DirectoryName::LONGEST;

/// Takes `text` apart; `None` if it is no Base URL of this service. Whether there is such a directory is the token
/// service's to say.
pub(super) fn read(public: &PublicUrl, text: &str) -> Option<Resource> {
    let public = public.as_str();
    let (own, path) = text.split_at_checked(public.len()).filter(|_| text.len() <= public.len() + LONGEST)?;
    if !own.eq_ignore_ascii_case(public) {
        return None;
    }
    let parts: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
    match parts[..] {
        ["", "scim", "v2"] => Some(Resource::Short),
        ["", "scim", tenant, key, "v2"] if !tenant.is_empty() && !key.is_empty() => {
            Some(Resource::Directory { tenant: tenant.to_owned(), key: key.to_owned() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_base_url_are_read_with_or_without_a_slash_at_the_end() {
        let public = "https://id.example/base".parse().unwrap();
        let long = Resource::Directory { tenant: "acme".to_owned(), key: "Dir-1".to_owned() };
        for (text, read_as) in [
            ("https://id.example/base/scim/v2", Some(Resource::Short)),
            ("https://id.example/base/scim/v2/", Some(Resource::Short)),
            ("https://id.example/base/scim/acme/Dir-1/v2", Some(long.clone())),
            ("HTTPS://ID.example/base/scim/acme/Dir-1/v2/", Some(long)),
            ("https://id.example/base/scim/acme/Dir-1/v2//", None),
            ("https://id.example/base/scim/acme/Dir-1", None),
            ("https://id.example/base/scim//Dir-1/v2", None),
            ("https://id.example/base/scim/acme/Dir-1/v2/Users", None),
            ("https://id.example/base/scim/acme/Dir-1/v2#top", None),
            ("https://id.example/base/lookup/acme/Dir-1/v1", None),
            ("https://id.example/scim/acme/Dir-1/v2", None),
            ("https://id.example.evil/base/scim/v2", None),
            ("http://id.example/base/scim/v2", None),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(read(&public, text), read_as, "{text}");
        }
        let endless = format!("https://id.example/base/scim/{}/Dir-1/v2", "a".repeat(600));
        assert_eq!(read(&public, &endless), None);
    }
}
