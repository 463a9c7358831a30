//! What clients see of the limits.

use std::{cell::Cell, future::poll_fn, rc::Rc, sync::Arc, task::Poll, time::Duration};

use actix_web::{
    App, HttpResponse,
    body::{BodySize, BoxBody, MessageBody, to_bytes},
    dev::{Payload, Service, ServiceResponse},
    error::PayloadError,
    http::{
        Method, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
    },
    test::{TestRequest, init_service},
    web::{self, Bytes},
};
use futures_util::stream;
use prometheus::Registry;
use rollcall_base::{ManualClock, Rate, Timestamp};
use rollcall_tokens::DirectoryRecord;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{Limiter, Limits};
use crate::{Api, Gateway, authenticate::tests::FakeTokens};

const URL: &str = "https://scim.example.com/";

/// An edge with the least that a tenant may have, before a surface that answers at once.
struct Scene {
    tokens: Arc<FakeTokens>,
    gateway: Gateway,
    registry: Registry,
}

fn least() -> Limits {
    let rate = Rate::new(25, 25);
    Limits { directory: rate, tenant: rate, in_flight: 1, patience: Duration::ZERO, ..Limits::default() }
}

impl Scene {
    fn new(limits: Limits) -> Self {
        let (tokens, registry) = (FakeTokens::new(), Registry::new());
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_760_000_000_000_000)));
        let limiter = Limiter::new(limits, None, clock, &registry).unwrap();
        let clock = Arc::new(rollcall_base::SystemClock);
        Self { gateway: Gateway::new(tokens.clone(), URL.parse().unwrap(), clock, limiter), tokens, registry }
    }

    fn directory(&self, tenant: &str, name: &str) -> (Arc<DirectoryRecord>, String) {
        let directory = self.tokens.directory(tenant, name, &format!("{name}.example"), "submitted");
        let token = self.tokens.token(&directory, |_| ());
        (directory, token)
    }

    /// The answers to the same request again and again.
    async fn answers(&self, api: Api, path: &str, token: &str, count: usize) -> Vec<Answer> {
        let routes = |config: &mut web::ServiceConfig| {
            config
                .route("/Users", web::to(surface))
                .route("/slow", web::to(never))
                .route("/Bulk", web::to(never))
                .route("/slow/.search", web::to(never));
        };
        let app = init_service(App::new().configure(|config| self.gateway.mount(config, api, routes))).await;
        let mut answers = Vec::new();
        for _ in 0..count {
            let request = TestRequest::post().uri(path).insert_header((AUTHORIZATION, format!("Bearer {token}")));
            let response = match app.call(request.to_request()).await {
                Ok(response) => response.map_into_boxed_body().into_parts().1,
                Err(error) => error.error_response(),
            };
            let header = |name: actix_web::http::header::HeaderName| {
                response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
            };
            let (status, retry_after, content_type) = (response.status(), header(RETRY_AFTER), header(CONTENT_TYPE));
            let cache = header(actix_web::http::header::CACHE_CONTROL);
            let body = to_bytes(response.into_body()).await.unwrap();
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            answers.push(Answer { status, retry_after, content_type, cache, body });
        }
        answers
    }

    fn count(&self, metric: &str, labels: &[&str]) -> f64 {
        let families = self.registry.gather();
        let samples = families.iter().filter(|family| family.name() == metric).flat_map(|family| family.get_metric());
        samples
            .filter(|sample| labels.iter().all(|label| sample.get_label().iter().any(|pair| pair.value() == *label)))
            .map(|sample| sample.get_counter().get_value() + sample.get_gauge().get_value())
            .sum()
    }
}

struct Answer {
    status: StatusCode,
    retry_after: String,
    content_type: String,
    cache: String,
    body: Value,
}

impl Answer {
    fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap()
    }
}

async fn surface() -> HttpResponse {
    HttpResponse::Ok().finish()
}

async fn never() -> HttpResponse {
    std::future::pending().await
}

#[actix_web::test]
async fn beyond_its_allowance_a_directory_gets_429_that_names_it_and_its_neighbour_does_not() {
    let scene = Scene::new(least());
    let ((_, loud), (_, quiet)) = (scene.directory("acme", "one"), scene.directory("other", "one"));
    let answers = scene.answers(Api::Scim, "/scim/v2/Users", &loud, 30).await;
    assert!(answers[..25].iter().all(|answer| answer.status == StatusCode::OK));
    for answer in &answers[25..] {
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!((answer.retry_after.as_str(), answer.content_type.as_str()), ("1", "application/scim+json"));
        assert_eq!(answer.cache, "no-store");
        assert_eq!(answer.body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
        assert_eq!(answer.body["status"], "429");
        let detail = answer.detail();
        assert!(detail.contains("25 requests a second") && detail.contains("Nothing was changed"), "{detail}");
    }
    assert_eq!(scene.count("rollcall_limited_requests_total", &["directory_rate", "scim"]), 5.0);
    let neighbour = scene.answers(Api::Scim, "/scim/other/one/v2/Users", &quiet, 25).await;
    assert!(neighbour.iter().all(|answer| answer.status == StatusCode::OK));
}

#[actix_web::test]
async fn the_lookup_surface_is_told_as_rfc_9457_has_it() {
    let scene = Scene::new(least());
    let (_, token) = scene.directory("acme", "one");
    let answers = scene.answers(Api::Lookup, "/lookup/v1/Users", &token, 26).await;
    let refused = &answers[25];
    assert_eq!(
        (refused.status, refused.content_type.as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "application/problem+json")
    );
    assert_eq!((&refused.body["status"], refused.retry_after.as_str()), (&Value::from(429), "1"));
    assert_eq!(scene.count("rollcall_limited_requests_total", &["directory_rate", "lookup"]), 1.0);
}

#[actix_web::test]
async fn what_is_refused_for_its_token_is_not_counted_against_the_directory() {
    let scene = Scene::new(least());
    let (directory, token) = scene.directory("acme", "one");
    let revoked = scene.tokens.token(&directory, |record| record.revoked_at = Some(Timestamp::from_micros(1)));
    let answers = scene.answers(Api::Scim, "/scim/v2/Users", &revoked, 100).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::UNAUTHORIZED));
    assert_eq!(scene.answers(Api::Scim, "/scim/v2/Users", &token, 1).await[0].status, StatusCode::OK);
}

#[actix_web::test]
async fn an_answer_counts_until_its_body_is_sent_or_its_client_is_gone() {
    let scene = Scene::new(Limits::default());
    let (_, token) = scene.directory("acme", "one");
    let pieces = Rc::new(Cell::new(0));
    let streamed = {
        let pieces = Rc::clone(&pieces);
        move || {
            let pieces = Rc::clone(&pieces);
            let body = stream::poll_fn(move |_| {
                pieces.set(pieces.get() + 1);
                Poll::Ready((pieces.get() < 3).then(|| Ok::<_, std::io::Error>(Bytes::from_static(b"x"))))
            });
            async move { HttpResponse::Ok().streaming(body) }
        }
    };
    let routes = |config: &mut web::ServiceConfig| {
        config.route("/Users", web::to(streamed.clone()));
    };
    let app = init_service(App::new().configure(|config| scene.gateway.mount(config, Api::Scim, routes))).await;
    let ask = async || -> ServiceResponse<BoxBody> {
        let request =
            TestRequest::get().uri("/scim/v2/Users").insert_header((AUTHORIZATION, format!("Bearer {token}")));
        app.call(request.to_request()).await.unwrap().map_into_boxed_body()
    };
    let under_way = || scene.count("rollcall_requests_in_flight", &[]);
    let (read, left) = (ask().await, ask().await);
    assert_eq!(under_way(), 2.0);
    assert_eq!(left.response().body().size(), BodySize::Stream);
    to_bytes(read.into_body()).await.unwrap();
    assert_eq!(under_way(), 1.0);
    drop(left);
    assert_eq!(under_way(), 0.0);
}

/// Beyond the guarantee, and not alone: one request is worked on at a time.
async fn crowded() -> (Scene, String) {
    let scene = Scene::new(Limits { working: 1, turn_within: Duration::from_secs(10), ..Limits::default() });
    let ((_, token), (_, other)) = (scene.directory("acme", "one"), scene.directory("other", "one"));
    scene.answers(Api::Scim, "/scim/v2/Users", &other, 1).await;
    let guaranteed = scene.answers(Api::Scim, "/scim/v2/Users", &token, 25).await;
    assert!(guaranteed.iter().all(|answer| answer.status == StatusCode::OK));
    (scene, token)
}

fn request(path: &str, token: &str) -> TestRequest {
    TestRequest::post().uri(path).insert_header((AUTHORIZATION, format!("Bearer {token}")))
}

/// Lets all other tasks go as far as they can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[actix_web::test]
async fn a_change_whose_client_has_gone_goes_on_and_counts_until_it_ends() {
    let scene = Scene::new(Limits::default());
    let (_, token) = scene.directory("acme", "one");
    let go_on = Rc::new(Semaphore::new(0));
    let surface = {
        let go_on = Rc::clone(&go_on);
        move || {
            let go_on = Rc::clone(&go_on);
            async move {
                go_on.acquire().await.unwrap().forget();
                HttpResponse::Ok().finish()
            }
        }
    };
    let routes = |config: &mut web::ServiceConfig| {
        config.route("/Users", web::to(surface.clone()));
    };
    let app = init_service(App::new().configure(|config| scene.gateway.mount(config, Api::Scim, routes))).await;
    let under_way = || scene.count("rollcall_requests_in_flight", &[]);
    let gone = async |method: Method| {
        let asked = app.call(request("/scim/v2/Users", &token).method(method).to_request());
        tokio::select! {
            biased;
            _ = asked => panic!("it has not ended"),
            () = settle() => {}
        }
    };
    gone(Method::GET).await;
    settle().await;
    assert_eq!(under_way(), 0.0, "a read is given up");
    gone(Method::POST).await;
    settle().await;
    assert_eq!(under_way(), 1.0);
    go_on.add_permits(1);
    settle().await;
    assert_eq!(under_way(), 0.0);
}

#[actix_web::test]
async fn a_head_that_is_too_long_is_431_with_a_body_before_anybody_looks_at_the_token() {
    let scene = Scene::new(Limits { header_bytes: 5_000, ..Limits::default() });
    let (_, token) = scene.directory("acme", "one");
    let fits = format!("/scim/v2/Users?filter={}", "x".repeat(4_000));
    assert_eq!(scene.answers(Api::Scim, &fits, &token, 1).await[0].status, StatusCode::OK);
    let long = format!("/scim/v2/Users?filter={}", "x".repeat(5_000));
    for token in [token.as_str(), "nonsense"] {
        let refused = scene.answers(Api::Scim, &long, token, 1).await.remove(0);
        assert_eq!(refused.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!(refused.content_type, "application/scim+json");
        assert!(refused.detail().contains("5000 are the most"), "{}", refused.detail());
    }
}

#[actix_web::test]
async fn what_takes_too_long_is_503_and_says_whether_something_may_have_been_done() {
    let scene = Scene::new(Limits { answer_within: Duration::from_millis(1), ..Limits::default() });
    let (_, token) = scene.directory("acme", "one");
    let changed = scene.answers(Api::Scim, "/scim/v2/slow", &token, 1).await.remove(0);
    assert_eq!((changed.status, changed.retry_after.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "5"));
    assert_eq!((changed.content_type.as_str(), changed.cache.as_str()), ("application/scim+json", "no-store"));
    assert!(changed.detail().contains("may have been made"), "{}", changed.detail());
    let read = scene.answers(Api::Scim, "/scim/v2/slow/.search", &token, 1).await.remove(0);
    assert!(read.detail().contains("Nothing was changed"), "{}", read.detail());
    assert_eq!(scene.count("rollcall_requests_in_flight", &[]), 1.0, "the change may still be worked on, and counts");
    assert_eq!(scene.count("rollcall_limited_requests_total", &["time"]), 2.0);
    scene.gateway.clone().report_last_uses().await;
    let reported = scene.tokens.reported();
    let used: (u32, u32) =
        reported.iter().flat_map(|one| &one.good).fold((0, 0), |sum, one| (sum.0 + one.reads, sum.1 + one.writes));
    assert_eq!(used, (1, 1), "what was begun is a use of its token");
}

#[actix_web::test]
async fn a_guaranteed_request_that_waits_all_its_time_is_told_that_nothing_was_changed() {
    let limits = Limits { working: 1, answer_within: Duration::from_millis(20), ..Limits::default() };
    let scene = Scene::new(limits);
    let ((_, token), (_, other)) = (scene.directory("acme", "one"), scene.directory("other", "one"));
    scene.answers(Api::Scim, "/scim/v2/Users", &other, 1).await;
    let answers = scene.answers(Api::Scim, "/scim/v2/Bulk", &token, 2).await;
    let told: Vec<(u16, bool)> =
        answers.iter().map(|one| (one.status.as_u16(), one.detail().contains("Nothing was changed"))).collect();
    assert_eq!(told, [(503, false), (503, true)], "the first is still worked on, and the second never was");
    assert_eq!(scene.count("rollcall_requests_in_flight", &[]), 1.0);
}

mod bodies;
