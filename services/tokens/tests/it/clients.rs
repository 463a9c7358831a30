//! OAuth clients and their access tokens.

use std::{net::IpAddr, sync::Arc, time::Duration};

use futures_util::future::join_all;
use rollcall_access::{AllowedNetworks, BearerToken, ClientId, ClientSecret, Denial, JobScope, Scopes, TokenKind};
use rollcall_base::{Clock, Id, Rate, SystemEntropy};
use rollcall_store::{DirectoryRecord, Store, StoreError};
use rollcall_testkit::{Database, Gate};
use rollcall_tokens::{
    ACCESS_TOKENS_KEPT, ClientUse, CreatedClient, GoodUses, GrantDenialReason as Reason, GrantError, GrantedToken,
    LocalTokens, NewClient, NewToken, OAuthSettings, PolicyChange, Resource, Source, Span, ThrottleLimits,
    TokenRequest, Tokens, TokensConfig, TokensError, Told, Uses, VerifyError, erase_access_tokens,
};

use crate::{
    elsewhere,
    house::{DAY, House},
    life::Life,
    parse,
};

const HOUR: Duration = Duration::from_secs(60 * 60);
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn lasting(lifetime: Duration) -> NewClient {
    NewClient { lifetime: Some(lifetime), label: "Entra".to_owned(), scopes: Scopes::ALL, networks: None }
}

/// What the client would send, from here.
fn asks(client: &CreatedClient) -> TokenRequest {
    TokenRequest {
        client: ClientId(client.record.id),
        secret: Some(ClientSecret::parse(client.secret.expose()).unwrap()),
        scopes: None,
        resources: Vec::new(),
        from: HERE,
    }
}

fn guess(client: &CreatedClient) -> TokenRequest {
    TokenRequest { secret: Some(ClientSecret::generate(&SystemEntropy)), ..asks(client) }
}

async fn create(house: &House, tokens: &LocalTokens, new: NewClient) -> CreatedClient {
    tokens.create_client(&house.scope, &house.directory, new).await.unwrap()
}

fn token(granted: &GrantedToken) -> BearerToken {
    let token = parse(&granted.token);
    assert_eq!((token.kind(), token.id()), (TokenKind::Access, granted.credential));
    token
}

async fn reason(tokens: &LocalTokens, asked: TokenRequest) -> Reason {
    match tokens.grant_token(asked).await {
        Err(GrantError::Denied(denial)) => denial.reason,
        other => panic!("{other:?}"),
    }
}

async fn denial(tokens: &LocalTokens, token: &BearerToken) -> Denial {
    match tokens.verify(token, HERE).await {
        Err(VerifyError::Denied(denial)) => denial,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_client_gets_access_tokens_of_an_hour_until_its_own_time_is_over() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let client = create(&house, &tokens, lasting(DAY)).await;
    let first = tokens.grant_token(asks(&client)).await.unwrap();
    assert_eq!((first.lifetime, first.scopes, first.directory), (HOUR, Scopes::ALL, house.directory.id));
    assert!(first.token.expose().starts_with("rca_"));
    let authenticated = tokens.verify(&token(&first), HERE).await.unwrap();
    assert_eq!((authenticated.directory(), authenticated.tenant()), (house.directory.id, house.directory.tenant));

    house.clock.advance(HOUR - Duration::from_secs(1));
    assert!(tokens.verify(&token(&first), HERE).await.is_ok());
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(denial(&tokens, &token(&first)).await, Denial::Expired);
    let second = tokens.grant_token(asks(&client)).await.unwrap();
    assert_ne!(second.credential, first.credential);
    assert!(tokens.verify(&token(&second), HERE).await.is_ok());

    // The last token ends with its client.
    house.clock.advance(22 * HOUR + HOUR / 2);
    let last = tokens.grant_token(asks(&client)).await.unwrap();
    assert_eq!(last.lifetime, HOUR / 2);
    house.clock.advance(HOUR / 2);
    assert_eq!(denial(&tokens, &token(&last)).await, Denial::Expired);
    assert_eq!(reason(&tokens, asks(&client)).await, Reason::Expired);
}

#[tokio::test]
async fn static_and_access_tokens_live_side_by_side_and_lists_keep_them_apart() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let issued = tokens.issue(&house.scope, &house.directory, NewToken::living(DAY)).await.unwrap();
    let client = create(&house, &tokens, lasting(DAY)).await;
    let granted = tokens.grant_token(asks(&client)).await.unwrap();
    for token in [parse(&issued.token), token(&granted)] {
        assert_eq!(tokens.verify(&token, HERE).await.unwrap().directory(), house.directory.id);
    }
    assert_eq!(tokens.list(&house.scope, house.directory.id).await.unwrap().len(), 1);
    let listed = tokens.clients(&house.scope, house.directory.id).await.unwrap();
    let got = tokens.client_use(&house.scope, client.record.id).await.unwrap();
    assert_eq!(listed, [(client.record.clone(), got)]);
    assert_eq!((got.live_tokens, got.last_token_at), (1, Some(house.now())));
    tokens.revoke_client(&house.scope, client.record.id).await.unwrap().unwrap();
    assert!(tokens.verify(&parse(&issued.token), HERE).await.is_ok(), "what was issued by hand goes on");
}

#[tokio::test]
async fn a_client_that_asks_for_a_token_with_every_request_costs_one_hash_and_one_row() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let client = create(&house, &tokens, lasting(DAY)).await;
    let all = join_all((0..50).map(|_| tokens.grant_token(asks(&client)))).await;
    let first = all[0].as_ref().unwrap().credential;
    assert!(
        all.iter().all(|granted| granted.as_ref().unwrap().credential == first),
        "the same for all who ask at once"
    );
    let before = house.store.statements();
    house.clock.advance(Duration::from_secs(10));
    let again = tokens.grant_token(asks(&client)).await.unwrap();
    assert_eq!((again.credential, again.lifetime), (first, HOUR - Duration::from_secs(10)));
    assert_eq!((house.store.statements() - before).statements, 0);
    let narrow = TokenRequest { scopes: Some(Scopes::READ), ..asks(&client) };
    assert_ne!(tokens.grant_token(narrow).await.unwrap().credential, first, "for less there is another");
}

#[tokio::test]
async fn scopes_are_narrowed_and_never_widened() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let scopes: Scopes = "users:read users:update groups:read".parse().unwrap();
    let client = create(&house, &tokens, NewClient { scopes, ..lasting(DAY) }).await;
    let asking = |text: &str| TokenRequest { scopes: Some(text.parse().unwrap()), ..asks(&client) };
    for (granted, expected) in [
        (tokens.grant_token(asks(&client)).await.unwrap(), scopes),
        (tokens.grant_token(asking("groups:read")).await.unwrap(), "groups:read".parse().unwrap()),
    ] {
        assert_eq!(granted.scopes, expected);
        assert_eq!(tokens.verify(&token(&granted), HERE).await.unwrap().scopes(), expected);
    }
    for more in ["users:write", "users:read lookups:read"] {
        assert_eq!(reason(&tokens, asking(more)).await, Reason::Scope, "{more}");
    }
}

#[tokio::test]
async fn a_token_is_for_the_clients_own_directory_and_no_other() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let client = create(&house, &tokens, lasting(DAY)).await;
    let (_, theirs): (_, DirectoryRecord) = house.another_tenant("other").await;
    let named = |tenant: &str, key: &str| Resource::Directory { tenant: tenant.to_owned(), key: key.to_owned() };
    let asking = |resources: Vec<Resource>| TokenRequest { resources, ..asks(&client) };
    for good in
        [vec![Resource::Short], vec![named("ACME", "dir-1")], vec![named("acme", "corp.example"), Resource::Short]]
    {
        tokens.grant_token(asking(good)).await.unwrap();
    }
    let other = named(&theirs.tenant_slug, &theirs.directory_id);
    for bad in [vec![other.clone()], vec![named("acme", "nothing")], vec![named("acme", "dir-1"), other]] {
        assert_eq!(reason(&tokens, asking(bad)).await, Reason::Resource);
    }
}

#[tokio::test]
async fn networks_hold_for_the_client_and_go_over_into_its_tokens() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let networks = |observe| Some(AllowedNetworks { networks: "192.0.2.0/24".parse().unwrap(), observe });
    let client = create(&house, &tokens, NewClient { networks: networks(false), ..lasting(DAY) }).await;
    assert_eq!(reason(&tokens, asks(&client)).await, Reason::OutsideNetworks);
    let granted = tokens.grant_token(TokenRequest { from: elsewhere(7), ..asks(&client) }).await.unwrap();
    let authenticated = tokens.verify(&token(&granted), HERE).await.unwrap();
    assert_eq!(authenticated.admit_from(HERE), Err(Denial::OutsideNetworks));
    assert!(authenticated.admit_from(elsewhere(9)).is_ok());
    let observed = create(&house, &tokens, NewClient { networks: networks(true), ..lasting(DAY) }).await;
    assert!(tokens.grant_token(asks(&observed)).await.is_ok());
}

#[tokio::test]
async fn a_client_is_created_within_bounds_and_for_its_own_tenant() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    for wrong in [Duration::ZERO, DAY - Duration::from_secs(1), 730 * DAY + Duration::from_secs(1)] {
        let refused = tokens.create_client(&house.scope, &house.directory, lasting(wrong)).await.unwrap_err();
        assert!(matches!(refused, TokensError::ClientLifetime { .. }), "{refused}");
    }
    let longest = create(&house, &tokens, lasting(730 * DAY)).await;
    let change = PolicyChange { token_days: Some(30), longest_token_days: Some(90), ..PolicyChange::default() };
    tokens.change_policy(&house.scope, change).await.unwrap();
    let refused = tokens.create_client(&house.scope, &house.directory, lasting(91 * DAY)).await.unwrap_err();
    assert!(matches!(refused, TokensError::ClientLifetimeOfPolicy { days: 91, longest: 90 }), "{refused}");
    let as_long = create(&house, &tokens, NewClient { lifetime: None, ..lasting(DAY) }).await;
    assert_eq!(as_long.record.expires_at, house.now().plus(90 * DAY));
    assert_eq!(longest.record.expires_at, house.now().plus(730 * DAY));
    let endless = NewClient { label: "x".repeat(201), ..lasting(DAY) };
    let refused = tokens.create_client(&house.scope, &house.directory, endless).await.unwrap_err();
    assert!(matches!(refused, TokensError::Label { .. }), "{refused}");
    let (other, _) = house.another_tenant("other").await;
    let refused = tokens.create_client(&other, &house.directory, lasting(DAY)).await.unwrap_err();
    assert!(matches!(refused, TokensError::OtherTenant), "{refused}");
}

#[tokio::test]
async fn other_networks_hold_at_once_for_the_client_and_the_tokens_that_it_has() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let client = create(&house, &tokens, lasting(DAY)).await;
    let granted = tokens.grant_token(asks(&client)).await.unwrap();
    assert!(tokens.verify(&token(&granted), HERE).await.unwrap().admit_from(HERE).is_ok());
    let networks = Some(AllowedNetworks { networks: "192.0.2.0/24".parse().unwrap(), observe: false });
    let set = async |networks| tokens.set_client_networks(&house.scope, client.record.id, networks).await;
    assert_eq!(set(networks.clone()).await.unwrap().unwrap().0.networks, networks);
    assert!(tokens.verify(&token(&granted), HERE).await.unwrap().admit_from(HERE).is_err());
    assert_eq!(reason(&tokens, asks(&client)).await, Reason::OutsideNetworks);
    let _ = set(None).await.unwrap().unwrap();
    assert!(tokens.grant_token(asks(&client)).await.is_ok());
    tokens.revoke_client(&house.scope, client.record.id).await.unwrap().unwrap();
    let refused = set(networks).await.unwrap_err();
    assert!(refused.to_string().contains("the OAuth client is revoked"), "{refused}");
}

#[tokio::test]
async fn while_the_database_is_away_nobody_is_called_a_stranger() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let (known, fresh) = (create(&house, &tokens, lasting(DAY)).await, create(&house, &tokens, lasting(DAY)).await);
    let granted = tokens.grant_token(asks(&known)).await.unwrap();
    house.store.close().await;
    assert_eq!(tokens.grant_token(asks(&known)).await.unwrap().credential, granted.credential, "it is remembered");
    assert!(matches!(tokens.grant_token(asks(&fresh)).await, Err(GrantError::Unavailable(_))));
}

#[tokio::test]
async fn without_a_memory_every_request_is_checked_and_gets_a_token_of_its_own() {
    let house = House::new().await;
    let oauth = OAuthSettings { token_lifetime: Duration::from_secs(600), ..OAuthSettings::default() };
    let config = TokensConfig { cache_ttl: Duration::ZERO, oauth, ..TokensConfig::default() };
    let tokens = house.tokens(config);
    let client = create(&house, &tokens, lasting(DAY)).await;
    let (one, two) =
        (tokens.grant_token(asks(&client)).await.unwrap(), tokens.grant_token(asks(&client)).await.unwrap());
    assert_ne!(one.credential, two.credential);
    assert_eq!(one.lifetime, Duration::from_secs(600));
    tokens.revoke_client(&house.scope, client.record.id).await.unwrap().unwrap();
    assert_eq!(denial(&tokens, &token(&one)).await, Denial::Revoked);
}

#[tokio::test]
async fn nothing_that_is_stored_or_printed_holds_a_secret_or_a_token() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let client = create(&house, &tokens, lasting(DAY)).await;
    let granted = tokens.grant_token(asks(&client)).await.unwrap();
    let printed = format!("{client:?} {:?} {granted:?}", asks(&client));
    let stored = house.bytes_on_disk().await;
    assert!(stored.windows(10).any(|window| window == b"$argon2id$"), "the hash is stored");
    let bits = ClientSecret::parse(client.secret.expose()).unwrap();
    for secret in [&client.secret.expose()[4..48], &granted.token.expose()[27..71]] {
        assert!(!printed.contains(secret));
        assert!(!stored.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    assert!(!stored.windows(32).any(|window| window == bits.expose()));
}

mod ends;
mod guessing;
