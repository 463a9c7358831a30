//! What an operator should know about a request without a readable token. For the log only; the caller sees one and the
//! same 401. Nothing of what was sent is repeated.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rollcall_access::TokenKind;
use rollcall_tokens::RefusedReason;
use serde::Deserialize;

/// What was sent in place of a token, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Diagnosis {
    #[error("no Authorization header was sent")]
    NoHeader,
    #[error("more than one Authorization header was sent")]
    SeveralHeaders,
    #[error("the Authorization header holds bytes that are no text")]
    Unreadable,
    #[error("the Authorization header holds a token without the word Bearer before it")]
    NoScheme,
    #[error("the Authorization header uses another scheme than Bearer")]
    OtherScheme,
    #[error("the token is empty: the secret was not filled in at the client")]
    Empty,
    #[error("the token begins as one of ours but was cut, mistyped or pasted together with something else")]
    Damaged,
    #[error(
        "Entra ID sent a token of its own, which it does when Secret Token was left blank in the provisioning settings: \
         paste this directory's token there"
    )]
    EntraOwnToken,
    #[error("a JWT of another issuer was sent")]
    OtherJwt,
    #[error("the token is of another service")]
    Foreign,
}

impl From<Diagnosis> for RefusedReason {
    fn from(diagnosis: Diagnosis) -> Self {
        match diagnosis {
            Diagnosis::NoHeader => Self::NoToken,
            Diagnosis::SeveralHeaders => Self::SeveralHeaders,
            Diagnosis::Unreadable => Self::Unreadable,
            Diagnosis::NoScheme => Self::NoScheme,
            Diagnosis::OtherScheme => Self::OtherScheme,
            Diagnosis::Empty => Self::Empty,
            Diagnosis::Damaged => Self::Damaged,
            Diagnosis::EntraOwnToken => Self::EntraOwnToken,
            Diagnosis::OtherJwt => Self::OtherJwt,
            Diagnosis::Foreign => Self::Foreign,
        }
    }
}

/// A JWT of an identity provider is 1 to 3 kB; more is not worth decoding.
const LONGEST_JWT: usize = 8 * 1024;

#[derive(Deserialize)]
struct Claims {
    iss: String,
}

impl Diagnosis {
    pub(crate) fn of_text(token: &str) -> Self {
        if token.is_empty() {
            return Self::Empty;
        }
        if TokenKind::of_text(token).is_some() {
            return Self::Damaged;
        }
        match issuer(token) {
            // Microsoft's fact: tokens of Entra ID's provisioning service are issued by sts.windows.net (v1) or
            // login.microsoftonline.com (v2).
            Some(issuer) if issuer.starts_with("https://sts.windows.net/") => Self::EntraOwnToken,
            Some(issuer) if issuer.starts_with("https://login.microsoftonline.com/") => Self::EntraOwnToken,
            Some(_) => Self::OtherJwt,
            None => Self::Foreign,
        }
    }

    pub(crate) fn of_other_scheme(scheme: &str) -> Self {
        if scheme.is_empty() {
            Self::Empty
        } else if TokenKind::of_text(scheme).is_some() {
            Self::NoScheme
        } else {
            Self::OtherScheme
        }
    }
}

/// Who issued the JWT `token`, by its own word: for a diagnosis that is enough, nothing is allowed by it.
fn issuer(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || token.len() > LONGEST_JWT {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice::<Claims>(&payload).ok().map(|claims| claims.iss)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(issuer: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let claims = format!(r#"{{"aud":"8adf8e6e-67b2-4cf2-a259-e3dc5476c621","iss":"{issuer}"}}"#);
        format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(&claims), part("signature"))
    }

    #[test]
    fn entras_own_token_is_told_from_other_ones() {
        let entra = "https://sts.windows.net/7d2a9f3e-0000-0000-0000-000000000001/";
        assert_eq!(Diagnosis::of_text(&jwt(entra)), Diagnosis::EntraOwnToken);
        assert_eq!(Diagnosis::of_text(&jwt("https://idp.example.com")), Diagnosis::OtherJwt);
        assert_eq!(Diagnosis::of_text(&jwt("https://sts.windows.net.example.com/")), Diagnosis::OtherJwt);
    }

    #[test]
    fn what_is_no_jwt_is_not_taken_for_one() {
        for text in ["a.b.c", "abc", "a.b", "....", &format!("{}.x", jwt("x")), &"a".repeat(10_000)] {
            assert_eq!(Diagnosis::of_text(text), Diagnosis::Foreign, "{text}");
        }
        assert_eq!(Diagnosis::of_text("rct_abc"), Diagnosis::Damaged);
        assert_eq!(Diagnosis::of_text(""), Diagnosis::Empty);
    }
}
