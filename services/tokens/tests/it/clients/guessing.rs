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
