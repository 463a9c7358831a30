//! Every call to a key service, counted, with an alarm for what must never happen.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use rollcall_base::Secret32;

use crate::{DataKey, KeyContext, KeyError, KeyService};

/// A key service that counts in `rollcall_key_service_calls_total` (`operation`, `outcome`). A wrapped key that does not
/// open is logged as an error: somebody altered it or put it in another tenant's row, or the wrong keyring is in place.
/// `rollcall_key_service_available` is 1 while the service answers and makes keys. Clones share all of it.
#[derive(Clone)]
pub struct MeteredKeys {
    inner: Arc<dyn KeyService>,
    calls: IntCounterVec,
    available: IntGauge,
    /// What the last call that told came to, if it was not well.
    trouble: Arc<RwLock<Option<String>>>,
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
        let available = IntGauge::new(
            "rollcall_key_service_available",
            "1 while the service that wraps data keys answers and makes keys, else 0.",
        )?;
        available.set(1);
        registry.register(Box::new(available.clone()))?;
        Ok(Self { inner, calls, available, trouble: Arc::default() })
    }

    /// Why keys cannot be made at the moment, by the last call that told; `None` while all is well.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the service for a data key that nobody will use, so that an outage shows before somebody needs one.
    /// `nobody` is an id that no tenant has. Counted as `check`; logged when it comes to something else than the last.
    pub async fn check(&self, nobody: KeyContext) {
        let result = self.inner.generate_data_key(&nobody).await;
        self.calls.with_label_values(&["check", result.as_ref().map_or_else(outcome, |_| "ok")]).inc();
        let before = self.trouble();
        self.note("check", &result);
        match (before, result) {
            (Some(_), Ok(_)) => tracing::info!("the key service answers again"),
            (None, Err(error)) => tracing::warn!(cause = cause(&error), "{error}"),
            _ => {}
        }
    }

    /// Remembers what a call said of the service itself. A key that does not open, or an old one that is disabled, says
    /// nothing of whether new ones can be made.
    fn note<T>(&self, operation: &str, result: &Result<T, KeyError>) {
        let trouble = match result {
            Ok(_) => None,
            Err(error @ (KeyError::Unavailable(_) | KeyError::Refused { .. })) => Some(error.to_string()),
            Err(error @ KeyError::Unusable { .. }) if operation != "unwrap" => Some(error.to_string()),
            Err(_) => return,
        };
        self.available.set(i64::from(trouble.is_none()));
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn count<T>(&self, operation: &str, context: &KeyContext, result: Result<T, KeyError>) -> Result<T, KeyError> {
        let outcome = result.as_ref().map_or_else(outcome, |_| "ok");
        self.calls.with_label_values(&[operation, outcome]).inc();
        self.note(operation, &result);
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
