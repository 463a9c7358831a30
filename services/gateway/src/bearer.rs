//! The bearer token of a request (RFC 6750 §2.1). The two other ways of sending one, in the body and in the query, are
//! not read: they end up in logs.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use rollcall_access::BearerToken;

use crate::diagnosis::Diagnosis;

/// Reads the token offline.
pub(crate) fn read(headers: &HeaderMap) -> Result<BearerToken, Diagnosis> {
    let mut sent = headers.get_all(AUTHORIZATION);
    let value = sent.next().ok_or(Diagnosis::NoHeader)?;
    if sent.next().is_some() {
        return Err(Diagnosis::SeveralHeaders);
    }
    let value = value.to_str().map_err(|_| Diagnosis::Unreadable)?.trim();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(Diagnosis::of_other_scheme(scheme));
    }
    let token = token.trim();
    BearerToken::parse(token).map_err(|_| Diagnosis::of_text(token))
}

#[cfg(test)]
mod tests {
    use actix_web::{HttpMessage, test::TestRequest};
    use rollcall_access::TokenKind;
    use rollcall_base::{Id, SeededEntropy, Timestamp};

    use super::*;

    fn of(values: &[&str]) -> Result<BearerToken, Diagnosis> {
        let request =
            values.iter().fold(TestRequest::get(), |request, value| request.append_header((AUTHORIZATION, *value)));
        read(request.to_request().headers())
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_one_header_is_taken() {
        let entropy = SeededEntropy::new(1);
        let token = BearerToken::generate(TokenKind::Static, Id::new(Timestamp::from_micros(1), &entropy), &entropy);
        let text = token.to_text().expose().to_owned();
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(of(&[&format!("{scheme}  {text} ")]).unwrap().id(), token.id());
        }
        let header = format!("Bearer {text}");
        assert_eq!(of(&[&header, &header]).unwrap_err(), Diagnosis::SeveralHeaders);
        assert_eq!(of(&[]).unwrap_err(), Diagnosis::NoHeader);
        assert_eq!(of(&[&text]).unwrap_err(), Diagnosis::NoScheme);
        assert_eq!(of(&["Basic abc"]).unwrap_err(), Diagnosis::OtherScheme);
        assert_eq!(of(&["Bearer"]).unwrap_err(), Diagnosis::Empty);
        assert_eq!(of(&[&header[..header.len() - 1]]).unwrap_err(), Diagnosis::Damaged);
    }
}
