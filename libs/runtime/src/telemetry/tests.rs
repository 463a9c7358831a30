use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc,
    thread,
};

use super::*;

fn config(endpoint: &str) -> TelemetryConfig {
    TelemetryConfig {
        log: "info".to_owned(),
        format: LogFormat::Json,
        service_name: "rollcall-test".to_owned(),
        otlp_endpoint: Some(endpoint.to_owned()),
    }
}

/// A collector that takes one request, answers it, and hands it over.
fn collector() -> (String, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut chunk = [0; 4096];
        while !is_whole(&request) {
            let length = connection.read(&mut chunk).unwrap();
            request.extend_from_slice(&chunk[..length]);
        }
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        connection.write_all(answer.as_bytes()).unwrap();
        sender.send(request).unwrap();
    });
    (endpoint, receiver)
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    request.len() >= end + 4 + length.parse::<usize>().unwrap()
}

#[test]
fn spans_reach_the_collector_when_the_guard_is_shut_down() {
    let (endpoint, received) = collector();
    let provider = exporter(&format!("{endpoint}/"), &config(&endpoint)).unwrap();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("rollcall"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        drop(tracing::info_span!("request", otel.name = "GET /people/{name}").entered());
    });
    TelemetryGuard(Some(provider)).shutdown();
    let request = received.recv().unwrap();
    let text = String::from_utf8_lossy(&request);
    assert!(text.starts_with("POST /v1/traces HTTP/1.1"), "{text}");
    for part in ["application/x-protobuf", "rollcall-test", "GET /people/{name}"] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn a_filter_is_a_level_or_levels_by_part() {
    for right in ["info", "debug,hyper=warn", "rollcall_store=trace"] {
        assert!(reads_as_filter(right), "{right}");
    }
    assert!(!reads_as_filter("rollcall=loud"));
}
