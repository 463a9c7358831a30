//! KMS's errors, told apart by what the caller should do.

use std::sync::Arc;

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};

use crate::{KeyContext, KeyError};

/// What was asked for, for the error's text.
pub(super) struct Call<'a> {
    pub(super) context: &'a KeyContext,
    pub(super) key: &'a str,
}

impl Call<'_> {
    /// Why a call failed.
    pub(super) fn failed<E>(&self, error: SdkError<E>) -> KeyError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let code = error.code().map(str::to_owned);
        // A request that could not even be built: no credentials, no region, an address that is none.
        let code = match (&error, code) {
            (SdkError::ConstructionFailure(_), None) => Some("the request could not be made".to_owned()),
            (SdkError::DispatchFailure(failure), None) if failure.is_user() => {
                Some("the request could not be sent".to_owned())
            }
            (_, code) => code,
        };
        let Some(code) = code else { return KeyError::Unavailable(Arc::new(error)) };
        match kind(&code) {
            Kind::DoesNotOpen => KeyError::DoesNotOpen { tenant: self.context.tenant, purpose: self.context.purpose },
            Kind::Unusable => KeyError::Unusable { key: self.key.to_owned(), state: code },
            Kind::Passing => KeyError::Unavailable(Arc::new(error)),
            Kind::Refused => KeyError::Refused { code, source: Arc::new(error) },
        }
    }

    /// KMS said yes and left something out. Its own protocol forbids that, so whoever answered is not KMS.
    pub(super) fn incomplete(&self) -> KeyError {
        let what = format!("the answer for the key {} lacks a part, or a data key has not 32 bytes", self.key);
        KeyError::Unavailable(Arc::new(std::io::Error::new(std::io::ErrorKind::InvalidData, what)))
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    DoesNotOpen,
    Unusable,
    Passing,
    Refused,
}

/// The error codes of AWS KMS (API reference, "Errors" of GenerateDataKey, Decrypt and ReEncrypt, and "Common errors").
fn kind(code: &str) -> Kind {
    match code {
        "InvalidCiphertextException" | "IncorrectKeyException" => Kind::DoesNotOpen,
        "DisabledException" | "KMSInvalidStateException" | "NotFoundException" => Kind::Unusable,
        "DependencyTimeoutException"
        | "InternalFailure"
        | "KMSInternalException"
        | "KeyUnavailableException"
        | "LimitExceededException"
        | "RequestLimitExceeded"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "Throttling"
        | "ThrottlingException" => Kind::Passing,
        _ => Kind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_of_permissions_or_load_makes_a_key_unusable() {
        for code in ["AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException", "SomethingNew"] {
            assert_eq!(kind(code), Kind::Refused, "{code}");
        }
        assert_eq!(kind("ThrottlingException"), Kind::Passing);
    }
}
