use std::sync::Arc;

use actix_web::{
    App, HttpMessage,
    body::to_bytes,
    http::{
        Method, StatusCode,
        header::{ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH},
    },
    middleware::NormalizePath,
    test::{TestRequest, init_service},
};
use prometheus::Registry;
use rollcall_base::{ManualClock, Timestamp};
use rollcall_clients::profiles;
use rollcall_runtime::ClientAddress;
use serde_json::{Value, json};

use super::*;
use crate::{Limiter, Limits, authenticate::tests::FakeTokens};

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: impl AsRef<str>) -> &str {
        self.headers.get(name.as_ref()).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    fn json(&self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap()
    }

    /// RFC 9457, and its detail.
    #[track_caller]
    fn problem(&self, status: StatusCode) -> String {
        assert_eq!(self.header(CONTENT_TYPE), "application/problem+json");
        let body = self.json(status);
        assert_eq!(body["status"], status.as_u16());
        body["detail"].as_str().unwrap().to_owned()
    }
}

fn gateway(tokens: &Arc<FakeTokens>, limits: Limits) -> Gateway {
    let clock = Arc::new(ManualClock::new(NOW));
    let limiter = Limiter::new(limits, None, clock.clone(), &Registry::new()).unwrap();
    Gateway::new(tokens.clone(), "https://id.example/".parse().unwrap(), clock, limiter)
}

async fn ask(tokens: &Arc<FakeTokens>, request: TestRequest) -> Answer {
    ask_of(&gateway(tokens, Limits { header_bytes: 2_048, ..Limits::default() }), request).await
}

async fn ask_of(gateway: &Gateway, request: TestRequest) -> Answer {
    let users = |routes: &mut ServiceConfig| {
        routes.route("/Users", web::get().to(HttpResponse::Ok));
    };
    let app = init_service(App::new().wrap(NormalizePath::trim()).configure(|config| {
        gateway.mount_guides(config, 50);
        gateway.mount(config, Api::Scim, users);
    }))
    .await;
    let request = request.peer_addr("192.0.2.1:1".parse().unwrap()).to_request();
    request.extensions_mut().insert(ClientAddress("192.0.2.1".parse().unwrap()));
    let response = actix_web::dev::Service::call(&app, request).await.unwrap().map_into_boxed_body();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = String::from_utf8(to_bytes(response.into_body()).await.unwrap().to_vec()).unwrap();
    Answer { status, headers, text }
}

async fn get(path: &str) -> Answer {
    ask(&FakeTokens::new(), TestRequest::get().uri(path)).await
}

#[actix_web::test]
async fn everybody_may_see_the_clients_and_what_is_known_of_each() {
    let listed = get("/api/v1/clients").await;
    let clients = listed.json(StatusCode::OK)["clients"].clone();
    assert_eq!(clients.as_array().unwrap().len(), profiles().len());
    assert_eq!((&clients[0]["name"], &clients[0]["kind"]), (&json!("entra-id"), &json!("entra-id")));
    for profile in profiles() {
        let shown = get(&format!("/api/v1/clients/{}", profile.name)).await.json(StatusCode::OK);
        assert_eq!(shown["name"], profile.name);
        assert!(shown["fields"]["directory_id"]["label"].is_string() && shown.get("guide").is_none());
    }
    assert_eq!(listed.header("x-content-type-options"), "nosniff");
}

#[actix_web::test]
async fn a_guide_without_a_directory_has_placeholders_in_either_form() {
    for profile in profiles() {
        let path = format!("/api/v1/clients/{}/guide", profile.name);
        let guide = get(&path).await;
        assert_eq!(guide.json(StatusCode::OK)["client"], profile.name);
        assert_eq!(guide.header(CONTENT_TYPE), "application/json");
        for accept in ["text/markdown", "text/html, text/markdown;q=0.9, */*;q=0.1"] {
            let request = TestRequest::get().uri(&path).insert_header((ACCEPT, accept));
            let page = ask(&FakeTokens::new(), request).await;
            assert_eq!(page.header(CONTENT_TYPE), "text/markdown; charset=utf-8", "{accept}");
            assert!(page.text.starts_with("# Setup guide: ") && page.text.contains("https://id.example/scim/TENANT/"));
        }
    }
    let request =
        TestRequest::get().uri("/api/v1/clients/okta/guide").insert_header((ACCEPT, "*/*, text/markdown;q=0.2"));
    assert_eq!(ask(&FakeTokens::new(), request).await.header(CONTENT_TYPE), "application/json");
}

#[actix_web::test]
async fn what_is_the_same_for_everybody_may_be_kept_and_is_not_sent_twice() {
    for path in ["/api/v1/clients", "/api/v1/clients/okta", "/api/v1/clients/okta/guide"] {
        let first = get(path).await;
        assert_eq!(first.header(CACHE_CONTROL), "public, max-age=300");
        assert_eq!(first.header("vary"), "accept");
        let tag = first.header(ETAG).to_owned();
        for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
            let request = TestRequest::get().uri(path).insert_header((IF_NONE_MATCH, known));
            let again = ask(&FakeTokens::new(), request).await;
            assert_eq!((again.status, again.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
            assert_eq!(again.header(ETAG), tag);
        }
        let request = TestRequest::get().uri(path).insert_header((IF_NONE_MATCH, "\"other\""));
        assert_eq!(ask(&FakeTokens::new(), request).await.status, StatusCode::OK);
    }
    let markdown = TestRequest::get().uri("/api/v1/clients/okta/guide").insert_header((ACCEPT, "text/markdown"));
    let markdown = ask(&FakeTokens::new(), markdown).await;
    assert_ne!(markdown.header(ETAG), get("/api/v1/clients/okta/guide").await.header(ETAG));
}

async fn check(client: &str, body: impl Into<web::Bytes>) -> Answer {
    let request = TestRequest::post().uri(&format!("/api/v1/clients/{client}/check")).set_payload(body);
    ask(&FakeTokens::new(), request).await
}

#[actix_web::test]
async fn what_somebody_types_is_put_right_with_a_word_for_each_change() {
    let typed = json!({ "directory_id": "https://acme.okta.com/", "directory_name": "Acme" });
    let answer = check("okta", typed.to_string()).await;
    let checked = answer.json(StatusCode::OK);
    assert_eq!((&checked["directory_id"], &checked["directory_name"]), (&json!("Acme"), &json!("acme.okta.com")));
    assert_eq!((&checked["acceptable"], &checked["warnings"]), (&json!(true), &json!([])));
    assert!(checked["changes"][0]["text"].as_str().unwrap().contains("wrong way round"), "{checked}");
    assert_eq!(answer.header(CACHE_CONTROL), "no-store");
    let refused = check("other", json!({ "directory_id": "", "directory_name": "ä" }).to_string()).await;
    let refused = refused.json(StatusCode::OK);
    assert_eq!((&refused["acceptable"], &refused["warnings"][0]["rule"]), (&json!(false), &json!("length")));
}

#[actix_web::test]
async fn what_is_not_in_order_is_a_problem_that_says_what_is() {
    for body in ["", "{", "[]", "{\"directory_id\":1,\"directory_name\":\"a\"}", "{\"directory_id\":\"a\"}"] {
        let detail = check("okta", body).await.problem(StatusCode::BAD_REQUEST);
        assert!(detail.contains("directory_id and directory_name"), "{detail}");
    }
    let detail = check("okta", vec![b' '; 5_000]).await.problem(StatusCode::PAYLOAD_TOO_LARGE);
    assert!(detail.contains("4096 bytes"), "{detail}");
    for path in ["/api/v1/clients/azure", "/api/v1/clients/azure/guide", "/api/v1/clients/%3Cscript%3E"] {
        let detail = get(path).await.problem(StatusCode::NOT_FOUND);
        assert!(detail.contains("entra-id-own-app") && !detail.contains("azure") && !detail.contains('<'), "{detail}");
    }
    check("azure", "{}").await.problem(StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn every_route_takes_its_methods_and_no_other() {
    let tokens = FakeTokens::new();
    let directory = tokens.directory("acme", "Dir-1", "corp.example", "submitted");
    let bearer = format!("Bearer {}", tokens.token(&directory, |_| ()));
    for route in GUIDE_ROUTES {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let request = TestRequest::default().method(method.clone()).uri(&route.path.replace("{name}", "okta"));
            let answer = ask(&tokens, request.insert_header((AUTHORIZATION, bearer.as_str()))).await;
            if route.methods.contains(&method.as_str()) {
                assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {}", route.path);
            } else {
                assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {}", route.path);
                assert_eq!(answer.header(ALLOW), route.methods.join(", "));
                assert_eq!(answer.header(CONTENT_TYPE), "application/problem+json");
            }
        }
    }
}

#[actix_web::test]
async fn a_directorys_token_gets_the_guide_with_the_directorys_own_values() {
    let tokens = FakeTokens::new();
    let directory = tokens.directory("acme", "Dir-1", "corp.example", "submitted");
    let token = tokens.token(&directory, |_| ());
    let own = |path: &str, accept: &str| {
        let request = TestRequest::get().uri(path).insert_header((AUTHORIZATION, format!("Bearer {token}")));
        ask(&tokens, request.insert_header((ACCEPT, accept.to_owned())))
    };
    let answer = own("/api/v1/guide", "application/json").await;
    let guide = answer.json(StatusCode::OK);
    assert_eq!(guide["client"], "okta", "the directory's client");
    assert_eq!(answer.header(CACHE_CONTROL), "no-store");
    let page = own("/api/v1/guide/", "text/markdown").await;
    for value in ["`https://id.example/scim/acme/Dir-1/v2`", "corp.example", "1970-01-01T00:17:40"] {
        assert!(page.text.contains(value), "{value}");
    }
    assert!(!page.text.contains(&token) && !answer.text.contains(&token), "no guide holds a token");
    let other = own("/api/v1/guide?client=entra-id", "application/json").await.json(StatusCode::OK);
    assert_eq!(other["pairings"][0]["theirs"], "Tenant URL");
    own("/api/v1/guide?client=azure", "*/*").await.problem(StatusCode::NOT_FOUND);
    for query in ["client=okta&client=okta", "other=1", "client=okta&x"] {
        own(&format!("/api/v1/guide?{query}"), "*/*").await.problem(StatusCode::BAD_REQUEST);
    }
    own("/api/v1/guide/more", "*/*").await.problem(StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn nobody_gets_a_directorys_guide_without_its_token() {
    let tokens = FakeTokens::new();
    let directory = tokens.directory("acme", "Dir-1", "corp.example", "submitted");
    let revoked = tokens.token(&directory, |record| record.revoked_at = Some(NOW));
    let archived = tokens.directory("acme", "old", "old.example", "archived");
    let of_archived = tokens.token(&archived, |_| ());
    let mut seen = Vec::new();
    for authorization in
        ["".to_owned(), "Bearer x".to_owned(), format!("Bearer {revoked}"), format!("Bearer {of_archived}")]
    {
        for path in ["/api/v1/guide", "/api/v1/guide?client=azure", "/api/v1/guide/more"] {
            let request = TestRequest::get().uri(path).insert_header((AUTHORIZATION, authorization.as_str()));
            let answer = ask(&tokens, request).await;
            seen.push(answer.problem(StatusCode::UNAUTHORIZED));
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[actix_web::test]
async fn a_directorys_guide_is_within_the_allowance_of_its_scim_requests() {
    let tokens = FakeTokens::new();
    let directory = tokens.directory("acme", "Dir-1", "corp.example", "submitted");
    let bearer = format!("Bearer {}", tokens.token(&directory, |_| ()));
    let rate = rollcall_base::Rate::new(25, 25);
    let gateway =
        gateway(&tokens, Limits { directory: rate, patience: std::time::Duration::ZERO, ..Limits::default() });
    let own = |path| ask_of(&gateway, TestRequest::get().uri(path).insert_header((AUTHORIZATION, bearer.as_str())));
    for number in 0..25 {
        let path = if number % 2 == 0 { "/api/v1/guide" } else { "/scim/v2/Users" };
        assert_eq!(own(path).await.status, StatusCode::OK);
    }
    assert_eq!(own("/scim/v2/Users").await.status, StatusCode::TOO_MANY_REQUESTS);
    let refused = own("/api/v1/guide").await;
    assert!(refused.problem(StatusCode::TOO_MANY_REQUESTS).contains("25 requests a second"));
    assert_eq!(refused.header("retry-after"), "1");
    let public = ask_of(&gateway, TestRequest::get().uri("/api/v1/clients")).await;
    assert_eq!(public.status, StatusCode::OK, "what is everybody's is nobody's allowance");
}

#[actix_web::test]
async fn a_request_with_a_long_head_is_refused_before_anything_is_made_of_it() {
    let path = format!("/api/v1/clients?{}", "a".repeat(3_000));
    get(&path).await.problem(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[test]
fn a_directory_of_a_client_that_is_not_known_has_the_guide_of_any_other() {
    let tokens = FakeTokens::new();
    let known = tokens.directory("acme", "Dir-1", "corp.example", "submitted");
    assert_eq!(profile_of_directory(&known).name, "okta");
    let newer = DirectoryRecord { client_kind: "of-the-future".to_owned(), ..(*known).clone() };
    assert_eq!(profile_of_directory(&newer).name, "other");
}
