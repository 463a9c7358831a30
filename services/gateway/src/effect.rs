//! What a request can do.

use actix_web::{HttpRequest, http::Method};

/// Whether a request may change anything: all but GET, HEAD and what only searches (RFC 7644 §3.4.3).
///
/// The path is taken as routes take it, decoded: `/%2Esearch` searches.
pub(crate) fn may_change(request: &HttpRequest) -> bool {
    let method = request.method();
    let searches = method == Method::POST && request.match_info().as_str().trim_end_matches('/').ends_with("/.search");
    !(method == Method::GET || method == Method::HEAD || searches)
}

/// Whether a request is many in one (RFC 7644 §3.7).
pub(crate) fn is_bulk(request: &HttpRequest) -> bool {
    request.match_info().as_str().trim_end_matches('/').ends_with("/Bulk")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn all_but_reads_and_searches_may_change_something() {
        for (method, path, may) in [
            (Method::GET, "/scim/v2/Users", false),
            (Method::HEAD, "/scim/v2/Users", false),
            (Method::POST, "/scim/v2/Users", true),
            (Method::POST, "/scim/v2/Bulk", true),
            (Method::PUT, "/scim/v2/Users/.search", true),
            (Method::PATCH, "/scim/v2/Users/1", true),
            (Method::DELETE, "/scim/v2/Users/1", true),
            (Method::POST, "/scim/v2/.search", false),
            (Method::POST, "/scim/v2/Users/.search", false),
            (Method::POST, "/scim/v2/Users/.search/", false),
            (Method::POST, "/scim/v2/%2Esearch", false),
            (Method::POST, "/scim/v2/Users%2F.search", true),
            (Method::POST, "/scim/v2/Usersx.search", true),
        ] {
            let request = TestRequest::with_uri(path).method(method.clone()).to_http_request();
            assert_eq!(may_change(&request), may, "{method} {path}");
        }
    }

    #[test]
    fn only_what_goes_to_bulk_is_many_in_one() {
        for (path, is) in [
            ("/scim/v2/Bulk", true),
            ("/scim/a/b/v2/Bulk/", true),
            ("/scim/v2/Bul%6B", true),
            ("/scim/v2/Users", false),
        ] {
            assert_eq!(is_bulk(&TestRequest::with_uri(path).to_http_request()), is, "{path}");
        }
    }
}
