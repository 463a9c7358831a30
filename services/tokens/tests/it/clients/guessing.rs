//! Who is not the client that he says, and who asks too often.

use super::*;

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
async fn who_knows_a_clients_id_stops_himself_and_never_the_client() {
    let house = House::new().await;
    // Nothing is remembered of secrets, so that each is checked.
    let tokens = house.tokens(TokensConfig { cache_ttl: Duration::ZERO, ..TokensConfig::default() });
    let client = create(&house, &tokens, lasting(DAY)).await;
    let nobody = ClientId(Id::new(house.now(), &SystemEntropy));
    for (last, id) in [(1, ClientId(client.record.id)), (2, nobody)] {
        let mut refused = 0;
        for _ in 0..20 {
            match tokens.grant_token(TokenRequest { client: id, from: elsewhere(last), ..guess(&client) }).await {
                Err(GrantError::Denied(_)) => {}
                Err(GrantError::Throttled { retry_after }) => {
                    assert!(retry_after > Duration::ZERO && retry_after <= Duration::from_secs(1));
                    refused += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(refused, 10, "whether or not there is such a client");
    }
    for last in 30..60 {
        assert_eq!(
            reason(&tokens, TokenRequest { from: elsewhere(last), ..guess(&client) }).await,
            Reason::WrongSecret
        );
    }
    // From an address that nobody knows yet.
    tokens.grant_token(TokenRequest { from: elsewhere(200), ..asks(&client) }).await.unwrap();
}

#[tokio::test]
async fn what_is_no_secret_at_all_takes_nothing_of_the_clients_tries() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let client = create(&house, &tokens, lasting(DAY)).await;
    let malformed = |last| TokenRequest { secret: None, from: elsewhere(last), ..asks(&client) };
    for last in 1..=10 {
        for _ in 0..40 {
            assert_eq!(reason(&tokens, malformed(last)).await, Reason::WrongSecret);
        }
    }
    for last in 1..=10 {
        let other = create(&house, &tokens, lasting(DAY)).await;
        tokens.grant_token(TokenRequest { from: elsewhere(last), ..asks(&other) }).await.unwrap();
        assert_eq!(
            reason(&tokens, TokenRequest { from: elsewhere(last), ..guess(&client) }).await,
            Reason::WrongSecret
        );
    }
    tokens.grant_token(TokenRequest { from: elsewhere(1), ..asks(&client) }).await.unwrap();
}

#[tokio::test]
async fn tries_at_one_client_take_nothing_of_what_all_clients_share() {
    let house = House::new().await;
    let unknown = ThrottleLimits { total_per_second: 1, total_burst: 12, ..ThrottleLimits::default() };
    let tokens = house.tokens(TokensConfig { unknown, cache_ttl: Duration::ZERO, ..TokensConfig::default() });
    let client = create(&house, &tokens, lasting(DAY)).await;
    let from = elsewhere(1);
    let tried = join_all((0..30).map(|_| tokens.grant_token(TokenRequest { from, ..guess(&client) }))).await;
    let refused = tried.iter().filter(|tried| matches!(tried, Err(GrantError::Throttled { .. }))).count();
    assert_eq!(refused, 20);
    tokens.grant_token(TokenRequest { from: elsewhere(2), ..asks(&client) }).await.unwrap();
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
