//! What the log says of a request, and what it must not say.

use std::{
    io,
    sync::{Mutex, Once, PoisonError},
};

use serde_json::Value;

use crate::running::{Running, client};

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Capture;

impl io::Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Collects the log of this test executable; all its servers share it.
pub(crate) fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(|| Capture).init();
    });
}

/// All lines that carry `id`.
pub(crate) fn lines_of(id: &str) -> Vec<String> {
    let all = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&all).lines().filter(|line| line.contains(id)).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_request_is_one_line_with_its_template_and_trace_and_nothing_of_what_was_asked() {
    let running = Running::start().await;
    let id = "log-test-1";
    let answer = client()
        .get(running.url("/people/ada.lovelace?filter=userName+eq+%22ada%22"))
        .header("x-request-id", id)
        .header("authorization", "Bearer rct_secret")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["x-request-id"], id);
    running.stopped().await;
    let lines = lines_of(id);
    let access: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["target"] == "rollcall::access")
        .collect();
    assert_eq!(access.len(), 1, "{lines:?}");
    assert_eq!(access[0]["fields"]["route"], "/people/{name}");
    assert_eq!(access[0]["fields"]["status"], 200);
    assert_eq!(access[0]["span"]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(access[0]["span"]["http.route"], "/people/{name}");
    for line in lines {
        for private in ["ada", "lovelace", "filter", "rct_", "secret"] {
            assert!(!line.contains(private), "{private} in {line}");
        }
    }
}
