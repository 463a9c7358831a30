//! Values as they lie in Redis: sealed, so that nobody who may write there can make one up, move one to another key, or
//! let one live longer.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use rollcall_base::{Secret32, Timestamp};
use sha2::Sha256;

/// The first byte of a sealed value: the form's version.
const FORM: u8 = 1;
/// What lies where something was invalidated. It is too short to be a value.
pub(crate) const TOMBSTONE: &[u8] = b"x";
/// Nothing larger is put into Redis: one value may not hold up all others.
pub(crate) const LARGEST: usize = 256 * 1024;
const HEAD: usize = 1 + 8 + MAC;
const MAC: usize = 32;

/// A value that was not made by us for this key, or was altered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Forged;

/// A value, as it was sealed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened<'a> {
    pub(crate) loaded_at: Timestamp,
    pub(crate) value: &'a [u8],
}

/// `value` for `key`, sealed.
pub(crate) fn seal(mac: &Secret32, key: &str, loaded_at: Timestamp, value: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(HEAD + value.len());
    sealed.push(FORM);
    sealed.extend_from_slice(&loaded_at.as_micros().to_be_bytes());
    let signature = keyed(mac, key, &sealed, value).finalize().into_bytes();
    sealed.extend_from_slice(&signature);
    sealed.extend_from_slice(value);
    sealed
}

/// What was sealed for `key`.
pub(crate) fn open<'a>(mac: &Secret32, key: &str, sealed: &'a [u8]) -> Result<Opened<'a>, Forged> {
    let (head, rest) = sealed.split_at_checked(HEAD - MAC).ok_or(Forged)?;
    let (signature, value) = rest.split_at_checked(MAC).ok_or(Forged)?;
    keyed(mac, key, head, value).verify_slice(signature).map_err(|_| Forged)?;
    let (form, head) = head.split_first().ok_or(Forged)?;
    let loaded_at = <[u8; 8]>::try_from(head).map_err(|_| Forged)?;
    if *form != FORM {
        return Err(Forged);
    }
    Ok(Opened { loaded_at: Timestamp::from_micros(i64::from_be_bytes(loaded_at)), value })
}

fn keyed(mac: &Secret32, key: &str, head: &[u8], value: &[u8]) -> Hmac<Sha256> {
    #[allow(clippy::expect_used)] // HMAC takes a key of any length (RFC 2104 §2)
    let mut hmac = Hmac::<Sha256>::new_from_slice(mac.expose()).expect("HMAC takes a key of any length");
    hmac.update(b"rollcall/cache/v1");
    for part in [key.as_bytes(), head, value] {
        hmac.update(&(part.len() as u64).to_be_bytes());
        hmac.update(part);
    }
    hmac
}

/// How long a value may still be served: `ttl` after it was loaded, as this clock has it, and not longer than Redis keeps
/// it, which no difference between two machines' clocks can stretch.
pub(crate) fn remaining(ttl: Duration, loaded_at: Timestamp, now: Timestamp, kept: Duration) -> Duration {
    ttl.saturating_sub(now.since(loaded_at)).min(kept)
}

#[cfg(test)]
mod tests {
    use rollcall_base::SeededEntropy;

    use super::*;

    const AT: Timestamp = Timestamp::from_micros(1_000_000);

    #[test]
    fn only_what_was_sealed_for_this_key_and_not_altered_opens() {
        let mac = Secret32::random(&SeededEntropy::new(1));
        let sealed = seal(&mac, "{a}:x:1", AT, b"value");
        let opened = open(&mac, "{a}:x:1", &sealed).unwrap();
        assert_eq!(opened, Opened { loaded_at: AT, value: b"value" });
        assert_eq!(open(&mac, "{b}:x:1", &sealed), Err(Forged), "moved to another key");
        assert_eq!(open(&Secret32::random(&SeededEntropy::new(2)), "{a}:x:1", &sealed), Err(Forged));
        for index in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            assert_eq!(open(&mac, "{a}:x:1", &altered), Err(Forged), "byte {index}");
            assert_eq!(open(&mac, "{a}:x:1", &sealed[..index]), Err(Forged), "cut at {index}");
        }
    }

    #[test]
    fn a_value_lives_for_its_time_after_the_load_began_and_never_longer_than_redis_keeps_it() {
        let (ttl, second) = (Duration::from_secs(30), Duration::from_secs(1));
        assert_eq!(remaining(ttl, AT, AT.plus(10 * second), 60 * second), 20 * second);
        assert_eq!(remaining(ttl, AT, AT.plus(30 * second), 60 * second), Duration::ZERO);
        assert_eq!(remaining(ttl, AT, AT.plus(10 * second), 5 * second), 5 * second);
        assert_eq!(remaining(ttl, AT.plus(9 * second), AT, 12 * second), 12 * second, "the other clock is ahead");
    }
}
