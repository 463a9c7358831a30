//! The service behind a network says what the service itself says, and asks no more than it must.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle};
use async_trait::async_trait;
use rollcall_access::{Authenticated, BearerToken, ClientId, ClientSecret, Denial, InternalKeys, Scopes, TokenKind};
use rollcall_base::{Clock, Id, SecretText, SystemEntropy, marker};
use rollcall_cache::Tiers;
use rollcall_runtime::{Config, Overrides, Peers, peers};
use rollcall_tokens::{
    Caller, DirectoryRecord, GrantDenialReason, GrantError, GrantedToken, InternalSurface, LocalTokens, NewClient,
    NewToken, RemoteTokens, Renewal, TokenRequest, Tokens, TokensConfig, Uses, VerifyError,
};

use crate::house::{DAY, House, in_process};

const FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Counts the questions that get through.
pub(crate) struct Counted {
    pub(crate) inner: LocalTokens,
    asked: AtomicUsize,
}

#[async_trait]
impl Tokens for Counted {
    async fn verify(&self, token: &BearerToken, from: IpAddr) -> Result<Authenticated, VerifyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.inner.verify(token, from).await
    }

    async fn grant_token(&self, asked: TokenRequest) -> Result<GrantedToken, GrantError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.inner.grant_token(asked).await
    }

    async fn report(&self, uses: Uses) -> Result<(), VerifyError> {
        self.inner.report(uses).await
    }

    async fn directory(&self, id: Id<marker::Directory>) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.inner.directory(id).await
    }

    async fn resolve(
        &self,
        tenant_slug: &str,
        key: &str,
        caller: Option<Caller>,
    ) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.inner.resolve(tenant_slug, key, caller).await
    }
}

fn keys(secret: &str) -> InternalKeys {
    InternalKeys::derive(&SecretText::new(secret.to_owned()))
}

pub(crate) const SECRET: &str = "what only the two halves of this test know";

/// Both halves, and how often the far one was asked.
pub(crate) struct Halves {
    pub(crate) remote: RemoteTokens,
    pub(crate) counted: Arc<Counted>,
    server: ServerHandle,
}

async fn halves(house: &House, secret: &str) -> Halves {
    let clock = Arc::clone(&house.clock) as Arc<dyn Clock>;
    halves_of(house.tokens(TokensConfig::default()), clock, secret, &in_process()).await
}

/// The service `inner` behind HTTP, and a far half that remembers in `tiers`.
pub(crate) async fn halves_of(inner: LocalTokens, clock: Arc<dyn Clock>, secret: &str, tiers: &Tiers) -> Halves {
    let counted = Arc::new(Counted { inner, asked: AtomicUsize::new(0) });
    let surface = InternalSurface::new(Arc::clone(&counted) as Arc<dyn Tokens>, keys(SECRET), Arc::clone(&clock));
    let server = HttpServer::new(move || App::new().configure(|config| surface.mount(config)))
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    let config = Config::load_with(None, [], &Overrides::default()).unwrap();
    let peers = Peers::new("tokens", &[format!("http://{address}").parse().unwrap()]);
    let http = peers::client(&config.internal).unwrap();
    let entropy = Arc::new(SystemEntropy);
    let (peers, config) = (Arc::new(peers), TokensConfig::default());
    let remote = RemoteTokens::new(peers, http, keys(secret), clock, entropy, config, tiers);
    Halves { remote, counted, server: handle }
}

async fn issued(house: &House, halves: &Halves) -> BearerToken {
    let issued = halves.counted.inner.issue(&house.scope, &house.directory, NewToken::living(2 * DAY)).await.unwrap();
    BearerToken::parse(issued.token.expose()).unwrap()
}

fn denial(outcome: Result<Authenticated, VerifyError>) -> Denial {
    match outcome.unwrap_err() {
        VerifyError::Denied(denial) => denial,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_good_token_is_asked_about_once_even_by_many_at_the_same_time() {
    let house = House::new().await;
    let halves = halves(&house, SECRET).await;
    let token = issued(&house, &halves).await;
    let all = (0..20).map(|_| halves.remote.verify(&token, FROM));
    for outcome in futures_util::future::join_all(all).await {
        let authenticated = outcome.unwrap();
        assert_eq!(authenticated.directory(), house.directory.id);
        assert_eq!(authenticated.credential(), token.id());
        assert_eq!(authenticated.scopes(), Scopes::ALL);
    }
    assert_eq!(halves.counted.asked.load(Ordering::SeqCst), 1);
    let directory = halves.remote.directory(house.directory.id).await.unwrap().unwrap();
    assert_eq!(*directory, house.directory);
    let named =
        halves.remote.resolve("ACME", &house.directory.directory_id.to_uppercase(), None).await.unwrap().unwrap();
    assert_eq!(*named, house.directory);
    assert!(halves.remote.resolve("acme", "nobody", None).await.unwrap().is_none());
}

#[tokio::test]
async fn each_reason_for_a_refusal_comes_across_and_is_not_asked_for_again_at_once() {
    let house = House::new().await;
    let halves = halves(&house, SECRET).await;
    let token = issued(&house, &halves).await;
    assert!(halves.remote.verify(&token, FROM).await.is_ok());
    let guess = BearerToken::generate(TokenKind::Static, token.id(), &SystemEntropy);
    assert_eq!(denial(halves.remote.verify(&guess, FROM).await), Denial::WrongSecret, "the good one was remembered");
    let unknown = BearerToken::generate(TokenKind::Static, Id::new(house.clock.now(), &SystemEntropy), &SystemEntropy);
    let before = halves.counted.asked.load(Ordering::SeqCst);
    for _ in 0..5 {
        assert_eq!(denial(halves.remote.verify(&unknown, FROM).await), Denial::Unknown);
    }
    assert_eq!(halves.counted.asked.load(Ordering::SeqCst), before + 1);
}

#[tokio::test]
async fn a_remembered_token_expires_to_the_moment() {
    let house = House::new().await;
    let halves = halves(&house, SECRET).await;
    let token = issued(&house, &halves).await;
    assert!(halves.remote.verify(&token, FROM).await.is_ok());
    house.clock.advance(2 * DAY - Duration::from_micros(1));
    assert!(halves.remote.verify(&token, FROM).await.is_ok());
    house.clock.advance(Duration::from_micros(1));
    assert_eq!(denial(halves.remote.verify(&token, FROM).await), Denial::Expired);
}

#[tokio::test]
async fn a_token_that_was_kept_goes_on_at_a_gateway_that_remembers_when_it_was_to_retire() {
    let house = House::new().await;
    let halves = halves(&house, SECRET).await;
    let service = &halves.counted.inner;
    let [kept, retired] = [(); 2].map(|()| service.issue(&house.scope, &house.directory, NewToken::living(365 * DAY)));
    let (kept, retired) = (kept.await.unwrap(), retired.await.unwrap());
    let mut replacements = Vec::new();
    for old in [&kept, &retired] {
        replacements.push(service.rotate(&house.scope, old.record.id, Renewal::default()).await.unwrap());
    }
    let [kept, retired] = [&kept, &retired].map(|issued| crate::parse(&issued.token));
    assert!(halves.remote.verify(&kept, FROM).await.is_ok() && halves.remote.verify(&retired, FROM).await.is_ok());
    service.revoke(&house.scope, replacements[0].issued.record.id).await.unwrap();
    house.clock.advance(30 * DAY);
    assert!(halves.remote.verify(&kept, FROM).await.is_ok(), "its replacement was revoked");
    assert_eq!(denial(halves.remote.verify(&retired, FROM).await), Denial::Retired, "and not: expired");
}

#[tokio::test]
async fn who_has_another_secret_is_not_answered_and_who_is_not_there_neither() {
    let house = House::new().await;
    let other = halves(&house, "what some other installation knows, as long").await;
    let token = issued(&house, &other).await;
    assert!(matches!(other.remote.verify(&token, FROM).await, Err(VerifyError::Unavailable(_))));
    assert_eq!(other.counted.asked.load(Ordering::SeqCst), 0);
    let gone = halves(&house, SECRET).await;
    gone.server.stop(false).await;
    assert!(matches!(gone.remote.verify(&token, FROM).await, Err(VerifyError::Unavailable(_))));
}

#[tokio::test]
async fn access_tokens_are_granted_across_with_every_reason_against_it() {
    let house = House::new().await;
    let halves = halves(&house, SECRET).await;
    let new = NewClient { lifetime: Some(DAY), label: String::new(), scopes: Scopes::READ, networks: None };
    let client = halves.counted.inner.create_client(&house.scope, &house.directory, new).await.unwrap();
    let asks = TokenRequest {
        client: ClientId(client.record.id),
        secret: Some(ClientSecret::parse(client.secret.expose()).unwrap()),
        scopes: Some("users:read".parse().unwrap()),
        resources: Vec::new(),
        from: FROM,
    };
    let granted = halves.remote.grant_token(asks.clone()).await.unwrap();
    assert_eq!((granted.scopes, granted.lifetime), ("users:read".parse().unwrap(), Duration::from_secs(3600)));
    let token = BearerToken::parse(granted.token.expose()).unwrap();
    let authenticated = halves.remote.verify(&token, FROM).await.unwrap();
    assert_eq!((authenticated.credential(), authenticated.scopes()), (granted.credential, granted.scopes));

    let denied = |outcome: Result<GrantedToken, GrantError>| match outcome {
        Err(GrantError::Denied(denial)) => (denial.reason, denial.directory),
        other => panic!("{other:?}"),
    };
    let here = Some(house.directory.id);
    let guess = TokenRequest { secret: Some(ClientSecret::generate(&SystemEntropy)), ..asks.clone() };
    assert_eq!(denied(halves.remote.grant_token(guess.clone()).await), (GrantDenialReason::WrongSecret, here));
    let none = TokenRequest { secret: None, ..asks.clone() };
    assert_eq!(denied(halves.remote.grant_token(none).await), (GrantDenialReason::WrongSecret, here));
    let nobody = TokenRequest { client: ClientId(Id::new(house.clock.now(), &SystemEntropy)), ..asks.clone() };
    assert_eq!(denied(halves.remote.grant_token(nobody).await), (GrantDenialReason::UnknownClient, None));
    let more = TokenRequest { scopes: Some(Scopes::ALL), ..asks.clone() };
    assert_eq!(denied(halves.remote.grant_token(more).await), (GrantDenialReason::Scope, here));
    let far = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
    let throttled = loop {
        let guess = TokenRequest { from: far, secret: Some(ClientSecret::generate(&SystemEntropy)), ..asks.clone() };
        match halves.remote.grant_token(guess).await {
            Err(GrantError::Denied(_)) => {}
            Err(GrantError::Throttled { retry_after }) => break retry_after,
            other => panic!("{other:?}"),
        }
    };
    assert!(throttled > Duration::ZERO && throttled <= Duration::from_secs(1));
    house.store.close().await;
    let fresh = TokenRequest { secret: Some(ClientSecret::generate(&SystemEntropy)), ..asks };
    assert!(matches!(halves.remote.grant_token(fresh).await, Err(GrantError::Unavailable(_))));
}
