//! The path and query that a request is forwarded under.

use actix_web::http::Uri;

/// The directory service knows the directory from the grant and takes the short form alone.
const PREFIX: &str = "/scim/v2";

/// What `uri` names behind its Base URL, in the short form, byte for byte as the client sent it.
pub(super) fn behind_base_url(uri: &Uri) -> String {
    let path = uri.path();
    let behind = match path.strip_prefix(PREFIX) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        // /scim/{tenant}/{directory}/v2
        _ => path.match_indices('/').nth(4).map_or("", |(at, _)| &path[at..]),
    };
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    format!("{PREFIX}{behind}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: &str) -> String {
        behind_base_url(&target.parse().unwrap())
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
