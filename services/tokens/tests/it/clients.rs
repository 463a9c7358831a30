//! OAuth clients and their access tokens.

use std::{net::IpAddr, sync::Arc, time::Duration};

use futures_util::future::join_all;
use rollcall_access::{AllowedNetworks, BearerToken, ClientId, ClientSecret, Denial, JobScope, Scopes, TokenKind};
use rollcall_base::{Clock, Id, Rate, SystemEntropy, Timestamp};
use rollcall_store::{DirectoryRecord, Store, StoreError};
use rollcall_testkit::{Database, Gate};
use rollcall_tokens::{
    ACCESS_TOKENS_KEPT, ClientUse, CreatedClient, GoodUses, GrantDenialReason as Reason, GrantError, GrantedToken,
    LocalTokens, NewClient, NewToken, OAuthSettings, PolicyChange, Resource, Source, Span, TokenRequest, Tokens,
    TokensConfig, TokensError, Told, Uses, VerifyError, erase_access_tokens,
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
async fn a_token_that_somebody_revoked_is_not_handed_out_again() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let client = create(&house, &tokens, lasting(DAY)).await;
    let first = tokens.grant_token(asks(&client)).await.unwrap();
    assert_eq!(tokens.revoke(&house.scope, first.credential).await.unwrap(), Some(Told::HereOnly));
    let second = tokens.grant_token(asks(&client)).await.unwrap();
    assert_eq!(denial(&tokens, &token(&first)).await, Denial::Revoked);
    assert!(tokens.verify(&token(&second), HERE).await.is_ok());
}

#[tokio::test]
async fn a_revoked_client_is_refused_at_once_with_all_of_its_tokens() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let (client, other) = (create(&house, &tokens, lasting(DAY)).await, create(&house, &tokens, lasting(DAY)).await);
    let narrow = TokenRequest { scopes: Some(Scopes::READ), ..asks(&client) };
    let granted = [tokens.grant_token(asks(&client)).await.unwrap(), tokens.grant_token(narrow).await.unwrap()];
    let others = tokens.grant_token(asks(&other)).await.unwrap();
    for granted in &granted {
        tokens.verify(&token(granted), HERE).await.unwrap();
    }
    let (theirs, _) = house.another_tenant("other").await;
    assert_eq!(tokens.revoke_client(&theirs, client.record.id).await.unwrap(), None);
    let revoked = tokens.revoke_client(&house.scope, client.record.id).await.unwrap().unwrap();
    assert_eq!((revoked.tokens, revoked.told), (2, Told::HereOnly));
    for granted in &granted {
        assert_eq!(denial(&tokens, &token(granted)).await, Denial::Revoked);
    }
    assert_eq!(reason(&tokens, asks(&client)).await, Reason::Revoked);
    assert_eq!(reason(&tokens, guess(&client)).await, Reason::WrongSecret, "who does not know it learns nothing");
    assert!(tokens.verify(&token(&others), HERE).await.is_ok() && tokens.grant_token(asks(&other)).await.is_ok());
    let again = tokens.revoke_client(&house.scope, client.record.id).await.unwrap().unwrap();
    assert_eq!(again.tokens, 0);
}

#[tokio::test]
async fn unknown_clients_and_wrong_secrets_are_told_apart_for_the_log() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let client = create(&house, &tokens, lasting(DAY)).await;
    let nobody = ClientId(Id::new(house.now(), &SystemEntropy));
    for (asked, expected, directory) in [
        (guess(&client), Reason::WrongSecret, Some(house.directory.id)),
        (TokenRequest { secret: None, ..asks(&client) }, Reason::WrongSecret, Some(house.directory.id)),
        (TokenRequest { client: nobody, ..asks(&client) }, Reason::UnknownClient, None),
        (TokenRequest { client: nobody, secret: None, ..asks(&client) }, Reason::UnknownClient, None),
    ] {
        match tokens.grant_token(asked).await {
            Err(GrantError::Denied(denial)) => assert_eq!((denial.reason, denial.directory), (expected, directory)),
            other => panic!("{other:?}"),
        }
    }
    tokens.grant_token(asks(&client)).await.unwrap();
    assert_eq!(reason(&tokens, guess(&client)).await, Reason::WrongSecret, "though the right one is remembered");
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
async fn guessing_at_one_client_stops_after_some_tries_and_not_for_who_is_trusted_with_it() {
    let house = House::new().await;
    // Nothing is remembered of secrets, so that each is checked.
    let tokens = house.tokens(TokensConfig { cache_ttl: Duration::ZERO, ..TokensConfig::default() });
    let (client, neighbour) =
        (create(&house, &tokens, lasting(DAY)).await, create(&house, &tokens, lasting(DAY)).await);
    tokens.grant_token(asks(&client)).await.unwrap();
    // From there a right secret came, too, but of another client.
    let beside = elsewhere(200);
    tokens.grant_token(TokenRequest { from: beside, ..asks(&neighbour) }).await.unwrap();
    let mut refused = 0;
    for last in 1..=30 {
        match tokens.grant_token(TokenRequest { from: elsewhere(last), ..guess(&client) }).await {
            Err(GrantError::Denied(denial)) => assert_eq!(denial.reason, Reason::WrongSecret),
            Err(GrantError::Throttled { retry_after }) => {
                assert!(retry_after > Duration::ZERO && retry_after <= Duration::from_secs(1));
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(refused, 20, "each from an address of its own");
    for from in [elsewhere(100), beside] {
        let right = TokenRequest { from, ..asks(&client) };
        assert!(matches!(tokens.grant_token(right).await, Err(GrantError::Throttled { .. })), "{from}");
    }
    tokens.grant_token(asks(&client)).await.unwrap();
    tokens.grant_token(TokenRequest { from: beside, ..asks(&neighbour) }).await.unwrap();
    let nobody = ClientId(Id::new(house.now(), &SystemEntropy));
    let asking = |last| TokenRequest { client: nobody, from: elsewhere(last), ..guess(&client) };
    let tried = join_all((1..=30).map(|last| tokens.grant_token(asking(last)))).await;
    let throttled = tried.iter().filter(|tried| matches!(tried, Err(GrantError::Throttled { .. }))).count();
    assert_eq!(throttled, 20, "a client that does not exist is no different");
}

#[tokio::test]
async fn one_address_does_not_keep_the_machine_busy_with_unknown_clients() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let client = create(&house, &tokens, lasting(DAY)).await;
    let from = elsewhere(1);
    let (mut denied, mut throttled) = (0, 0);
    for _ in 0..60 {
        let nobody = ClientId(Id::new(house.now(), &SystemEntropy));
        match tokens.grant_token(TokenRequest { client: nobody, secret: None, from, ..asks(&client) }).await {
            Err(GrantError::Denied(_)) => denied += 1,
            Err(GrantError::Throttled { .. }) => throttled += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((denied, throttled), (50, 10));
    assert!(matches!(
        tokens.grant_token(TokenRequest { from, ..asks(&client) }).await,
        Err(GrantError::Throttled { .. })
    ));
    tokens.grant_token(asks(&client)).await.unwrap();
    tokens.grant_token(TokenRequest { from, ..asks(&client) }).await.unwrap();
}

#[tokio::test]
async fn a_client_that_is_who_it_says_has_a_rate_for_all_that_it_asks_for() {
    let house = House::new().await;
    let oauth = OAuthSettings { each_client: Rate::new(25, 30), ..OAuthSettings::default() };
    let tokens = house.tokens(TokensConfig { oauth, ..TokensConfig::default() });
    let client = create(&house, &tokens, lasting(DAY)).await;
    let subsets = ["users:read", "groups:read", "users:read groups:read"].map(|text| Some(text.parse().unwrap()));
    let mut asked = 0;
    let retry_after = loop {
        let scopes = subsets[asked % subsets.len()];
        match tokens.grant_token(TokenRequest { scopes, ..asks(&client) }).await {
            Ok(_) => asked += 1,
            Err(GrantError::TooMany { retry_after }) => break retry_after,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((asked, retry_after), (30, Duration::from_millis(40)));
    let another = create(&house, &tokens, lasting(DAY)).await;
    tokens.grant_token(asks(&another)).await.unwrap();
    assert_eq!(reason(&tokens, guess(&client)).await, Reason::WrongSecret, "who guesses does not learn of it");
    house.clock.advance(retry_after);
    tokens.grant_token(asks(&client)).await.unwrap();
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

#[tokio::test]
async fn access_tokens_are_erased_a_week_after_they_expired_and_what_they_did_stays_known() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let client = create(&house, &tokens, lasting(30 * DAY)).await;
    let granted = tokens.grant_token(asks(&client)).await.unwrap();
    let good = GoodUses {
        directory: house.directory.id,
        credential: granted.credential,
        from: Source::new(HERE, "Entra/1"),
        outside: false,
        reads: 5,
        writes: 2,
        span: Span::of(house.now().as_micros()),
    };
    tokens.report(Uses { good: vec![good], ..Uses::default() }).await.unwrap();
    house.clock.advance(HOUR + ACCESS_TOKENS_KEPT);
    let jobs = house.store.jobs(&JobScope::of_service("test"));
    let kept = Timestamp::from_micros(house.now().as_micros() - i64::try_from(ACCESS_TOKENS_KEPT.as_micros()).unwrap());
    assert_eq!(jobs.purge_access_tokens(kept, 10).await.unwrap(), 0, "not a moment before");
    assert_eq!(denial(&tokens, &token(&granted)).await, Denial::Expired);
    house.clock.advance(Duration::from_secs(1));
    let verification = house.store.verification(&JobScope::of_service("test"));
    let job = tokio::spawn(erase_access_tokens(house.store.clone(), house.clock.clone() as Arc<dyn Clock>));
    let erased = async {
        while verification.credential(granted.credential).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), erased).await.unwrap();
    job.abort();
    assert_eq!(tokens.client_use(&house.scope, client.record.id).await.unwrap(), ClientUse::default());
    house.clock.advance(DAY * 300);
    let (of, got, did) = tokens.client_activity(&house.scope, client.record.id, None).await.unwrap().unwrap();
    assert_eq!((of, got), (client.record, ClientUse::default()));
    assert_eq!((did.reads, did.writes, did.places.len()), (5, 2, 1));
    assert_eq!(did.places[0].agent, "Entra/1");
}

/// A caller who goes away while a change is under way.
async fn cut_off(change: impl Future<Output: Sized>) {
    let mut change = std::pin::pin!(change);
    // It was begun, and what it began is not its caller's any more.
    assert!(futures_util::poll!(&mut change).is_pending());
}

#[tokio::test]
async fn a_clients_revocation_is_carried_on_when_whoever_asked_for_it_goes_away() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let client = create(&house, &tokens, lasting(DAY)).await;
    let granted = token(&tokens.grant_token(asks(&client)).await.unwrap());
    tokens.verify(&granted, HERE).await.unwrap();
    cut_off(tokens.revoke_client(&house.scope, client.record.id)).await;
    let refused = async {
        while tokens.verify(&granted, HERE).await.is_ok() {
            tokio::task::yield_now().await;
        }
        while tokens.grant_token(asks(&client)).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), refused).await.unwrap();
    assert_eq!(denial(&tokens, &granted).await, Denial::Revoked);
    assert_eq!(reason(&tokens, asks(&client)).await, Reason::Revoked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_of_which_no_answer_came_is_forgotten_whole_where_it_was_asked_for() {
    let database = Database::postgres().await;
    let gate = Gate::before(database.address()).await;
    let through = database.through(&gate);
    let mut life = Life::on(database).await;
    let clock = Arc::clone(&life.clock) as Arc<dyn Clock>;
    life.store = Store::open(&through, clock, Arc::new(SystemEntropy)).await.unwrap();
    let tokens = life.process();
    let client = tokens.create_client(&life.scope, &life.directory, lasting(DAY)).await.unwrap();
    let granted = token(&tokens.grant_token(asks(&client)).await.unwrap());
    tokens.verify(&granted, HERE).await.unwrap();
    gate.lose_answer_to(b"COMMIT");
    let unknown = tokens.revoke_client(&life.scope, client.record.id).await.unwrap_err();
    assert!(matches!(unknown, TokensError::Store(StoreError::OutcomeUnknown(_))), "{unknown}");
    // It was done, and nothing that is remembered here says otherwise.
    let refused = async {
        while tokens.verify(&granted, HERE).await.is_ok() || tokens.grant_token(asks(&client)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), refused).await.unwrap();
    assert_eq!(denial(&tokens, &granted).await, Denial::Revoked);
}
