//! Which media types are taken and given (RFC 7644 §3.1, §8.1).

use actix_web::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use rollcall_scim::ScimError;

/// The media type of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/scim+json`, unless the client wants the other.
    Scim,
    /// `application/json`.
    Json,
}

impl MediaType {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Scim => "application/scim+json",
            Self::Json => "application/json",
        }
    }

    /// What the client accepts; SCIM where it accepts both.
    pub(super) fn negotiate(headers: &HeaderMap) -> Result<Self, ScimError> {
        let mut json = false;
        let mut asked = false;
        for value in headers.get_all(ACCEPT) {
            // What cannot be read as text names no type that we serve.
            for range in value.to_str().unwrap_or("?").split(',').map(str::trim).filter(|range| !range.is_empty()) {
                asked = true;
                let mut pieces = range.split(';').map(|piece| piece.trim().to_ascii_lowercase());
                let name = pieces.next().unwrap_or_default();
                if pieces.any(|parameter| parameter.strip_prefix("q=").is_some_and(is_zero)) {
                    continue;
                }
                match name.as_str() {
                    "application/scim+json" | "application/*" | "*/*" => return Ok(Self::Scim),
                    "application/json" => json = true,
                    _ => {}
                }
            }
        }
        match (asked, json) {
            (false, _) => Ok(Self::Scim),
            (true, true) => Ok(Self::Json),
            (true, false) => Err(ScimError::status(
                406,
                "Answers are application/scim+json or application/json. Let the Accept header allow one of them.",
            )),
        }
    }
}

fn is_zero(quality: &str) -> bool {
    quality.parse::<f32>().is_ok_and(|quality| quality == 0.0)
}

/// Charsets in which JSON has other bytes than in UTF-8 even where it is ASCII. Whatever else is named, by clients with a default of
/// their own, is read as the UTF-8 that JSON is in (RFC 8259 §8.1): what is not UTF-8 is refused by its bytes.
const OTHER_BYTES: [&str; 4] = ["utf-16", "utf-32", "ucs-2", "utf-7"];

/// Refuses a body that says it is something else. One that does not say is read as JSON.
pub(super) fn check_body(headers: &HeaderMap) -> Result<(), ScimError> {
    let encoding = headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
    if encoding.is_some_and(|encoding| !matches!(encoding.as_str(), "" | "identity")) {
        return Err(ScimError::status(415, "The body is compressed. Send it as it is, without Content-Encoding."));
    }
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut pieces = text.split(';').map(str::trim);
    let name = pieces.next().unwrap_or_default();
    let other_charset = |piece: &str| {
        piece
            .strip_prefix("charset=")
            .is_some_and(|charset| OTHER_BYTES.iter().any(|other| charset.trim_matches('"').starts_with(other)))
    };
    if pieces.any(other_charset) {
        return Err(ScimError::status(415, "JSON is sent in UTF-8 (RFC 8259). Send the body so."));
    }
    match name {
        "application/scim+json" | "application/json" | "" => Ok(()),
        _ => Err(ScimError::status(
            415,
            "The body must be application/scim+json or application/json; say so in the Content-Type header.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn accept(value: &'static str) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(value));
        MediaType::negotiate(&headers).ok()
    }

    #[test]
    fn scim_json_is_given_unless_only_plain_json_is_accepted() {
        assert_eq!(MediaType::negotiate(&HeaderMap::new()).ok(), Some(MediaType::Scim));
        for scim in ["*/*", "application/scim+json", "application/json, application/scim+json", "text/html, */*;q=0.1"]
        {
            assert_eq!(accept(scim), Some(MediaType::Scim), "{scim}");
        }
        for json in ["application/json", "APPLICATION/JSON; charset=utf-8", "application/json, */*;q=0"] {
            assert_eq!(accept(json), Some(MediaType::Json), "{json}");
        }
        for none in ["text/html", "application/xml", "application/scim+json;q=0", "image/*"] {
            assert_eq!(accept(none), None, "{none}");
        }
    }
}
