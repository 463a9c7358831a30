//! Every call to a key service, counted, with an alarm for what must never happen.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use prometheus::{IntCounterVec, Opts, Registry};
use rollcall_base::Secret32;

use crate::{DataKey, KeyContext, KeyError, KeyService};

/// A key service that counts in `rollcall_key_service_calls_total` (`operation`, `outcome`). A wrapped key that does not
/// open is logged as an error: somebody altered it or put it in another tenant's row, or the wrong keyring is in place.
#[derive(Clone)]
pub struct MeteredKeys {
    inner: Arc<dyn KeyService>,
    calls: IntCounterVec,
}

impl MeteredKeys {
    /// `inner`, with its counter in `registry`.
    ///
    /// # Errors
    /// [`prometheus::Error`] if the registry has the counter already.
    pub fn new(inner: Arc<dyn KeyService>, registry: &Registry) -> Result<Self, prometheus::Error> {
        let options = Opts::new("rollcall_key_service_calls_total", "Calls to the service that wraps data keys.");
        let calls = IntCounterVec::new(options, &["operation", "outcome"])?;
        registry.register(Box::new(calls.clone()))?;
        // The one to be alarmed by is there from the start, so that its first increase is one.
        for operation in ["unwrap", "rewrap"] {
            calls.with_label_values(&[operation, "does_not_open"]).inc_by(0);
        }
        Ok(Self { inner, calls })
    }

    fn count<T>(&self, operation: &str, context: &KeyContext, result: Result<T, KeyError>) -> Result<T, KeyError> {
        let outcome = result.as_ref().map_or_else(outcome, |_| "ok");
        self.calls.with_label_values(&[operation, outcome]).inc();
        if let Err(error) = &result {
            let (tenant, purpose) = (context.tenant, context.purpose);
            let cause = cause(error);
            match error {
                KeyError::DoesNotOpen { .. } | KeyError::UnknownFormat => {
                    tracing::error!(%tenant, purpose, operation, outcome, "alarm: {error}");
                }
                KeyError::Unusable { .. } => tracing::error!(%tenant, purpose, operation, outcome, "{error}"),
                KeyError::Refused { .. } | KeyError::Unavailable(_) => {
                    tracing::warn!(%tenant, purpose, operation, outcome, cause, "{error}");
                }
            }
        }
        result
    }
}

/// The label of an error.
const fn outcome(error: &KeyError) -> &'static str {
    match error {
        KeyError::DoesNotOpen { .. } => "does_not_open",
        KeyError::UnknownFormat => "unknown_format",
        KeyError::Unusable { .. } => "unusable",
        KeyError::Refused { .. } => "refused",
        KeyError::Unavailable(_) => "unavailable",
    }
}

/// The innermost cause, which says more than those around it.
fn cause(error: &KeyError) -> String {
    let mut text = String::new();
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        text = error.to_string();
        next = error.source();
    }
    text
}

#[async_trait]
impl KeyService for MeteredKeys {
    async fn generate_data_key(&self, context: &KeyContext) -> Result<DataKey, KeyError> {
        self.count("generate", context, self.inner.generate_data_key(context).await)
    }

    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Secret32, KeyError> {
        self.count("unwrap", context, self.inner.unwrap(wrapped, context).await)
    }

    async fn rewrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        self.count("rewrap", context, self.inner.rewrap(wrapped, context).await)
    }
}

impl fmt::Debug for MeteredKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeteredKeys(…)")
    }
}
