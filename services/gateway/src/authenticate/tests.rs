use std::{
    sync::{Mutex, atomic::Ordering},
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse,
    body::to_bytes,
    dev::Service,
    http::{
        StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    middleware::NormalizePath,
    test::{TestRequest, init_service},
    web,
};
use prometheus::Registry;
use rollcall_access::{AllowedNetworks, BearerToken, Rotation, TokenKind};
use rollcall_base::{Id, ManualClock, Secret32, SeededEntropy, Timestamp};
use rollcall_tokens::{RefusedReason, VerifyError};

pub(crate) use self::fake_tokens::FakeTokens;
use super::*;
use crate::{Gateway, Limiter, Limits};

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

/// Stands for the SCIM surface: says who got through, and which headers did.
async fn surface(request: HttpRequest) -> HttpResponse {
    let extensions = request.extensions();
    let authenticated = extensions.get::<Authenticated>().unwrap();
    let directory = extensions.get::<Arc<DirectoryRecord>>().unwrap();
    assert_eq!(authenticated.directory(), directory.id);
    let forged = request.headers().contains_key("x-rollcall-directory");
    HttpResponse::Ok().body(format!("{} forged={forged}", extensions.get::<BaseUrl>().unwrap().0))
}

struct Answer {
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn header(&self, name: impl AsRef<str>) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name.as_ref()).map(|(_, value)| value.as_str())
    }
}

async fn ask(tokens: &Arc<FakeTokens>, request: TestRequest) -> Answer {
    let clock = Arc::new(ManualClock::new(NOW));
    let limiter = Limiter::new(Limits::default(), None, clock.clone(), &Registry::new()).unwrap();
    let gateway = Gateway::new(tokens.clone(), "https://scim.example.com/".parse().unwrap(), clock, limiter);
    let routes = |config: &mut web::ServiceConfig| {
        config.route("", web::get().to(surface)).route("/Users", web::get().to(surface));
    };
    let app = init_service(
        App::new().wrap(NormalizePath::trim()).configure(|config| gateway.mount(config, Api::Scim, routes)),
    )
    .await;
    let request = request.to_request();
    if let Some(peer) = request.peer_addr() {
        request.extensions_mut().insert(ClientAddress(peer.ip()));
    }
    let response = app.call(request).await.unwrap().map_into_boxed_body();
    gateway.clone().report_last_uses().await;
    let status = response.status();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let body = String::from_utf8(to_bytes(response.into_body()).await.unwrap().to_vec()).unwrap();
    Answer { status, headers, body }
}

fn get(path: &str, token: &str) -> TestRequest {
    TestRequest::get().uri(path).insert_header((AUTHORIZATION, format!("Bearer {token}")))
}

#[actix_web::test]
async fn every_form_of_the_base_url_leads_to_the_tokens_directory() {
    let tokens = FakeTokens::new();
    let directory = tokens.directory("acme", "Dir-1", "corp.example_x", "submitted");
    tokens.directories.lock().unwrap()[0].0 = "former".to_owned();
    let token = tokens.token(&directory, |_| ());
    for path in [
        "/scim/acme/Dir-1/v2/Users",
        "/scim/ACME/dir-1/v2/Users/",
        "/scim/acme/CORP.example_x/v2/Users",
        "/scim/acme/former/v2//Users",
        "/scim/acme/Dir-1/v2",
        "/scim/acme/Dir-1/v2/",
        "/scim/v2/Users",
        "/scim/v2",
        "/scim/v2/Users?aadOptscim062020",
        "/scim/acme/Dir-1/v2/Users?aadOptscim062020=1",
    ] {
        let answer = ask(&tokens, get(path, &token)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.body, "https://scim.example.com/scim/acme/Dir-1/v2 forged=false", "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("strict-transport-security").is_some());
    }
}

#[actix_web::test]
async fn all_reasons_for_a_401_look_alike() {
    let tokens = FakeTokens::new();
    let own = tokens.directory("acme", "one", "one.example", "submitted");
    tokens.directory("acme", "two", "two.example", "submitted");
    tokens.directory("other", "one", "one.example", "submitted");
    let archived = tokens.directory("acme", "old", "old.example", "archived");
    let good = tokens.token(&own, |_| ());
    let expired = tokens.token(&own, |record| record.expires_at = NOW);
    let revoked = tokens.token(&own, |record| record.revoked_at = Some(NOW));
    let retired = tokens.token(&own, |record| {
        let (replaced_by, overlap) = (record.id, Duration::ZERO);
        record.rotation = Some(Rotation { replaced_by, rotated_at: NOW, overlap, in_use_since: None, retires_at: NOW });
    });
    let elsewhere = tokens.token(&own, |record| {
        record.networks = Some(AllowedNetworks { networks: "203.0.113.0/24".parse().unwrap(), observe: false });
    });
    let wrong = tokens.token(&own, |record| {
        record.hash = BearerToken::generate(TokenKind::Static, record.id, &SeededEntropy::new(9))
            .hash(&Secret32::from_bytes([1; 32]));
    });
    let unknown = BearerToken::generate(TokenKind::Static, Id::new(NOW, &tokens.entropy), &tokens.entropy)
        .to_text()
        .expose()
        .to_owned();
    let home = "/scim/acme/one/v2/Users";
    let requests = [
        ("no token", TestRequest::get().uri(home)),
        ("in the query", TestRequest::get().uri(&format!("{home}?access_token={good}"))),
        ("malformed", get(home, "abc")),
        ("cut", get(home, &good[..good.len() - 1])),
        ("empty", get(home, "")),
        ("two headers", get(home, &good).append_header((AUTHORIZATION, format!("Bearer {good}")))),
        ("basic", TestRequest::get().uri(home).insert_header((AUTHORIZATION, "Basic YTpi"))),
        ("jwt", get(home, "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL3N0cy53aW5kb3dzLm5ldC94LyJ9.c2ln")),
        ("unknown", get(home, &unknown)),
        ("wrong secret", get(home, &wrong)),
        ("expired", get(home, &expired)),
        ("revoked", get(home, &revoked)),
        ("retired", get(home, &retired)),
        ("outside its networks", get(home, &elsewhere)),
        ("other directory", get("/scim/acme/two/v2/Users", &good)),
        ("other tenant", get("/scim/other/one/v2/Users", &good)),
        ("no such directory", get("/scim/acme/none/v2/Users", &good)),
        ("no such tenant", get("/scim/nobody/one/v2/Users", &good)),
        ("archived", get("/scim/acme/old/v2/Users", &tokens.token(&archived, |_| ()))),
        ("archived, short URL", get("/scim/v2/Users", &tokens.token(&archived, |_| ()))),
        ("expired, unknown path", get("/scim/acme/one/v2/Nonsense", &expired)),
    ];
    let mut first: Option<Answer> = None;
    for (name, request) in requests {
        let answer = ask(&tokens, request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
        let first = first.get_or_insert_with(|| Answer {
            headers: answer.headers.clone(),
            body: answer.body.clone(),
            ..answer
        });
        assert_eq!(first.headers, answer.headers, "{name}");
        assert_eq!(first.body, answer.body, "{name}");
    }
    let answer = first.unwrap();
    assert_eq!(answer.header(WWW_AUTHENTICATE), Some(r#"Bearer realm="rollcall", error="invalid_token""#));
    assert_eq!(answer.header(CONTENT_TYPE), Some("application/scim+json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
    assert_eq!(body["status"], "401");
}

#[actix_web::test]
async fn what_cannot_be_a_token_is_refused_without_asking_anybody() {
    let tokens = FakeTokens::new();
    for text in ["abc", "rct_0", ""] {
        ask(&tokens, get("/scim/v2/Users", text)).await;
    }
    assert_eq!(tokens.asked.load(Ordering::SeqCst), 0);
}

#[actix_web::test]
async fn a_url_is_asked_for_only_if_it_can_be_one_that_the_directory_had_before() {
    let tokens = FakeTokens::new();
    let directory = tokens.directory("acme", "one", "one.example", "submitted");
    tokens.directory("other", "two", "two.example", "submitted");
    let token = tokens.token(&directory, |_| ());
    for place in ["other/one", "other/two", "nobody/x", "acme/a%20b", &format!("acme/{}", "x".repeat(254))] {
        let answer = ask(&tokens, get(&format!("/scim/{place}/v2/Users"), &token)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{place}");
    }
    assert_eq!(ask(&tokens, get("/scim/ACME/One.example/v2/Users", &token)).await.status, StatusCode::OK);
    assert_eq!(*tokens.resolved.lock().unwrap(), []);
    let from = "198.51.100.7:4711".parse().unwrap();
    let answer = ask(&tokens, get("/scim/acme/junk/v2/Users", &token).peer_addr(from)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let caller = Caller { directory: directory.id, from: from.ip() };
    assert_eq!(*tokens.resolved.lock().unwrap(), [("junk".to_owned(), caller)]);
}

#[actix_web::test]
async fn headers_of_the_services_own_do_not_come_in_from_outside() {
    let tokens = FakeTokens::new();
    let directory = tokens.directory("acme", "one", "one.example", "submitted");
    let token = tokens.token(&directory, |_| ());
    let forged = get("/scim/v2/Users", &token)
        .insert_header(("X-Rollcall-Directory", "two"))
        .insert_header(("Host", "evil.example"));
    let answer = ask(&tokens, forged).await;
    assert_eq!(answer.body, "https://scim.example.com/scim/acme/one/v2 forged=false");
}

#[actix_web::test]
async fn a_flood_an_outage_and_a_disabled_directory_say_when_to_come_back() {
    let tokens = FakeTokens::new();
    let directory = tokens.directory("acme", "one", "one.example", "disabled");
    let token = tokens.token(&directory, |_| ());
    let disabled = ask(&tokens, get("/scim/v2/Users", &token)).await;
    *tokens.outage.lock().unwrap() = Some(VerifyError::Throttled { retry_after: Duration::from_millis(1200) });
    let throttled = ask(&tokens, get("/scim/v2/Users", &token)).await;
    *tokens.outage.lock().unwrap() = Some(VerifyError::Unavailable(Arc::new(std::io::Error::other("down"))));
    let unavailable = ask(&tokens, get("/scim/v2/Users", &token)).await;
    for (answer, status, wait) in [
        (disabled, StatusCode::SERVICE_UNAVAILABLE, "5"),
        (throttled, StatusCode::TOO_MANY_REQUESTS, "2"),
        (unavailable, StatusCode::SERVICE_UNAVAILABLE, "5"),
    ] {
        assert_eq!(answer.status, status);
        assert_eq!(answer.header(RETRY_AFTER), Some(wait));
        assert_eq!(answer.header(CONTENT_TYPE), Some("application/scim+json"));
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["status"], status.as_str());
        assert!(!answer.body.contains("down"));
    }
}

#[actix_web::test]
async fn a_frozen_directory_answers_what_only_reads_and_puts_off_all_else() {
    let tokens = FakeTokens::new();
    let directory = tokens.directory("acme", "one", "one.example", "frozen");
    let token = tokens.token(&directory, |_| ());
    let of = |method: &str, path: &str| get(path, &token).method(method.parse().unwrap());
    for (method, path) in [
        ("GET", "/scim/v2/Users"),
        ("HEAD", "/scim/v2/Users"),
        ("POST", "/scim/v2/.search"),
        ("POST", "/scim/v2/Users/.search"),
        ("POST", "/scim/v2/Users/.search/"),
    ] {
        assert_ne!(ask(&tokens, of(method, path)).await.status, StatusCode::SERVICE_UNAVAILABLE, "{method} {path}");
    }
    for (method, path) in [
        ("POST", "/scim/v2/Users"),
        ("POST", "/scim/v2/Bulk"),
        ("POST", "/scim/v2/Users?/.search"),
        ("PUT", "/scim/v2/Users/.search"),
        ("PATCH", "/scim/v2/Users/x"),
        ("DELETE", "/scim/v2/Users/x"),
        ("POST", "/scim/v2/Users/x.search"),
    ] {
        let answer = ask(&tokens, of(method, path)).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{method} {path}");
        assert_eq!((answer.header(RETRY_AFTER), answer.body.contains("is frozen")), (Some("60"), true));
    }
}

/// Collects the log of the thread that holds the guard.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[actix_web::test]
async fn the_log_tells_the_reasons_apart_and_never_shows_a_token() {
    // Without a subscriber of theirs the tests on other threads could have this one's events switched off for all.
    let all = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(std::io::sink);
    let _ = tracing::subscriber::set_global_default(all.finish());
    let tokens = FakeTokens::new();
    let directory = tokens.directory("acme", "one", "one.example", "submitted");
    let good = tokens.token(&directory, |_| ());
    let expired = tokens.token(&directory, |record| record.expires_at = NOW);
    let revoked = tokens.token(&directory, |record| record.revoked_at = Some(NOW));
    let entra = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL3N0cy53aW5kb3dzLm5ldC94LyJ9.c2ln";
    for (path, token, reason) in [
        ("/scim/v2/Users", expired.as_str(), "expired"),
        ("/scim/v2/Users", &revoked, "revoked"),
        ("/scim/v2/Users", &good[..60], "cut"),
        ("/scim/v2/Users", entra, "Secret Token was left blank"),
        ("/scim/acme/two/v2/Users", &good, "another directory"),
    ] {
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
        let guard = tracing::subscriber::set_default(subscriber.finish());
        ask(&tokens, get(path, token)).await;
        drop(guard);
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains(reason), "{reason}: {text}");
        assert!(!text.contains(&token[8..40]), "{text}");
    }
}

mod fake_tokens;
mod uses;
