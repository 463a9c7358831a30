//! The id of a request: in its log lines, in its events and in the answer's `x-request-id`.

use std::fmt;

use actix_web::{HttpMessage, http::header::HeaderMap};
use rollcall_base::Entropy;

/// The header it travels in.
pub(crate) const HEADER: &str = "x-request-id";
const LONGEST: usize = 64;

/// The id of one request. Found in the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The caller's id if it sent a sane one, else a new one of 128 random bits.
    pub(crate) fn of(headers: &HeaderMap, entropy: &dyn Entropy) -> Self {
        let sent = headers.get(HEADER).and_then(|value| value.to_str().ok()).filter(|text| is_sane(text));
        if let Some(text) = sent {
            return Self(text.to_owned());
        }
        let mut random = [0_u8; 16];
        entropy.fill(&mut random);
        Self(format!("{:032x}", u128::from_be_bytes(random)))
    }

    /// The id of `request`; empty if it did not come through a [`crate::Server`].
    pub fn of_request(request: &impl HttpMessage) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(|| Self(String::new()))
    }

    /// The id that the edge gave a request, as a grant vouches for it.
    pub const fn of_edge(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Short and without anything that a log or a header could trip over. No dots or at signs either: a mail address is
/// not an id.
fn is_sane(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use rollcall_base::SeededEntropy;

    use super::*;

    fn of(sent: &str) -> RequestId {
        let request = TestRequest::get().insert_header((HEADER, sent)).to_request();
        RequestId::of(request.headers(), &SeededEntropy::new(1))
    }

    #[test]
    fn a_sane_id_of_the_caller_is_kept_and_any_other_replaced() {
        assert_eq!(of("b1f6-42_A").as_str(), "b1f6-42_A");
        for sent in ["", "a b", "a\"b", "ada@example.com", "ü", &"x".repeat(65)] {
            let id = of(sent);
            assert!(id.as_str().len() == 32 && id.as_str() != sent, "{sent}: {id}");
        }
    }
}
