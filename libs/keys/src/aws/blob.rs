//! The stored form of a data key that KMS wrapped: `2 ‖ length of the ARN (2, big-endian) ‖ ARN ‖ KMS's own blob`.
//!
//! The ARN stands beside the blob because the configured key may be another one by the time it is opened: each call
//! then names the key that wrapped, and no other opens it. The first byte tells it from the local keyring's form (1).

use crate::KeyError;

const FORM: u8 = 2;

/// A blob and the key that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrappedBlob<'a> {
    /// The key's ARN.
    pub(super) key: &'a str,
    /// KMS's ciphertext.
    pub(super) blob: &'a [u8],
}

impl<'a> WrappedBlob<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, KeyError> {
        let parse = || {
            let (length, rest) = bytes.strip_prefix(&[FORM])?.split_first_chunk::<2>()?;
            let (key, blob) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            let key = std::str::from_utf8(key).ok()?;
            (!key.is_empty() && !blob.is_empty()).then_some(Self { key, blob })
        };
        parse().ok_or(KeyError::UnknownFormat)
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        // KMS's ARNs have at most 2048 characters.
        let length = u16::try_from(self.key.len()).unwrap_or(u16::MAX);
        [&[FORM], length.to_be_bytes().as_slice(), &self.key.as_bytes()[..usize::from(length)], self.blob].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back_and_every_cut_through_its_head_is_noticed() {
        let wrapped = WrappedBlob { key: "arn:aws:kms:eu-central-1:1:key/k", blob: b"blob" };
        let bytes = wrapped.to_bytes();
        assert_eq!(WrappedBlob::read(&bytes).unwrap(), wrapped);
        for at in 0..=bytes.len() - 4 {
            assert!(WrappedBlob::read(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn what_the_local_keyring_sealed_is_not_taken_for_a_blob() {
        assert!(matches!(WrappedBlob::read(&[1; 73]), Err(KeyError::UnknownFormat)));
        assert!(matches!(WrappedBlob::read(&[2, 0, 1, 0xFF, 0]), Err(KeyError::UnknownFormat)));
    }
}
