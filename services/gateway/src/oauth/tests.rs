use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use actix_web::{
    App,
    body::to_bytes,
    http::{
        StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE},
    },
    test::{TestRequest, init_service},
};
use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use rollcall_access::{Authenticated, BearerToken, ClientSecret, DirectoryPolicies, DirectoryState};
use rollcall_base::{Id, ManualClock, SecretText, SeededEntropy, Timestamp, marker};
use rollcall_tokens::{Caller, DirectoryRecord, Resource, Tokens, Uses, VerifyError};
use serde_json::Value;

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

/// A token service with one client, which answers that client as it is told to.
struct OneClient {
    client: ClientId,
    secret: ClientSecret,
    directory: Arc<DirectoryRecord>,
    answer: Mutex<Result<(), GrantError>>,
    asked: Mutex<Vec<TokenRequest>>,
    reported: Mutex<Vec<Uses>>,
    /// Answers only once it may.
    held: tokio::sync::Mutex<()>,
}

impl OneClient {
    fn new() -> Arc<Self> {
        let entropy = SeededEntropy::new(1);
        let directory = DirectoryRecord {
            id: Id::new(NOW, &entropy),
            tenant: Id::new(NOW, &entropy),
            tenant_slug: "acme".to_owned(),
            directory_id: "Dir-1".to_owned(),
            directory_name: "corp.example".to_owned(),
            client_kind: "other".to_owned(),
            client_profile: None,
            life: DirectoryState::Submitted.into(),
            policies: DirectoryPolicies::default(),
            created_at: NOW,
        };
        Arc::new(Self {
            client: ClientId(Id::new(NOW, &entropy)),
            secret: ClientSecret::generate(&entropy),
            directory: Arc::new(directory),
            answer: Mutex::new(Ok(())),
            asked: Mutex::default(),
            reported: Mutex::default(),
            held: tokio::sync::Mutex::default(),
        })
    }

    fn answers(&self, error: GrantError) {
        *self.answer.lock().unwrap() = Err(error);
    }

    fn denies(&self, reason: GrantDenialReason) {
        self.answers(GrantError::Denied(GrantDenial { reason, directory: Some(self.directory.id) }));
    }

    fn form(&self, more: &str) -> String {
        let secret = self.secret.to_text();
        format!("grant_type=client_credentials&client_id={}&client_secret={}{more}", self.client, secret.expose())
    }

    fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.client, self.secret.to_text().expose())))
    }

    fn last(&self) -> TokenRequest {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

#[async_trait]
impl Tokens for OneClient {
    async fn verify(&self, _: &BearerToken, _: IpAddr) -> Result<Authenticated, VerifyError> {
        unreachable!("the token endpoint takes no bearer tokens")
    }

    async fn grant_token(&self, asked: TokenRequest) -> Result<GrantedToken, GrantError> {
        let deny = |reason, directory| Err(GrantError::Denied(GrantDenial { reason, directory }));
        self.asked.lock().unwrap().push(asked.clone());
        let _may = self.held.lock().await;
        if asked.client != self.client {
            return deny(GrantDenialReason::UnknownClient, None);
        }
        if asked.secret.is_none_or(|secret| secret.expose() != self.secret.expose()) {
            return deny(GrantDenialReason::WrongSecret, Some(self.directory.id));
        }
        self.answer.lock().unwrap().clone()?;
        Ok(GrantedToken {
            token: SecretText::new("rca_access".to_owned()),
            credential: Id::new(NOW, &SeededEntropy::new(2)),
            directory: self.directory.id,
            scopes: asked.scopes.unwrap_or(Scopes::ALL),
            lifetime: Duration::from_secs(3600),
        })
    }

    async fn report(&self, uses: Uses) -> Result<(), VerifyError> {
        self.reported.lock().unwrap().push(uses);
        Ok(())
    }

    async fn directory(&self, id: Id<marker::Directory>) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        Ok((id == self.directory.id).then(|| Arc::clone(&self.directory)))
    }

    async fn resolve(&self, _: &str, _: &str, _: Option<Caller>) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        unreachable!("that is the token service's to do")
    }
}

struct Answer {
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }
}

fn gateway(tokens: &Arc<OneClient>) -> Gateway {
    let clock = Arc::new(ManualClock::new(NOW));
    let tokens = Arc::clone(tokens) as Arc<dyn Tokens>;
    let limiter =
        crate::Limiter::new(crate::Limits::default(), None, clock.clone(), &prometheus::Registry::new()).unwrap();
    Gateway::new(tokens, "https://id.example/base".parse().unwrap(), clock, limiter)
}

async fn send(gateway: &Gateway, request: TestRequest) -> Answer {
    let app = init_service(App::new().configure(|config| gateway.mount_oauth(config))).await;
    let response = actix_web::test::call_service(&app, request.to_request()).await;
    let status = response.status();
    let text = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap().to_owned();
    let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let body = to_bytes(response.into_body()).await.unwrap();
    Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
}

fn post(body: impl Into<Vec<u8>>) -> TestRequest {
    TestRequest::post()
        .uri(TOKEN_PATH)
        .insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"))
        .set_payload(body.into())
}

async fn asked(tokens: &Arc<OneClient>, request: TestRequest) -> Answer {
    send(&gateway(tokens), request).await
}

fn check_headers(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    assert_eq!(answer.header("content-type"), "application/json");
}

#[actix_web::test]
async fn a_client_gets_a_token_either_way_and_is_told_its_scope() {
    let tokens = OneClient::new();
    let with_basic = post("grant_type=client_credentials").insert_header((AUTHORIZATION, tokens.basic()));
    for request in [post(tokens.form("")), with_basic] {
        let answer = asked(&tokens, request).await;
        assert_eq!(answer.status, 200);
        check_headers(&answer);
        let expected = json!({
            "access_token": "rca_access", "token_type": "Bearer", "expires_in": 3600, "scope": Scopes::ALL.to_string(),
        });
        assert_eq!(answer.body, expected);
        assert_eq!(tokens.last().scopes, None);
    }
}

#[actix_web::test]
async fn scope_and_resource_are_handed_on_as_they_were_understood() {
    let tokens = OneClient::new();
    let more = "&scope=groups%3Awrite+users:read&resource=https://id.example/base/scim/acme/dir-1/v2/&resource=https%3A%2F%2Fid.example%2Fbase%2Fscim%2Fv2";
    let answer = asked(&tokens, post(tokens.form(more))).await;
    assert_eq!(answer.body["scope"], "users:read groups:write");
    let last = tokens.last();
    assert_eq!(last.scopes, Some("users:read groups:write".parse().unwrap()));
    let named = Resource::Directory { tenant: "acme".to_owned(), key: "dir-1".to_owned() };
    assert_eq!(last.resources, [named, Resource::Short]);
}

#[actix_web::test]
async fn every_error_has_the_word_and_the_status_that_the_rfcs_give_it() {
    let tokens = OneClient::new();
    let (id, secret) = (tokens.client.to_string(), tokens.secret.to_text().expose().to_owned());
    let other = ClientSecret::generate(&SeededEntropy::new(9)).to_text().expose().to_owned();
    for (body, status, error) in [
        (tokens.form("&grant_type=client_credentials"), 400, "invalid_request"),
        (format!("client_id={id}&client_secret={secret}"), 400, "invalid_request"),
        (format!("grant_type=&client_id={id}&client_secret={secret}"), 400, "invalid_request"),
        (format!("grant_type=password&client_id={id}&client_secret={secret}"), 400, "unsupported_grant_type"),
        (
            format!("grant_type=authorization_code&code=x&client_id={id}&client_secret={secret}"),
            400,
            "unsupported_grant_type",
        ),
        ("grant_type=client_credentials".to_owned(), 401, "invalid_client"),
        (format!("grant_type=client_credentials&client_id={id}"), 401, "invalid_client"),
        (format!("grant_type=client_credentials&client_id=somebody&client_secret={secret}"), 401, "invalid_client"),
        (format!("grant_type=client_credentials&client_id={id}&client_secret={other}"), 401, "invalid_client"),
        (format!("grant_type=client_credentials&client_id={id}&client_secret=hunter2"), 401, "invalid_client"),
        (tokens.form("&scope=scim"), 400, "invalid_scope"),
        (tokens.form("&scope=users:read,users:write"), 400, "invalid_scope"),
        (tokens.form("&scope=+"), 400, "invalid_scope"),
        (tokens.form("&resource=https://other.example/scim/v2"), 400, "invalid_target"),
        (tokens.form("&resource=https://id.example/base/scim/v2&resource=urn:x"), 400, "invalid_target"),
    ] {
        let answer = asked(&tokens, post(body.clone())).await;
        assert_eq!((answer.status.as_u16(), answer.error()), (status, error), "{body}");
        check_headers(&answer);
        assert_eq!(answer.header("www-authenticate").starts_with("Basic realm="), status == 401);
        assert!(!answer.body.to_string().contains(&secret));
    }
    use GrantDenialReason as Reason;
    for (reason, status, error) in [
        (Reason::Expired, 401, "invalid_client"),
        (Reason::Revoked, 401, "invalid_client"),
        (Reason::OutsideNetworks, 400, "unauthorized_client"),
        (Reason::Archived, 400, "unauthorized_client"),
        (Reason::Scope, 400, "invalid_scope"),
        (Reason::Resource, 400, "invalid_target"),
    ] {
        tokens.denies(reason);
        let answer = asked(&tokens, post(tokens.form(""))).await;
        assert_eq!((answer.status.as_u16(), answer.error()), (status, error), "{reason}");
        check_headers(&answer);
    }
}

#[actix_web::test]
async fn whoever_is_no_client_gets_the_same_answer_whatever_the_reason() {
    let tokens = OneClient::new();
    let other = ClientSecret::generate(&SeededEntropy::new(9)).to_text().expose().to_owned();
    let stranger = ClientId(Id::new(NOW, &SeededEntropy::new(8)));
    let of =
        |id: String, secret: &str| post(format!("grant_type=client_credentials&client_id={id}&client_secret={secret}"));
    let mut answers = vec![
        asked(&tokens, of(tokens.client.to_string(), &other)).await,
        asked(&tokens, of(tokens.client.to_string(), "hunter2")).await,
        asked(&tokens, of(stranger.to_string(), &other)).await,
        asked(&tokens, of("nonsense".to_owned(), &other)).await,
        asked(&tokens, post("grant_type=client_credentials")).await,
        asked(&tokens, post("grant_type=client_credentials").insert_header((AUTHORIZATION, "Bearer x"))).await,
    ];
    for reason in [GrantDenialReason::Expired, GrantDenialReason::Revoked] {
        tokens.denies(reason);
        answers.push(asked(&tokens, post(tokens.form(""))).await);
    }
    for answer in &answers {
        assert_eq!(
            (answer.status, &answer.headers, &answer.body),
            (answers[0].status, &answers[0].headers, &answers[0].body)
        );
    }
}

#[actix_web::test]
async fn who_comes_too_often_or_too_early_is_told_when_to_come_again() {
    let tokens = OneClient::new();
    let retry_after = Duration::from_millis(1_200);
    let outage = Arc::new(std::io::Error::other("the database is away"));
    for (error, status, seconds) in [
        (GrantError::Throttled { retry_after }, 429, "2"),
        (GrantError::TooMany { retry_after }, 429, "2"),
        (GrantError::Busy { retry_after }, 503, "2"),
        (GrantError::Unavailable(outage), 503, "5"),
    ] {
        tokens.answers(error);
        let answer = asked(&tokens, post(tokens.form(""))).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (status, seconds));
        assert_eq!(answer.error(), "temporarily_unavailable");
        assert!(!answer.body.to_string().contains("database"));
    }
}

#[actix_web::test]
async fn a_head_that_is_too_long_and_a_request_that_takes_too_long_are_answered_as_oauth_has_it() {
    let tokens = OneClient::new();
    let long = post(tokens.form("")).insert_header(("x-long", "x".repeat(40_000)));
    let answer = asked(&tokens, long).await;
    assert_eq!((answer.status.as_u16(), answer.error()), (431, "invalid_request"));
    assert!(tokens.asked.lock().unwrap().is_empty());
    let _nobody_answers = tokens.held.lock().await;
    tokio::time::pause();
    let answer = asked(&tokens, post(tokens.form(""))).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "5"));
    assert_eq!((answer.error(), answer.header("cache-control")), ("temporarily_unavailable", "no-store"));
}

#[actix_web::test]
async fn only_a_posted_form_of_a_small_size_is_read() {
    let tokens = OneClient::new();
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = TestRequest::with_uri(TOKEN_PATH).method(method.parse().unwrap());
        let answer = asked(&tokens, request).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"), "{method}");
    }
    let json = post(r#"{"grant_type":"client_credentials"}"#).insert_header((CONTENT_TYPE, "application/json"));
    let answer = asked(&tokens, json).await;
    assert_eq!((answer.status.as_u16(), answer.error()), (400, "invalid_request"));
    let in_url = post(tokens.form("")).uri(&format!("{TOKEN_PATH}?client_secret=x"));
    let answer = asked(&tokens, in_url).await;
    assert_eq!((answer.status.as_u16(), answer.error()), (400, "invalid_request"));
    let large = post(tokens.form(&format!("&x={}", "y".repeat(LARGEST))));
    let answer = asked(&tokens, large).await;
    assert_eq!((answer.status.as_u16(), answer.error()), (413, "invalid_request"));
    assert!(tokens.asked.lock().unwrap().is_empty());
}

#[actix_web::test]
async fn the_directorys_admin_hears_of_every_refusal_of_a_client_and_nobody_of_an_unknown_one() {
    let tokens = OneClient::new();
    let gateway = gateway(&tokens);
    let body = format!("grant_type=client_credentials&client_id={}&client_secret=hunter2", tokens.client);
    for _ in 0..3 {
        send(&gateway, post(body.clone()).insert_header((USER_AGENT, "Entra/1"))).await;
    }
    let stranger = ClientId(Id::new(NOW, &SeededEntropy::new(8)));
    send(&gateway, post(body.replace(&tokens.client.to_string(), &stranger.to_string()))).await;
    for reason in [
        GrantDenialReason::Revoked,
        GrantDenialReason::Expired,
        GrantDenialReason::OutsideNetworks,
        GrantDenialReason::Archived,
        GrantDenialReason::Scope,
        GrantDenialReason::Resource,
    ] {
        tokens.denies(reason);
        send(&gateway, post(tokens.form(""))).await;
    }
    gateway.report_last_uses().await;
    let reported = tokens.reported.lock().unwrap();
    let mut refused: Vec<_> = reported.iter().flat_map(|uses| uses.refused.clone()).collect();
    refused.sort_by_key(|refused| refused.reason.key());
    let seen: Vec<_> = refused.iter().map(|one| (one.reason, one.times)).collect();
    assert_eq!(
        seen,
        [
            (RefusedReason::Archived, 1),
            (RefusedReason::ClientExpired, 1),
            (RefusedReason::ClientNetworks, 1),
            (RefusedReason::ClientResource, 1),
            (RefusedReason::ClientRevoked, 1),
            (RefusedReason::ClientScope, 1),
            (RefusedReason::ClientSecret, 3)
        ]
    );
    assert!(refused.iter().all(|one| one.client == Some(tokens.client.0) && one.credential.is_none()));
    assert_eq!(refused[6].from.agent, "Entra/1");
}

#[actix_web::test]
async fn the_metadata_is_where_rfc_8414_has_it() {
    let tokens = OneClient::new();
    for path in ["/.well-known/oauth-authorization-server/base", "/.well-known/oauth-authorization-server"] {
        let answer = asked(&tokens, TestRequest::get().uri(path)).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
        assert_eq!(answer.body["issuer"], "https://id.example/base");
        assert_eq!(answer.body["token_endpoint"], token_endpoint(&"https://id.example/base".parse().unwrap()));
        let answer = asked(&tokens, TestRequest::post().uri(path)).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, HEAD"));
    }
    let elsewhere = asked(&tokens, TestRequest::get().uri("/.well-known/oauth-authorization-server/other")).await;
    assert_eq!(elsewhere.status, 404);
}

mod strangers;
