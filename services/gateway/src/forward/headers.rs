//! Which headers go on, in either direction.

use actix_web::{
    HttpRequest, HttpResponseBuilder,
    body::BodySize,
    http::{
        Method, Version,
        header::{
            AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
            PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
        },
    },
};
use rollcall_runtime::telemetry::trace_headers;

use crate::headers::INTERNAL;

const GRANT: HeaderName = HeaderName::from_static("x-rollcall-grant");
/// The directory service's word that it was the grant that it did not like.
const REFUSED: &str = "x-rollcall-refused";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// They belong to one connection (RFC 9110 §7.6.1) and are made anew for the next.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    CONTENT_LENGTH,
    KEEP_ALIVE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// The token has done its work, and the others are the edge's business.
const FOR_THE_EDGE: [HeaderName; 4] = [AUTHORIZATION, COOKIE, EXPECT, HOST];

fn goes_on(name: &HeaderName, named: &[String]) -> bool {
    !HOP_BY_HOP.contains(name)
        && !named.iter().any(|hop| hop == name.as_str())
        && !name.as_str().starts_with(INTERNAL)
        && *name != REQUEST_ID
}

/// The headers that Connection names as its own.
fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(CONNECTION)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect()
}

/// The request's headers as the directory service gets them.
pub(super) fn forwarded(received: &HeaderMap, request_id: &str, grant: &str, sent: &mut HeaderMap) {
    let named = named_by_connection(received);
    for (name, value) in received {
        let proxied = name.as_str() == "forwarded" || name.as_str().starts_with("x-forwarded-");
        if goes_on(name, &named) && !FOR_THE_EDGE.contains(name) && !proxied {
            sent.append(name.clone(), value.clone());
        }
    }
    let own = trace_headers();
    let own = own.iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::from_str(value).ok()?))
    });
    for (name, value) in own {
        sent.insert(name, value);
    }
    for (name, value) in [(REQUEST_ID, request_id), (GRANT, grant)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            sent.insert(name, value);
        }
    }
}

/// To these a body means nothing (RFC 9110 §9.3).
const BODILESS: [Method; 5] = [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS, Method::TRACE];

/// How the body of `request` is to be sent on.
pub(super) fn body_size(request: &HttpRequest) -> BodySize {
    let headers = request.headers();
    // HTTP/2 knows no Transfer-Encoding: only the frames say whether there is a body, and where it ends (RFC 9113 §8.1).
    let framed = request.version() >= Version::HTTP_2 && !BODILESS.contains(request.method());
    match length(headers) {
        _ if headers.contains_key(TRANSFER_ENCODING) => BodySize::Stream,
        Some(length) => BodySize::Sized(length),
        None if framed => BodySize::Stream,
        None => BodySize::None,
    }
}

/// What Content-Length says.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// The answer's headers as the client gets them.
pub(super) fn relayed(received: &HeaderMap, response: &mut HttpResponseBuilder) {
    let named = named_by_connection(received);
    for (name, value) in received {
        if goes_on(name, &named) {
            response.append_header((name.clone(), value.clone()));
        }
    }
}

/// Whether the directory service did not accept our grant.
pub(super) fn refuses_grant(received: &HeaderMap) -> bool {
    received.contains_key(REFUSED)
}

#[cfg(test)]
mod tests {
    use actix_web::{HttpMessage, test::TestRequest};

    use super::*;

    fn sent(received: &[(&'static str, &'static str)]) -> HeaderMap {
        let request = received.iter().fold(TestRequest::get(), |request, header| request.append_header(*header));
        let mut sent = HeaderMap::new();
        forwarded(request.to_request().headers(), "id-1", "grant-1", &mut sent);
        sent
    }

    #[test]
    fn what_belongs_to_the_connection_or_the_edge_stays_behind() {
        let sent = sent(&[
            ("authorization", "Bearer rct_x"),
            ("connection", "keep-alive, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "5"),
            ("transfer-encoding", "chunked"),
            ("host", "id.example"),
            ("cookie", "a=b"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-rollcall-grant", "forged"),
            ("x-request-id", "forged"),
            ("expect", "100-continue"),
            ("accept", "application/json"),
            ("if-match", "W/\"1\""),
            ("content-type", "application/scim+json"),
        ]);
        let mut names: Vec<&str> = sent.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "content-type", "if-match", "x-request-id", "x-rollcall-grant"]);
        assert_eq!(sent.get("x-rollcall-grant").unwrap(), "grant-1");
        assert_eq!(sent.get("x-request-id").unwrap(), "id-1");
    }

    #[test]
    fn what_the_services_tell_each_other_is_taken_off_the_answer() {
        let mut received = HeaderMap::new();
        for name in ["x-rollcall-tolerated", "x-rollcall-refused", "etag"] {
            received.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        let mut response = actix_web::HttpResponse::Ok();
        relayed(&received, &mut response);
        let names: Vec<String> = response.finish().headers().keys().map(ToString::to_string).collect();
        assert_eq!(names, ["etag"]);
    }

    fn size_of(method: Method, version: Version, headers: &[(&'static str, &'static str)]) -> BodySize {
        let request = TestRequest::default().method(method).version(version);
        body_size(&headers.iter().fold(request, |request, header| request.append_header(*header)).to_http_request())
    }

    #[test]
    fn a_body_keeps_its_length_and_one_without_is_streamed() {
        for version in [Version::HTTP_11, Version::HTTP_2] {
            assert_eq!(size_of(Method::POST, version, &[("content-length", "7")]), BodySize::Sized(7));
            assert_eq!(size_of(Method::POST, version, &[("content-length", "0")]), BodySize::Sized(0));
            assert_eq!(size_of(Method::GET, version, &[("content-length", "7")]), BodySize::Sized(7));
        }
        for method in [Method::POST, Method::GET] {
            assert_eq!(size_of(method, Version::HTTP_11, &[("transfer-encoding", "chunked")]), BodySize::Stream);
        }
    }

    #[test]
    fn a_request_that_says_nothing_of_a_body_has_none_before_http_2_and_may_have_one_since() {
        for method in [Method::POST, Method::PUT, Method::PATCH] {
            assert_eq!(size_of(method.clone(), Version::HTTP_11, &[]), BodySize::None, "{method}");
            assert_eq!(size_of(method.clone(), Version::HTTP_2, &[]), BodySize::Stream, "{method}");
        }
        for method in BODILESS {
            assert_eq!(size_of(method.clone(), Version::HTTP_2, &[]), BodySize::None, "{method}");
        }
    }
}
