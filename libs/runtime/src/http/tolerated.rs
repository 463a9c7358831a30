//! What was tolerated of a request's client: for the request's own line in the log, in every process that it went through.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use tracing::Span;

/// The most bytes of it that are shown.
const MOST: usize = 1_000;

/// Deviations from the RFCs that were tolerated, by name and without any value, such as
/// `operation_letter_case×2, boolean_as_text`. At most 1,000 bytes. The directory service puts it into the request's
/// extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tolerated(String);

impl Tolerated {
    /// Carries it from the directory service to the gateway, which takes it off.
    pub const HEADER: HeaderName = HeaderName::from_static("x-rollcall-tolerated");

    /// What is too long is cut; what could break a line of the log is left out.
    pub fn new(text: &str) -> Self {
        let mut shown: String = text.chars().filter(|c| !c.is_control()).collect();
        if shown.len() > MOST {
            shown.truncate(shown.floor_char_boundary(MOST - '…'.len_utf8()));
            shown.push('…');
        }
        Self(shown)
    }

    /// As another process sent it.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let text = std::str::from_utf8(headers.get(Self::HEADER)?.as_bytes()).ok()?;
        Some(Self::new(text))
    }

    /// To be sent to another process.
    pub fn to_header(&self) -> Option<HeaderValue> {
        HeaderValue::from_bytes(self.0.as_bytes()).ok()
    }

    /// Writes it on the line of the request that `span` is the span of.
    pub fn record(&self, span: &Span) {
        span.record("tolerated", self.0.as_str());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_in_the_next_process_and_never_long_or_of_two_lines() {
        let tolerated = Tolerated::new("operation_letter_case×2, boolean_as_text");
        let mut headers = HeaderMap::new();
        assert_eq!(Tolerated::of(&headers), None);
        headers.insert(Tolerated::HEADER, tolerated.to_header().unwrap());
        assert_eq!(Tolerated::of(&headers), Some(tolerated));
        let long = Tolerated::new(&"a×\r\n".repeat(10_000));
        assert!(long.0.len() <= MOST && long.0.ends_with('…') && !long.0.contains(['\r', '\n']), "{}", long.0);
        assert!(long.to_header().is_some());
    }
}
