//! The path and query that a request is forwarded under.

use actix_web::http::Uri;

use crate::Api;

/// What `uri` names, in the short form, byte for byte as the client sent it: the directory service knows the directory
/// from the grant.
pub(super) fn in_short_form(api: Api, uri: &Uri) -> String {
    let (prefix, path) = (api.prefix(), uri.path());
    let behind = match path.strip_prefix(prefix) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        // /scim/{tenant}/{directory}/v2
        _ => path.match_indices('/').nth(4).map_or("", |(at, _)| &path[at..]),
    };
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    format!("{prefix}{behind}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: &str) -> String {
        in_short_form(if target.starts_with("/scim") { Api::Scim } else { Api::Lookup }, &target.parse().unwrap())
    }

    #[test]
    fn both_forms_of_the_base_url_lead_to_the_same_place() {
        for (sent, forwarded) in [
            ("/scim/v2", "/scim/v2"),
            ("/scim/v2/Users/1?a=b", "/scim/v2/Users/1?a=b"),
            ("/scim/acme/okta/v2", "/scim/v2"),
            ("/scim/acme/okta/v2?filter=a", "/scim/v2?filter=a"),
            ("/scim/acme/okta/v2/Users", "/scim/v2/Users"),
            ("/scim/acme/v2/v2/v2/Users", "/scim/v2/v2/Users"),
            ("/scim/acme/okta/v2/.search", "/scim/v2/.search"),
            ("/lookup/v1/users?userName=a", "/lookup/v1/users?userName=a"),
            ("/lookup/acme/okta/v1/users/1", "/lookup/v1/users/1"),
            ("/scim/acme/okta/v2/Schemas/urn:ietf:params:x", "/scim/v2/Schemas/urn:ietf:params:x"),
        ] {
            assert_eq!(of(sent), forwarded, "{sent}");
        }
    }

    #[test]
    fn nothing_is_decoded_or_tidied_up() {
        for behind in ["/Users/%2e%2e/x", "/Users/a%2Fb", "/Users?filter=userName%20eq%20'x'&b=%22+%22"] {
            assert_eq!(of(&format!("/scim/acme/okta/v2{behind}")), format!("/scim/v2{behind}"));
        }
    }
}
