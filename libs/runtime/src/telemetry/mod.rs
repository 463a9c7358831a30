//! Logs to standard error and, if an OpenTelemetry collector is configured, traces over OTLP.

mod parent;

use std::io::{self, IsTerminal};

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
pub(crate) use parent::adopt_parent;
pub use parent::trace_headers;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, filter::LevelFilter, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

use crate::config::{LogFormat, TelemetryConfig};

/// Why there are no logs or traces.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log filter does not read.
    #[error("the setting \"telemetry.log\" is no log filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter cannot be made from the configured endpoint.
    #[error("traces cannot be sent to the setting \"telemetry.otlp_endpoint\"; check the address or leave it out")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Logging was set up before in this process.
    #[error("logging was already set up in this process")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Keeps the exporter alive; sends what is left when it is shut down or dropped.
#[derive(Debug)]
#[must_use = "traces end when the guard is dropped"]
pub struct TelemetryGuard(Option<SdkTracerProvider>);

impl TelemetryGuard {
    /// Sends what is left. Blocks for as long as the collector takes, some seconds at most: call it from where blocking
    /// is allowed.
    pub fn shutdown(mut self) {
        self.flush();
    }

    fn flush(&mut self) {
        if let Some(provider) = self.0.take()
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

impl Drop for TelemetryGuard {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Sets logs and traces up for the whole process.
///
/// # Errors
/// [`TelemetryError`]
pub fn init(config: &TelemetryConfig) -> Result<TelemetryGuard, TelemetryError> {
    let filter = EnvFilter::builder().parse(&config.log)?;
    let provider = config.otlp_endpoint.as_deref().map(|endpoint| exporter(endpoint, config)).transpose()?;
    // A filter of its own: a quieter log does not mean fewer traces.
    let traces = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer().with_tracer(provider.tracer("rollcall")).with_filter(LevelFilter::INFO)
    });
    tracing_subscriber::registry().with(lines(config.format).with_filter(filter)).with(traces).try_init()?;
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    Ok(TelemetryGuard(provider))
}

/// Whether `text` can be a log filter.
pub(crate) fn reads_as_filter(text: &str) -> bool {
    EnvFilter::builder().parse(text).is_ok()
}

fn lines<S: Subscriber + for<'a> LookupSpan<'a>>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync> {
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Text => layer.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
    }
}

fn exporter(endpoint: &str, config: &TelemetryConfig) -> Result<SdkTracerProvider, TelemetryError> {
    // The exporter's HTTP client asks for it even where the collector is reached without TLS.
    crate::http::install_crypto_provider();
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()?;
    let resource = Resource::builder().with_service_name(config.service_name.clone()).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

#[cfg(test)]
mod tests;
