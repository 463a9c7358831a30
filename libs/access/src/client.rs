//! OAuth clients (RFC 6749 §2.2, §2.3.1): the texts of their ids and secrets, and what is kept of them.
//!
//! Both texts are letters, digits and `_` only: form and Basic encoding leave them as they are, and a double click
//! selects them whole. The prefixes must never change: secret scanners know secrets by them.

use std::{fmt, str::FromStr};

use hmac::Mac;
use rollcall_base::{Entropy, Id, Secret32, SecretText, Timestamp, marker};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroize;

use crate::{
    AllowedNetworks, Scopes,
    token::{CHECKSUM, PREFIX, WORD, digits, keyed, number},
};

const CLIENT_ID: &str = "rcc_";
const CLIENT_SECRET: &str = "rcs_";
const SECRET_LENGTH: usize = PREFIX + 2 * WORD + CHECKSUM;

/// An OAuth client's id as the client sends it: `rcc_` and 22 letters and digits. Not secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(pub Id<marker::OAuthClient>);

/// The text is no client id of this service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a client id of this service, which is \"rcc_\" and 22 letters and digits")]
pub struct MalformedClientId;

/// An OAuth client's secret: 256 random bits. As text `rcs_<secret><crc>`, 54 letters, digits and `_`.
#[derive(Debug, Clone)]
pub struct ClientSecret(Secret32);

/// The text is not a client secret of ours: wrong shape, or a checksum that does not fit (a typing or copying mistake).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a client secret of this service: its shape or its checksum is wrong")]
pub struct MalformedSecret;

/// A memory-hard hash of a client's secret with its salt and parameters, as a PHC string: all that is stored of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(String);

/// An OAuth client as it is stored. Not secret: its secret cannot be had from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthClientRecord {
    /// Its id.
    pub id: Id<marker::OAuthClient>,
    /// The tenant.
    pub tenant: Id<marker::Tenant>,
    /// The one directory that its access tokens open.
    pub directory: Id<marker::Directory>,
    /// What is kept of its secret.
    pub secret_hash: SecretHash,
    /// What its access tokens may do at most.
    pub scopes: Scopes,
    /// Where it and its access tokens may be used from; `None`: from anywhere.
    pub networks: Option<AllowedNetworks>,
    /// For people, to tell several apart.
    pub label: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// From this moment on it gets no access tokens; those it has end with it.
    pub expires_at: Timestamp,
    /// Since when it is refused, if somebody revoked it.
    pub revoked_at: Option<Timestamp>,
}

impl OAuthClientRecord {
    /// Whether it may get access tokens at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        // Revoked is revoked, whatever the clock of who did it says.
        self.revoked_at.is_none() && self.expires_at > now
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{CLIENT_ID}{}", digits(self.0.as_uuid().as_u128(), WORD))
    }
}

impl FromStr for ClientId {
    type Err = MalformedClientId;

    fn from_str(text: &str) -> Result<Self, MalformedClientId> {
        let word = text.strip_prefix(CLIENT_ID).filter(|word| word.len() == WORD).ok_or(MalformedClientId)?;
        let number = number(word).map_err(|_| MalformedClientId)?;
        let id = Self(Id::from_uuid(Uuid::from_u128(number)));
        // One text for one id.
        if id.to_string() == text { Ok(id) } else { Err(MalformedClientId) }
    }
}

impl ClientSecret {
    /// A new secret.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Secret32::random(entropy))
    }

    /// Reads a secret offline: shape and checksum.
    ///
    /// # Errors
    /// [`MalformedSecret`], without saying which part is wrong.
    pub fn parse(text: &str) -> Result<Self, MalformedSecret> {
        if text.len() != SECRET_LENGTH || !text.is_ascii() || !text.starts_with(CLIENT_SECRET) {
            return Err(MalformedSecret);
        }
        let (body, checksum) = text.split_at(SECRET_LENGTH - CHECKSUM);
        if checksum != digits(u128::from(crc32fast::hash(body.as_bytes())), CHECKSUM) {
            return Err(MalformedSecret);
        }
        let (high, low) = body[PREFIX..].split_at(WORD);
        let half = |word| number(word).map(u128::to_be_bytes).map_err(|_| MalformedSecret);
        let mut bytes = [0_u8; 32];
        bytes[..16].copy_from_slice(&half(high)?);
        bytes[16..].copy_from_slice(&half(low)?);
        let secret = Self(Secret32::from_bytes(bytes));
        bytes.zeroize();
        Ok(secret)
    }

    /// The text that the client sends. To be shown once.
    pub fn to_text(&self) -> SecretText {
        let half = |at: usize| {
            let mut bytes = [0_u8; 16];
            bytes.copy_from_slice(&self.0.expose()[at..at + 16]);
            u128::from_be_bytes(bytes)
        };
        let mut text = String::with_capacity(SECRET_LENGTH);
        text.push_str(CLIENT_SECRET);
        text.push_str(&digits(half(0), WORD));
        text.push_str(&digits(half(16), WORD));
        text.push_str(&digits(u128::from(crc32fast::hash(text.as_bytes())), CHECKSUM));
        SecretText::new(text)
    }

    /// The secret bits, for a hash and nothing else.
    pub const fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// What it is known by for a while in a process that has `key` to itself.
    pub fn keyed(&self, key: &Secret32) -> [u8; 32] {
        let mut mac = keyed(key);
        mac.update(self.0.expose());
        mac.finalize().into_bytes().into()
    }
}

impl SecretHash {
    /// A PHC string.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The PHC string, for a check and for storing.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use rollcall_base::SeededEntropy;

    use super::*;

    fn plain(text: &str) -> bool {
        text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    }

    #[test]
    fn an_id_has_one_text_that_no_encoding_changes() {
        for seed in 0..50 {
            let id = ClientId(Id::new(Timestamp::from_micros(1_000_000), &SeededEntropy::new(seed)));
            let text = id.to_string();
            assert!(text.len() == 26 && plain(&text) && text.starts_with("rcc_"), "{text}");
            assert_eq!(text.parse(), Ok(id));
        }
        let highest = format!("rcc_{}", "z".repeat(22));
        for text in [
            "",
            "rcc_",
            "rcs_0000000000000000000000",
            "rcc_000000000000000000000",
            "rcc_00000000000000000000é",
            &highest,
        ] {
            assert_eq!(text.parse::<ClientId>(), Err(MalformedClientId), "{text}");
        }
    }

    #[test]
    fn a_secret_reads_back_and_every_changed_character_is_noticed() {
        let secret = ClientSecret::generate(&SeededEntropy::new(1));
        let text = secret.to_text().expose().to_owned();
        assert!(text.len() == 54 && plain(&text) && text.starts_with("rcs_"), "{text}");
        assert_eq!(ClientSecret::parse(&text).unwrap().expose(), secret.expose());
        for at in 0..text.len() {
            for wrong in ['0', 'z', '_', ' '] {
                let mut other: Vec<char> = text.chars().collect();
                if other[at] == wrong {
                    continue;
                }
                other[at] = wrong;
                assert!(ClientSecret::parse(&other.into_iter().collect::<String>()).is_err());
            }
        }
        for text in ["", "rcs_", &text[..53], &format!("{text}0"), &"é".repeat(27)] {
            assert!(ClientSecret::parse(text).is_err());
        }
    }

    #[test]
    fn what_is_known_of_a_secret_differs_from_process_to_process() {
        let (secret, other) =
            (ClientSecret::generate(&SeededEntropy::new(1)), ClientSecret::generate(&SeededEntropy::new(2)));
        let key = |byte| Secret32::from_bytes([byte; 32]);
        assert_eq!(secret.keyed(&key(1)), secret.clone().keyed(&key(1)));
        assert_ne!(secret.keyed(&key(1)), secret.keyed(&key(2)));
        assert_ne!(secret.keyed(&key(1)), other.keyed(&key(1)));
    }

    #[test]
    fn nothing_secret_is_in_the_debug_texts() {
        let secret = ClientSecret::generate(&SeededEntropy::new(1));
        assert_eq!(format!("{secret:?}"), "ClientSecret(Secret32(…))");
        assert_eq!(format!("{:?}", SecretHash::new("$argon2id$x".to_owned())), "SecretHash(…)");
    }
}
