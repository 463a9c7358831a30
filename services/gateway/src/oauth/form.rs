//! The body of a token request (RFC 6749 §4.4.2, RFC 8707 §2): `application/x-www-form-urlencoded` and nothing else.

use actix_web::{HttpMessage, HttpRequest, http::header::CONTENT_TYPE};
use rollcall_base::SecretText;

use super::error::{OAuthError, invalid_request};

/// What is read of the body. A parameter without a value counts as left out (RFC 6749 §3.2).
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) grant_type: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<SecretText>,
    pub(super) scope: Option<String>,
    /// May be there several times.
    pub(super) resources: Vec<String>,
}

/// Parameters that would be in logs if they were taken from the URL.
const OWN: [&str; 5] = ["grant_type", "client_id", "client_secret", "scope", "resource"];
/// More than one makes no sense here, where a client has one directory.
const MOST_RESOURCES: usize = 8;

/// Refuses a request whose parameters are not where they belong.
pub(super) fn check_place(request: &HttpRequest) -> Result<(), OAuthError> {
    let in_query = form_urlencoded::parse(request.query_string().as_bytes()).any(|(name, _)| OWN.contains(&&*name));
    if in_query {
        return Err(invalid_request(
            "Parameters belong in the request body, never in the URL, where logs keep them. If client_secret was in it, \
             create another client and revoke this one.",
        ));
    }
    if request.headers().get_all(CONTENT_TYPE).count() == 1
        && request.content_type().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    {
        return Ok(());
    }
    Err(invalid_request("The body must be application/x-www-form-urlencoded, and Content-Type must say so once."))
}

impl Form {
    /// Reads a body. Parameters that this service does not know are ignored.
    pub(super) fn parse(body: &[u8]) -> Result<Self, OAuthError> {
        let mut form = Self::default();
        let mut seen = [false; 4];
        for (name, value) in form_urlencoded::parse(body) {
            let Some(at) = OWN.iter().position(|own| *own == name) else { continue };
            if let Some(seen) = seen.get_mut(at)
                && std::mem::replace(seen, true)
            {
                return Err(invalid_request(
                    "grant_type, client_id, client_secret and scope may each be there once (RFC 6749, 3.2).",
                ));
            }
            if value.is_empty() {
                continue;
            }
            let value = value.into_owned();
            match at {
                0 => form.grant_type = Some(value),
                1 => form.client_id = Some(value),
                2 => form.client_secret = Some(SecretText::new(value)),
                3 => form.scope = Some(value),
                _ if form.resources.len() < MOST_RESOURCES => form.resources.push(value),
                _ => return Err(invalid_request("There are too many resources; one is enough.")),
            }
        }
        Ok(form)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn refused(body: &str) -> &'static str {
        Form::parse(body.as_bytes()).unwrap_err().code()
    }

    #[test]
    fn values_are_decoded_and_what_is_empty_or_not_known_is_left_out() {
        let body = "grant_type=client%5Fcredentials&scope=users%3Aread+groups:read&client_id=&audience=x&audience=y&resource=a&resource=b";
        let form = Form::parse(body.as_bytes()).unwrap();
        assert_eq!(form.grant_type.as_deref(), Some("client_credentials"));
        assert_eq!(form.scope.as_deref(), Some("users:read groups:read"));
        assert_eq!((form.client_id, form.resources), (None, vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn what_may_be_there_once_is_refused_when_it_is_there_twice() {
        for name in &OWN[..4] {
            for (one, two) in [("a", "b"), ("a", "a"), ("", "a"), ("a", "")] {
                assert_eq!(refused(&format!("{name}={one}&x=1&{name}={two}")), "invalid_request", "{name}");
            }
        }
        assert_eq!(refused(&"resource=a&".repeat(9)), "invalid_request");
    }

    #[test]
    fn a_secret_is_not_in_the_debug_text() {
        let form = Form::parse(b"client_secret=rcs_opensesame").unwrap();
        assert!(!format!("{form:?}").contains("opensesame"));
    }

    #[test]
    fn a_body_says_once_that_it_is_a_form_and_the_url_holds_no_parameters() {
        let of = |types: &[&str], query: &str| {
            let request = TestRequest::post().uri(&format!("/oauth2/v1/token{query}"));
            let request = types.iter().fold(request, |request, value| request.append_header((CONTENT_TYPE, *value)));
            check_place(&request.to_http_request()).map_err(|error| error.code())
        };
        for good in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=UTF-8"] {
            assert_eq!(of(&[good], ""), Ok(()));
            assert_eq!(of(&[good], "?api-version=1"), Ok(()));
            for query in ["?client_secret=x", "?a=b&client%5Fid=x", "?grant_type=client_credentials"] {
                assert_eq!(of(&[good], query), Err("invalid_request"), "{query}");
            }
            assert_eq!(of(&[good, good], ""), Err("invalid_request"));
        }
        for bad in ["application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
            assert_eq!(of(&[bad], ""), Err("invalid_request"), "{bad}");
        }
        assert_eq!(of(&[], ""), Err("invalid_request"));
    }
}
