//! Signed texts: `<content>.<signature>`, both base64url, the content JSON.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::Mac;
use rollcall_base::Secret32;
use serde::{Serialize, de::DeserializeOwned};

use super::{SealError, keyed};

/// More than any content of ours has; what is longer is not worth a signature's check.
const LONGEST: usize = 16 * 1024;

/// `content`, signed.
pub(super) fn seal(key: &Secret32, content: &impl Serialize) -> String {
    // Contents are plain structs of texts and numbers, which always serialize; an empty content opens to nothing.
    let content = URL_SAFE_NO_PAD.encode(serde_json::to_vec(content).unwrap_or_default());
    let signature = sign(key, &[content.as_bytes()]);
    format!("{content}.{signature}")
}

/// The content of a text that [`seal`] made with the same key.
pub(super) fn open<T: DeserializeOwned>(key: &Secret32, text: &str) -> Result<T, SealError> {
    if text.len() > LONGEST {
        return Err(SealError::Forged);
    }
    let (content, signature) = text.rsplit_once('.').ok_or(SealError::Forged)?;
    check(key, &[content.as_bytes()], signature)?;
    let content = URL_SAFE_NO_PAD.decode(content).map_err(|_| SealError::Forged)?;
    serde_json::from_slice(&content).map_err(|_| SealError::Forged)
}

/// The signature over `parts`, as text.
pub(super) fn sign(key: &Secret32, parts: &[&[u8]]) -> String {
    let mut mac = keyed(key.expose());
    mac.update(&super::digest(parts));
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// Whether `signature` is that of `parts`; in constant time.
pub(super) fn check(key: &Secret32, parts: &[&[u8]], signature: &str) -> Result<(), SealError> {
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| SealError::Forged)?;
    let mut mac = keyed(key.expose());
    mac.update(&super::digest(parts));
    mac.verify_slice(&signature).map_err(|_| SealError::Forged)
}
