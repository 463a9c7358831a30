//! W3C Trace Context: a caller's `traceparent` becomes the parent of the request's span.

use actix_web::http::header::HeaderMap;
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{TraceContextExt, TraceId},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}

/// Hangs `span` under the caller's, if the caller named one. Returns the trace's id, for the log.
pub(crate) fn adopt_parent(span: &Span, headers: &HeaderMap) -> Option<String> {
    let caller = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
    let callers_trace = caller.span().span_context().trace_id();
    if callers_trace != TraceId::INVALID {
        // Refused only when no traces are exported, and then there is nothing to hang it under.
        let _ = span.set_parent(caller);
    }
    let own_trace = span.context().span().span_context().trace_id();
    [own_trace, callers_trace].into_iter().find(|id| *id != TraceId::INVALID).map(|id| id.to_string())
}

/// Headers, to be sent with a request to another service, that make the present span the parent of what it does there.
/// Empty if the span belongs to no trace: then the caller's own headers are to be passed on.
pub fn trace_headers() -> Vec<(String, String)> {
    struct Collected(Vec<(String, String)>);
    impl Injector for Collected {
        fn set(&mut self, key: &str, value: String) {
            self.0.push((key.to_owned(), value));
        }
    }
    let mut headers = Collected(Vec::new());
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut headers);
    headers.0.retain(|(_, value)| !value.is_empty());
    headers.0
}

#[cfg(test)]
mod tests {
    use actix_web::{HttpMessage, test::TestRequest};
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_span_joins_the_callers_trace_with_and_without_an_exporter() {
        let headers = TestRequest::get().insert_header(("traceparent", CALLER)).to_request().headers().clone();
        let joined = || adopt_parent(&tracing::info_span!("request"), &headers);
        assert_eq!(joined().as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            assert_eq!(joined().as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
            let fresh = adopt_parent(&tracing::info_span!("request"), &HeaderMap::new());
            assert!(fresh.is_some_and(|id| id != "4bf92f3577b34da6a3ce929d0e0e4736"));
        });
    }

    #[test]
    fn a_senseless_traceparent_is_ignored() {
        let headers = TestRequest::get().insert_header(("traceparent", "00-zz-yy-01")).to_request().headers().clone();
        assert_eq!(adopt_parent(&tracing::info_span!("request"), &headers), None);
    }
}
