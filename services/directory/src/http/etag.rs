//! Conditional requests (RFC 7644 §3.14, RFC 9110 §13).

use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use rollcall_store::Precondition;

/// The entity tags of a header, opaque parts only; weakness does not matter here. None if there is no such header,
/// `*` as itself.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<String>> {
    let mut tags = Vec::new();
    let mut present = false;
    for value in headers.get_all(name) {
        present = true;
        for tag in value.to_str().unwrap_or_default().split(',') {
            let tag = tag.trim();
            let opaque = tag.strip_prefix("W/").or_else(|| tag.strip_prefix("w/")).unwrap_or(tag);
            tags.push(opaque.trim_matches('"').to_owned());
        }
    }
    present.then_some(tags)
}

/// If-Match compares versions: what follows the hyphen of our tags covers attributes that the client cannot change
/// here and must not make its change fail.
pub(super) fn precondition(headers: &HeaderMap) -> Precondition {
    match tags(headers, &IF_MATCH) {
        None => Precondition::None,
        Some(tags) if tags.iter().any(|tag| tag == "*") => Precondition::None,
        Some(tags) => Precondition::Versions(tags.iter().filter_map(|tag| version(tag)).collect()),
    }
}

/// The version in one tag, as Bulk operations carry it.
pub(crate) fn version(tag: &str) -> Option<i64> {
    let tag = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"');
    tag.split('-').next()?.parse().ok()
}

/// Whether the client already has what `etag` names.
pub(super) fn client_has(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"');
    tags(headers, &IF_NONE_MATCH).is_some_and(|tags| tags.iter().any(|tag| tag == "*" || tag == opaque))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn if_match_compares_the_version_alone() {
        assert!(matches!(precondition(&HeaderMap::new()), Precondition::None));
        assert!(matches!(precondition(&with(IF_MATCH, "*")), Precondition::None));
        let Precondition::Versions(versions) = precondition(&with(IF_MATCH, "W/\"3-0a1b\", \"4\", \"abc\"")) else {
            panic!("tags are versions");
        };
        assert_eq!(versions, [3, 4]);
    }

    #[test]
    fn if_none_match_compares_the_whole_tag() {
        assert!(client_has(&with(IF_NONE_MATCH, "\"9\", W/\"3-0a1b\""), "W/\"3-0a1b\""));
        assert!(!client_has(&with(IF_NONE_MATCH, "W/\"3\""), "W/\"3-0a1b\""));
        assert!(!client_has(&HeaderMap::new(), "W/\"3\""));
    }
}
