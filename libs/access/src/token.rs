//! The text of a bearer token: `rct_<id>_<secret><crc>`, 77 characters of letters, digits and `_`, so that a double
//! click selects it whole. What OAuth clients get begins with `rca_`.
//!
//! The prefixes must never change: secret scanners know tokens by them.

use base62::{decode as base62_decode, encode as base62_encode};
use hmac::{Hmac, KeyInit, Mac};
use rollcall_base::{Entropy, Id, Secret32, SecretText, marker};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroize;

/// The length of a prefix.
pub(crate) const PREFIX: usize = 4;
/// 128 bits in base 62.
pub(crate) const WORD: usize = 22;
/// 32 bits in base 62.
pub(crate) const CHECKSUM: usize = 6;
const LENGTH: usize = PREFIX + WORD + 1 + 2 * WORD + CHECKSUM;

/// A bearer token: a public id that finds its record, and 256 secret bits.
#[derive(Debug, Clone)]
pub struct BearerToken {
    kind: TokenKind,
    id: Id<marker::Credential>,
    secret: Secret32,
}

/// Where a token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Carried to the client by an admin: lives long.
    Static,
    /// Issued to an OAuth client (RFC 6749 §4.4.3): lives for an hour.
    Access,
}

impl TokenKind {
    const ALL: [Self; 2] = [Self::Static, Self::Access];

    /// What such a token's text begins with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Static => "rct_",
            Self::Access => "rca_",
        }
    }

    /// The kind whose prefix `text` begins with.
    pub fn of_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| text.starts_with(kind.prefix()))
    }
}

/// HMAC-SHA-256 of a token's secret under its tenant's pepper: all that is stored of it.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

/// The text is not a token of ours: wrong shape, or a checksum that does not fit (a typing or copying mistake).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this service: its shape or its checksum is wrong")]
pub struct MalformedToken;

impl BearerToken {
    /// A new token of this `kind` for the record `id`.
    pub fn generate(kind: TokenKind, id: Id<marker::Credential>, entropy: &dyn Entropy) -> Self {
        Self { kind, id, secret: Secret32::random(entropy) }
    }

    /// Reads a token offline: shape and checksum, no I/O.
    ///
    /// # Errors
    /// [`MalformedToken`], without saying which part is wrong.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        if text.len() != LENGTH || !text.is_ascii() {
            return Err(MalformedToken);
        }
        let (body, checksum) = text.split_at(LENGTH - CHECKSUM);
        let kind = TokenKind::of_text(body).ok_or(MalformedToken)?;
        let rest = &body[PREFIX..];
        if checksum != digits(u128::from(crc32fast::hash(body.as_bytes())), CHECKSUM) {
            return Err(MalformedToken);
        }
        let (id, secret) = rest.split_once('_').filter(|(id, _)| id.len() == WORD).ok_or(MalformedToken)?;
        let (high, low) = secret.split_at(WORD);
        let mut bytes = [0_u8; 32];
        bytes[..16].copy_from_slice(&number(high)?.to_be_bytes());
        bytes[16..].copy_from_slice(&number(low)?.to_be_bytes());
        let token = Self { kind, id: Id::from_uuid(Uuid::from_u128(number(id)?)), secret: Secret32::from_bytes(bytes) };
        bytes.zeroize();
        Ok(token)
    }

    /// The id in a token's text, or in as much of it as comes before the secret (`rct_` and 22 characters): whoever found a token
    /// knows by it which one it is, and need not carry the secret about.
    pub fn id_in(text: &str) -> Option<Id<marker::Credential>> {
        TokenKind::of_text(text)?;
        let (word, rest) = text.get(PREFIX..)?.split_at_checked(WORD)?;
        let is_whole = rest.is_empty() || rest.starts_with('_');
        number(word).ok().filter(|_| is_whole).map(|id| Id::from_uuid(Uuid::from_u128(id)))
    }

    /// The text that the client sends. To be shown once.
    pub fn to_text(&self) -> SecretText {
        let (mut high, mut low) = ([0_u8; 16], [0_u8; 16]);
        high.copy_from_slice(&self.secret.expose()[..16]);
        low.copy_from_slice(&self.secret.expose()[16..]);
        let mut text = String::with_capacity(LENGTH);
        text.push_str(self.kind.prefix());
        text.push_str(&digits(self.id.as_uuid().as_u128(), WORD));
        text.push('_');
        text.push_str(&digits(u128::from_be_bytes(high), WORD));
        text.push_str(&digits(u128::from_be_bytes(low), WORD));
        text.push_str(&digits(u128::from(crc32fast::hash(text.as_bytes())), CHECKSUM));
        high.zeroize();
        low.zeroize();
        SecretText::new(text)
    }

    /// Where it came from.
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The id of the token's record: not secret.
    pub const fn id(&self) -> Id<marker::Credential> {
        self.id
    }

    /// What is stored: the secret under the tenant's `pepper`.
    pub fn hash(&self, pepper: &Secret32) -> TokenHash {
        let mut mac = keyed(pepper);
        mac.update(self.secret.expose());
        TokenHash(mac.finalize().into_bytes().into())
    }
}

impl TokenHash {
    /// A hash as it was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

#[allow(clippy::expect_used)] // HMAC takes a key of any length (RFC 2104 §2)
pub(crate) fn keyed(pepper: &Secret32) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(pepper.expose()).expect("HMAC takes a key of any length")
}

pub(crate) fn digits(number: u128, width: usize) -> String {
    let text = base62_encode(number);
    format!("{text:0>width$}")
}

pub(crate) fn number(text: &str) -> Result<u128, MalformedToken> {
    let value = base62_decode(text).map_err(|_| MalformedToken)?;
    // A second spelling of the same number would be a second text for the same token.
    if digits(value, text.len()) == text { Ok(value) } else { Err(MalformedToken) }
}

#[cfg(test)]
mod tests {
    use rollcall_base::{SeededEntropy, Timestamp};

    use super::*;

    fn token() -> BearerToken {
        let entropy = SeededEntropy::new(1);
        BearerToken::generate(TokenKind::Static, Id::new(Timestamp::from_micros(1), &entropy), &entropy)
    }

    #[test]
    fn the_id_is_in_what_comes_before_the_secret() {
        let token = token();
        let text = token.to_text();
        let (text, public) = (text.expose(), &text.expose()[..PREFIX + WORD]);
        for known in [text, public, &text[..PREFIX + WORD + 5]] {
            assert_eq!(BearerToken::id_in(known), Some(token.id()));
        }
        for other in ["", "rct_", &text[1..], &text[..PREFIX + WORD - 1], &format!("{public}x"), "rct_ü"] {
            assert_eq!(BearerToken::id_in(other), None, "{other}");
        }
    }

    #[test]
    fn a_token_reads_back_and_a_double_click_selects_it() {
        let text = token().to_text();
        let text = text.expose();
        assert!(text.len() < 100 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{text}");
        let read = BearerToken::parse(text).unwrap();
        let pepper = Secret32::from_bytes([9; 32]);
        assert_eq!(read.id(), token().id());
        assert!(read.hash(&pepper).matches(&token().hash(&pepper)));
        assert!(!read.hash(&Secret32::from_bytes([8; 32])).matches(&token().hash(&pepper)));
    }

    #[test]
    fn every_single_changed_character_is_noticed_without_a_lookup() {
        let text = token().to_text().expose().to_owned();
        for at in 0..text.len() {
            for wrong in ['0', 'z', '_', '!'] {
                let mut other: Vec<char> = text.chars().collect();
                if other[at] == wrong {
                    continue;
                }
                other[at] = wrong;
                let other: String = other.into_iter().collect();
                assert!(BearerToken::parse(&other).is_err(), "{other}");
            }
        }
    }

    #[test]
    fn the_two_kinds_are_told_by_their_prefix() {
        let entropy = SeededEntropy::new(2);
        for (kind, prefix) in [(TokenKind::Static, "rct_"), (TokenKind::Access, "rca_")] {
            let token = BearerToken::generate(kind, Id::new(Timestamp::from_micros(1), &entropy), &entropy);
            let text = token.to_text();
            assert!(text.expose().starts_with(prefix));
            assert_eq!(BearerToken::parse(text.expose()).unwrap().kind(), kind);
        }
    }

    #[test]
    fn nothing_secret_is_in_the_debug_text() {
        assert!(!format!("{:?}", token()).contains("secret: Secret32(["));
        assert_eq!(format!("{:?}", token().to_text()), "SecretText(…)");
    }
}
