//! Cursors (RFC 9865): opaque, signed, bound to one directory and one query, and good for a limited time.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use rollcall_base::{Id, Secret32, Timestamp, marker};
use rollcall_scim::{ScimError, ScimType};
use rollcall_store::PageKey;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Signs cursors; one for an installation.
pub struct CursorKey(Secret32);

/// Half of HMAC-SHA-256 is far beyond guessing within a cursor's life.
const SIGNATURE: usize = 16;

/// What a cursor says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// Digest of endpoint, filter and order: a cursor goes on only with the query that it came from.
    #[serde(rename = "q")]
    pub(crate) query: [u8; 16],
    /// Which resource type of the query's types comes next.
    #[serde(rename = "t")]
    pub(crate) type_index: usize,
    /// After which row of it.
    #[serde(rename = "k")]
    pub(crate) after: Option<PageKey>,
    /// Until when, in microseconds.
    #[serde(rename = "e")]
    pub(crate) expires_at: i64,
}

impl CursorKey {
    /// Takes the installation's key for cursors.
    pub const fn new(key: Secret32) -> Self {
        Self(key)
    }

    #[allow(clippy::expect_used)] // HMAC takes a key of any length (RFC 2104 §2)
    fn mac(&self, directory: Id<marker::Directory>, payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose()).expect("HMAC takes a key of any length");
        mac.update(directory.as_uuid().as_bytes());
        mac.update(payload);
        mac
    }

    /// The cursor's text: unreserved characters only.
    pub(crate) fn seal(&self, directory: Id<marker::Directory>, cursor: &Cursor) -> Result<String, ScimError> {
        let mut bytes =
            serde_json::to_vec(cursor).map_err(|_| ScimError::status(500, "The next page cannot be named."))?;
        let signature = self.mac(directory, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&signature[..SIGNATURE]);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a cursor that was sealed for this directory and this query.
    pub(crate) fn open(
        &self,
        directory: Id<marker::Directory>,
        query: [u8; 16],
        text: &str,
        now: Timestamp,
    ) -> Result<Cursor, ScimError> {
        let invalid = || {
            ScimError::bad_request(
                ScimType::InvalidCursor,
                "The cursor is not one that this directory gave for this query. Start again without a value: \
                 \"cursor=\".",
            )
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let (payload, signature) =
            bytes.len().checked_sub(SIGNATURE).map(|at| bytes.split_at(at)).ok_or_else(invalid)?;
        self.mac(directory, payload).verify_truncated_left(signature).map_err(|_| invalid())?;
        let cursor: Cursor = serde_json::from_slice(payload).map_err(|_| invalid())?;
        if cursor.query != query {
            return Err(invalid());
        }
        if cursor.expires_at <= now.as_micros() {
            return Err(ScimError::bad_request(
                ScimType::ExpiredCursor,
                "The cursor is too old. Start the list again with an empty cursor: \"cursor=\".",
            ));
        }
        Ok(cursor)
    }
}

#[cfg(test)]
mod tests {
    use rollcall_base::SeededEntropy;

    use super::*;

    fn parts() -> (CursorKey, Id<marker::Directory>, Cursor) {
        let entropy = SeededEntropy::new(5);
        let directory = Id::new(Timestamp::from_micros(1), &entropy);
        let cursor = Cursor { query: [1; 16], type_index: 0, after: None, expires_at: 100 };
        (CursorKey::new(Secret32::random(&entropy)), directory, cursor)
    }

    #[test]
    fn a_cursor_opens_where_it_was_made_and_only_there() {
        let (key, directory, cursor) = parts();
        let text = key.seal(directory, &cursor).unwrap();
        assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        let now = Timestamp::from_micros(99);
        assert!(key.open(directory, [1; 16], &text, now).is_ok());
        let elsewhere = Id::new(Timestamp::from_micros(1), &SeededEntropy::new(6));
        for refused in [
            key.open(elsewhere, [1; 16], &text, now),
            key.open(directory, [2; 16], &text, now),
            key.open(directory, [1; 16], &text[1..], now),
            key.open(directory, [1; 16], "", now),
        ] {
            assert_eq!(refused.unwrap_err().scim_type, Some(ScimType::InvalidCursor));
        }
    }

    #[test]
    fn an_old_cursor_says_that_it_is_old() {
        let (key, directory, cursor) = parts();
        let text = key.seal(directory, &cursor).unwrap();
        let late = key.open(directory, [1; 16], &text, Timestamp::from_micros(100));
        assert_eq!(late.unwrap_err().scim_type, Some(ScimType::ExpiredCursor));
    }

    proptest::proptest! {
        #[test]
        fn whatever_stands_in_the_place_of_a_cursor_is_refused_and_does_no_harm(
            text in "\\PC{0,200}|[A-Za-z0-9_-]{0,200}",
            flipped: proptest::sample::Index,
        ) {
            let (key, directory, cursor) = parts();
            let now = Timestamp::from_micros(1);
            let refused = key.open(directory, [1; 16], &text, now).unwrap_err();
            assert_eq!(refused.scim_type, Some(ScimType::InvalidCursor));
            let mut bytes = URL_SAFE_NO_PAD.decode(key.seal(directory, &cursor).unwrap()).unwrap();
            let at = flipped.index(bytes.len());
            bytes[at] ^= 1;
            assert!(key.open(directory, [1; 16], &URL_SAFE_NO_PAD.encode(bytes), now).is_err());
        }
    }
}
