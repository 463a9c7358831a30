//! The sealed form of a data key: `version (1) ‖ nonce (24) ‖ ciphertext (32) ‖ tag (16)`, XChaCha20-Poly1305.
//!
//! The nonce is random: 192 bits are long enough that chance never repeats one.

use chacha20poly1305::{
    AeadInPlace, KeyInit, Tag, XChaCha20Poly1305, XNonce,
    aead::generic_array::{GenericArray, typenum::Unsigned},
};
use rollcall_base::{Entropy, Secret32};
use zeroize::Zeroizing;

use crate::{KeyContext, KeyError};

const VERSION: u8 = 1;
const NONCE: usize = 24;
const KEY: usize = 32;
const TAG: usize = <XChaCha20Poly1305 as chacha20poly1305::AeadCore>::TagSize::USIZE;
const LENGTH: usize = 1 + NONCE + KEY + TAG;

/// Seals `plain` under `key` for `context`.
pub(crate) fn seal(
    key: &Secret32,
    plain: &Secret32,
    context: &KeyContext,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, KeyError> {
    let mut nonce = [0_u8; NONCE];
    entropy.fill(&mut nonce);
    let mut body = Zeroizing::new(*plain.expose());
    let tag = cipher(key)
        .encrypt_in_place_detached(XNonce::from_slice(&nonce), &bound(context), body.as_mut_slice())
        .map_err(|_| does_not_open(context))?;
    let mut sealed = Vec::with_capacity(LENGTH);
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(body.as_slice());
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens what [`seal`] made.
pub(crate) fn open(key: &Secret32, sealed: &[u8], context: &KeyContext) -> Result<Secret32, KeyError> {
    let (&version, rest) = sealed.split_first().ok_or(KeyError::UnknownFormat)?;
    if version != VERSION || sealed.len() != LENGTH {
        return Err(KeyError::UnknownFormat);
    }
    let (nonce, rest) = rest.split_at(NONCE);
    let (body, tag) = rest.split_at(KEY);
    let mut plain = Zeroizing::new([0_u8; KEY]);
    plain.copy_from_slice(body);
    cipher(key)
        .decrypt_in_place_detached(
            XNonce::from_slice(nonce),
            &bound(context),
            plain.as_mut_slice(),
            Tag::from_slice(tag),
        )
        .map_err(|_| does_not_open(context))?;
    Ok(Secret32::from_bytes(*plain))
}

fn cipher(key: &Secret32) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(GenericArray::from_slice(key.expose()))
}

/// The context as bytes: a fixed-length tenant before the purpose, so that no two contexts read alike.
fn bound(context: &KeyContext) -> Vec<u8> {
    let mut bytes = b"rollcall/data-key/v1".to_vec();
    bytes.extend_from_slice(context.tenant.as_uuid().as_bytes());
    bytes.extend_from_slice(context.purpose.as_bytes());
    bytes
}

fn does_not_open(context: &KeyContext) -> KeyError {
    KeyError::DoesNotOpen { tenant: context.tenant, purpose: context.purpose }
}

#[cfg(test)]
mod tests {
    use rollcall_base::{Id, SeededEntropy, Timestamp};

    use super::*;

    fn context() -> KeyContext {
        KeyContext { tenant: Id::new(Timestamp::from_micros(1), &SeededEntropy::new(1)), purpose: "token-pepper" }
    }

    #[test]
    fn a_key_opens_under_its_own_context_only() {
        let entropy = SeededEntropy::new(2);
        let (key, plain) = (Secret32::random(&entropy), Secret32::random(&entropy));
        let sealed = seal(&key, &plain, &context(), &entropy).unwrap();
        assert_eq!(open(&key, &sealed, &context()).unwrap().expose(), plain.expose());

        let other_purpose = KeyContext { purpose: "token-peppe", ..context() };
        let other_tenant = KeyContext { tenant: Id::new(Timestamp::from_micros(2), &entropy), ..context() };
        for other in [other_purpose, other_tenant] {
            assert!(matches!(open(&key, &sealed, &other), Err(KeyError::DoesNotOpen { .. })));
        }
        let other_key = Secret32::random(&entropy);
        assert!(matches!(open(&other_key, &sealed, &context()), Err(KeyError::DoesNotOpen { .. })));
    }

    #[test]
    fn every_altered_byte_and_every_other_length_is_noticed() {
        let entropy = SeededEntropy::new(3);
        let (key, plain) = (Secret32::random(&entropy), Secret32::random(&entropy));
        let sealed = seal(&key, &plain, &context(), &entropy).unwrap();
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(open(&key, &altered, &context()).is_err(), "byte {at}");
            assert!(matches!(open(&key, &sealed[..at], &context()), Err(KeyError::UnknownFormat)), "cut at {at}");
        }
        let longer = [sealed.as_slice(), &[0]].concat();
        assert!(matches!(open(&key, &longer, &context()), Err(KeyError::UnknownFormat)));
    }

    #[test]
    fn the_plain_key_is_not_in_the_sealed_bytes_and_no_two_seals_are_alike() {
        let entropy = SeededEntropy::new(4);
        let (key, plain) = (Secret32::random(&entropy), Secret32::random(&entropy));
        let first = seal(&key, &plain, &context(), &entropy).unwrap();
        let second = seal(&key, &plain, &context(), &entropy).unwrap();
        assert_ne!(first, second);
        assert!(!first.windows(KEY).any(|window| window == plain.expose()));
    }
}
