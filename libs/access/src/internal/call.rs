//! Calls of one service to another: signed questions, and answers signed for their question.

use rollcall_base::{Entropy, Timestamp};
use serde::{Deserialize, Serialize};

use super::{InternalKeys, SealError, check_moment, digest, seal};

/// A question as it is sent.
#[derive(Debug, Clone, Copy)]
pub struct InternalCall<'a> {
    /// The service that shall answer, such as `tokens`.
    pub audience: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The presented token's text, where the question is about one; empty otherwise.
    pub token: &'a str,
    /// The body.
    pub body: &'a [u8],
}

#[derive(Serialize, Deserialize)]
struct Content {
    audience: String,
    signed_at: i64,
    /// Makes every call's signature another, so that no old answer fits it.
    nonce: [u8; 16],
    call: [u8; 32],
}

impl InternalKeys {
    /// The signature of `call`, to be sent with it.
    pub fn sign_call(&self, call: &InternalCall<'_>, entropy: &dyn Entropy, now: Timestamp) -> String {
        let mut nonce = [0_u8; 16];
        entropy.fill(&mut nonce);
        let content =
            Content { audience: call.audience.to_owned(), signed_at: now.as_micros(), nonce, call: call.digest() };
        seal::seal(&self.calls, &content)
    }

    /// Whether `signature` was made for `call` by a service of this installation, lately.
    ///
    /// # Errors
    /// [`SealError`]
    pub fn check_call(&self, signature: &str, call: &InternalCall<'_>, now: Timestamp) -> Result<(), SealError> {
        let content: Content = seal::open(&self.calls, signature)?;
        check_moment(content.signed_at, now)?;
        let same = content.audience == call.audience && content.call == call.digest();
        if same { Ok(()) } else { Err(SealError::OtherUse) }
    }

    /// The signature of an answer to the call with the signature `call`.
    pub fn sign_answer(&self, call: &str, status: u16, body: &[u8]) -> String {
        seal::sign(&self.calls, &[b"answer", call.as_bytes(), &status.to_be_bytes(), body])
    }

    /// Whether an answer is that of a service of this installation to the call with the signature `call`.
    ///
    /// # Errors
    /// [`SealError::Forged`]
    pub fn check_answer(&self, signature: &str, call: &str, status: u16, body: &[u8]) -> Result<(), SealError> {
        seal::check(&self.calls, &[b"answer", call.as_bytes(), &status.to_be_bytes(), body], signature)
    }
}

impl InternalCall<'_> {
    fn digest(&self) -> [u8; 32] {
        digest(&[self.target.as_bytes(), self.token.as_bytes(), self.body])
    }
}
