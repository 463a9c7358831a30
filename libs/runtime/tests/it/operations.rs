//! Health, metrics, request ids, addresses.

use std::sync::Arc;

use async_trait::async_trait;
use rollcall_runtime::{ReadinessCheck, ServeError, Server, Surface, config::ListenerConfig};
use serde_json::json;

use crate::running::{Running, client};

struct Check(&'static str, Result<(), String>);

#[async_trait]
impl ReadinessCheck for Check {
    fn name(&self) -> &'static str {
        self.0
    }

    async fn check(&self) -> Result<(), String> {
        self.1.clone()
    }
}

async fn text(url: String) -> String {
    client().get(url).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn ready_is_when_all_it_depends_on_answers() {
    let works: Arc<dyn ReadinessCheck> = Arc::new(Check("database", Ok(())));
    let broken: Arc<dyn ReadinessCheck> = Arc::new(Check("keys", Err("connection to 10.0.0.1 refused".to_owned())));
    let running = Running::start_with(|_| (), vec![works.clone()]).await;
    assert_eq!(client().get(running.url("/health/live")).send().await.unwrap().status(), 200);
    assert_eq!(client().get(running.url("/health/ready")).send().await.unwrap().status(), 200);
    running.stopped().await;

    let running = Running::start_with(|_| (), vec![works, broken]).await;
    let answer = client().get(running.url("/health/ready")).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body, json!({ "status": "unavailable", "failed": ["keys"] }));
    assert_eq!(client().get(running.url("/health/live")).send().await.unwrap().status(), 200);
    running.stopped().await;
}

struct Spare;

#[async_trait]
impl ReadinessCheck for Spare {
    fn name(&self) -> &'static str {
        "key service"
    }

    async fn check(&self) -> Result<(), String> {
        Err("connection to 10.0.0.1 refused".to_owned())
    }

    fn is_needed(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn what_most_requests_can_do_without_is_named_and_the_process_stays_ready() {
    let works: Arc<dyn ReadinessCheck> = Arc::new(Check("database", Ok(())));
    let broken: Arc<dyn ReadinessCheck> = Arc::new(Check("database", Err("down".to_owned())));
    for (check, status, body) in [
        (works, 200, json!({ "status": "degraded", "degraded": ["key service"] })),
        (broken, 503, json!({ "status": "unavailable", "failed": ["database"], "degraded": ["key service"] })),
    ] {
        let running = Running::start_with(|_| (), vec![check, Arc::new(Spare)]).await;
        let answer = client().get(running.url("/health/ready")).send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap(), body);
        running.stopped().await;
    }
}

#[tokio::test]
async fn metrics_know_templates_and_no_names() {
    let running = Running::start().await;
    for path in ["/people/ada", "/people/grace?x=1", "/people/alan/", "//people/mary", "/nowhere/private"] {
        client().get(running.url(path)).send().await.unwrap();
    }
    client().request("INVENTED".parse().unwrap(), running.url("/people/ada")).send().await.unwrap();
    let metrics = text(running.url("/metrics")).await;
    let four = "http_server_request_duration_seconds_count{http_request_method=\"GET\",\
                http_response_status_code=\"200\",http_route=\"/people/{name}\"} 4";
    assert!(metrics.contains(four), "{metrics}");
    assert!(metrics.contains("http_route=\"unmatched\"") && metrics.contains("http_request_method=\"_OTHER\""));
    for private in ["ada", "grace", "private", "INVENTED"] {
        assert!(!metrics.contains(private), "{private}");
    }
    running.stopped().await;
}

#[tokio::test]
async fn a_listener_serves_its_surfaces_only() {
    let only_health = |config: &mut rollcall_runtime::Config| {
        config.listeners[0].surfaces = [Surface::Health].into_iter().collect();
    };
    let running = Running::start_with(only_health, Vec::new()).await;
    assert_eq!(client().get(running.url("/health/live")).send().await.unwrap().status(), 200);
    for path in ["/metrics", "/people/ada"] {
        assert_eq!(client().get(running.url(path)).send().await.unwrap().status(), 404, "{path}");
    }
    running.stopped().await;
}

#[tokio::test]
async fn an_address_without_anything_says_what_one_looks_like() {
    let running = Running::start().await;
    let answer = client().get(running.url("/")).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert!(answer.text().await.unwrap().contains("/scim/{tenant}/{directory}/v2"));
    running.stopped().await;
}

#[tokio::test]
async fn a_handler_that_panics_costs_its_own_request_only() {
    let running = Running::start().await;
    for _ in 0..3 {
        let answer = client().get(running.url("/panic")).header("x-request-id", "panic-1").send().await.unwrap();
        assert_eq!(answer.status(), 500);
        assert_eq!(answer.headers()["x-request-id"], "panic-1");
        let body = answer.text().await.unwrap();
        assert!(body.contains("panic-1") && !body.contains("purpose"), "{body}");
    }
    assert_eq!(client().get(running.url("/people/ada")).send().await.unwrap().status(), 200);
    running.stopped().await;
}

#[tokio::test]
async fn a_request_has_an_id_and_the_address_that_a_trusted_proxy_names() {
    let trusting = |config: &mut rollcall_runtime::Config| {
        config.http.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    };
    for (running, address) in
        [(Running::start().await, "127.0.0.1"), (Running::start_with(trusting, Vec::new()).await, "198.51.100.7")]
    {
        let request = client().get(running.url("/people/ada")).header("x-forwarded-for", "6.6.6.6, 198.51.100.7");
        let answer = request.send().await.unwrap();
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(id.len(), 32);
        assert_eq!(answer.text().await.unwrap(), format!("{address} {id}"));
        running.stopped().await;
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let surfaces = [Surface::Scim].into_iter().collect();
    let refused = Server::bind(&[ListenerConfig { address, surfaces, tls: None }], &crate::running::defaults().http)
        .err()
        .unwrap();
    assert!(matches!(refused, ServeError::PortTaken { .. }));
    let text = refused.to_string();
    assert!(text.contains(&format!("port {}", address.port())) && text.contains("--listen"), "{text}");
}
