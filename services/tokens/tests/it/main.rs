//! The token service on a real database.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod clients;
mod data_keys;
mod house;
mod keeper;
mod ladder;
mod life;
mod remote;
mod reports;
mod rotation;
mod shared;
mod strangers;
mod urls;
mod year;

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use futures_util::future::join_all;
use rollcall_access::{BearerToken, Denial, TokenKind};
use rollcall_base::{Id, SeededEntropy};
use rollcall_testkit::within;
use rollcall_tokens::{LocalTokens, NewToken, Tokens, TokensConfig, TokensError, Told, VerifyError};

use house::{DAY, House};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn elsewhere(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn parse(text: &rollcall_base::SecretText) -> BearerToken {
    BearerToken::parse(text.expose()).unwrap()
}

async fn denial(tokens: &LocalTokens, token: &BearerToken) -> Denial {
    match tokens.verify(token, HERE).await {
        Err(VerifyError::Denied(denial)) => denial,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_issued_token_opens_its_directory_until_its_time_is_over() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let issued = tokens
        .issue(
            &house.scope,
            &house.directory,
            NewToken { label: "Okta production".to_owned(), ..NewToken::living(365 * DAY) },
        )
        .await
        .unwrap();
    let token = parse(&issued.token);
    let authenticated = tokens.verify(&token, HERE).await.unwrap();
    assert_eq!(authenticated.directory(), house.directory.id);
    assert_eq!(authenticated.credential(), issued.record.id);
    let listed = tokens.list(&house.scope, house.directory.id).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].label, "Okta production");

    house.clock.advance(365 * DAY - Duration::from_secs(1));
    assert!(tokens.verify(&token, HERE).await.is_ok());
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(denial(&tokens, &token).await, Denial::Expired);
}

#[tokio::test]
async fn a_lifetime_is_1_to_730_days_and_a_label_is_short() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    for wrong in [Duration::ZERO, DAY - Duration::from_secs(1), 730 * DAY + Duration::from_secs(1)] {
        let refused = tokens.issue(&house.scope, &house.directory, NewToken::living(wrong)).await.unwrap_err();
        assert!(matches!(refused, TokensError::Lifetime { .. }), "{refused}");
    }
    for right in [DAY, 730 * DAY] {
        tokens.issue(&house.scope, &house.directory, NewToken::living(right)).await.unwrap();
    }
    let refused = tokens
        .issue(&house.scope, &house.directory, NewToken { label: "x".repeat(201), ..NewToken::living(DAY) })
        .await
        .unwrap_err();
    assert!(matches!(refused, TokensError::Label { .. }), "{refused}");
}

#[tokio::test]
async fn a_tenant_cannot_issue_for_the_directory_of_another() {
    let house = House::new().await;
    let (other, _) = house.another_tenant("other").await;
    let refused =
        house.tokens(TokensConfig::default()).issue(&other, &house.directory, NewToken::living(DAY)).await.unwrap_err();
    assert!(matches!(refused, TokensError::OtherTenant), "{refused}");
}

#[tokio::test]
async fn unknown_wrong_and_revoked_are_told_apart_and_revocation_holds_at_once() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let issued = tokens.issue(&house.scope, &house.directory, NewToken::living(DAY)).await.unwrap();
    let token = parse(&issued.token);
    let guess = BearerToken::generate(TokenKind::Static, issued.record.id, &SeededEntropy::new(77));
    assert_eq!(denial(&tokens, &guess).await, Denial::WrongSecret);
    assert_eq!(denial(&tokens, &house.stranger()).await, Denial::Unknown);

    assert!(tokens.verify(&token, HERE).await.is_ok());
    assert_eq!(tokens.revoke(&house.scope, issued.record.id).await.unwrap(), Some(Told::HereOnly));
    assert_eq!(denial(&tokens, &token).await, Denial::Revoked);
    let (other, _) = house.another_tenant("other").await;
    assert_eq!(tokens.revoke(&other, issued.record.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_known_token_asks_the_database_once_however_many_come_at_the_same_time() {
    let house = House::new().await;
    let issued = house
        .tokens(TokensConfig::default())
        .issue(&house.scope, &house.directory, NewToken::living(DAY))
        .await
        .unwrap();
    let tokens = house.tokens(TokensConfig::default());
    let token = parse(&issued.token);
    let before = house.store.statements();
    let all = join_all((0..100).map(|_| tokens.verify(&token, HERE))).await;
    assert!(all.iter().all(Result::is_ok));
    // One for the credential, one for the key that it was hashed under.
    assert_eq!((house.store.statements() - before).statements, 2);
    tokens.verify(&token, HERE).await.unwrap();
    assert_eq!((house.store.statements() - before).statements, 2);
}

#[tokio::test]
async fn what_another_process_changes_is_seen_without_waiting_for_the_cache() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let issued = tokens.issue(&house.scope, &house.directory, NewToken::living(DAY)).await.unwrap();
    let token = parse(&issued.token);
    tokens.verify(&token, HERE).await.unwrap();

    let command_line = house.another_process().await;
    let revoked = command_line.tokens(TokensConfig::default()).revoke(&house.scope, issued.record.id).await;
    assert_eq!(revoked.unwrap(), Some(Told::HereOnly));
    // Without a look at what others change, the cache would go on for half a minute.
    let soon = Duration::from_secs(20);
    within(soon, "it is refused", async || tokens.verify(&token, HERE).await.is_err()).await;
    assert_eq!(denial(&tokens, &token).await, Denial::Revoked);
}

#[tokio::test]
async fn two_processes_that_issue_a_tenants_first_token_agree_on_its_pepper() {
    let house = House::new().await;
    let other = house.another_process().await;
    let (here, there) = (house.tokens(TokensConfig::default()), other.tokens(TokensConfig::default()));
    let (first, second) = tokio::join!(
        here.issue(&house.scope, &house.directory, NewToken::living(DAY)),
        there.issue(&house.scope, &house.directory, NewToken::living(DAY)),
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.record.data_key, second.record.data_key);
    let fresh = house.tokens(TokensConfig::default());
    for issued in [first, second] {
        fresh.verify(&parse(&issued.token), HERE).await.unwrap();
    }
}

#[tokio::test]
async fn every_tenant_has_a_pepper_of_its_own() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let (scope, directory) = house.another_tenant("other").await;
    let ours = tokens.issue(&house.scope, &house.directory, NewToken::living(DAY)).await.unwrap();
    let theirs = tokens.issue(&scope, &directory, NewToken::living(DAY)).await.unwrap();
    assert_ne!(ours.record.data_key, theirs.record.data_key);
    tokens.verify(&parse(&ours.token), HERE).await.unwrap();
    tokens.verify(&parse(&theirs.token), HERE).await.unwrap();
}

#[tokio::test]
async fn a_flood_of_unknown_tokens_stops_before_the_database_and_stops_nobody_else() {
    let house = House::new().await;
    let issued = house
        .tokens(TokensConfig::default())
        .issue(&house.scope, &house.directory, NewToken::living(DAY))
        .await
        .unwrap();
    let other = house
        .tokens(TokensConfig::default())
        .issue(&house.scope, &house.directory, NewToken::living(DAY))
        .await
        .unwrap();
    let tokens = house.tokens(TokensConfig::default());
    let (cached, uncached) = (parse(&issued.token), parse(&other.token));
    tokens.verify(&cached, HERE).await.unwrap();

    let before = house.store.statements();
    let mut throttled = 0;
    for _ in 0..500 {
        match tokens.verify(&house.stranger(), HERE).await {
            Err(VerifyError::Throttled { retry_after }) => {
                assert!(retry_after > Duration::ZERO && retry_after <= Duration::from_secs(1));
                throttled += 1;
            }
            Err(VerifyError::Denied(Denial::Unknown)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(throttled, 450);
    assert_eq!((house.store.statements() - before).statements, 50);
    // Behind the attacker's own address what is cached goes on, and another address is not touched at all.
    tokens.verify(&cached, HERE).await.unwrap();
    assert!(matches!(tokens.verify(&uncached, HERE).await, Err(VerifyError::Throttled { .. })));
    tokens.verify(&uncached, elsewhere(1)).await.unwrap();
    tokens.verify(&uncached, HERE).await.unwrap();
}

#[tokio::test]
async fn who_waits_for_anothers_question_is_not_given_back_what_guesses_took() {
    let house = House::new().await;
    let elsewhere_issued = house.tokens(TokensConfig::default());
    let issued = elsewhere_issued.issue(&house.scope, &house.directory, NewToken::living(DAY)).await.unwrap();
    let (tokens, good) = (house.tokens(TokensConfig::default()), parse(&issued.token));
    for _ in 0..40 {
        assert_eq!(denial(&tokens, &house.stranger()).await, Denial::Unknown);
    }
    let together = join_all((0..30).map(|_| tokens.verify(&good, HERE))).await;
    assert!(together.iter().all(Result::is_ok));
    let mut asked = 0;
    while !matches!(tokens.verify(&house.stranger(), HERE).await, Err(VerifyError::Throttled { .. })) {
        asked += 1;
    }
    assert_eq!(asked, 10, "of 50, as before the good token came");
}

#[tokio::test]
async fn guesses_at_the_secret_of_a_known_token_are_metered_and_the_token_itself_never_is() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let issued = tokens.issue(&house.scope, &house.directory, NewToken::living(DAY)).await.unwrap();
    let token = parse(&issued.token);
    tokens.verify(&token, HERE).await.unwrap();
    let before = house.store.statements();
    let (mut told, mut throttled) = (0, 0);
    for number in 0..200 {
        let guess = BearerToken::generate(TokenKind::Static, issued.record.id, &SeededEntropy::new(number));
        match tokens.verify(&guess, HERE).await {
            Err(VerifyError::Denied(Denial::WrongSecret)) => told += 1,
            Err(VerifyError::Throttled { retry_after }) => {
                assert!(retry_after <= Duration::from_secs(1));
                throttled += 1;
            }
            other => panic!("{other:?}"),
        }
        tokens.verify(&token, HERE).await.unwrap();
    }
    assert_eq!((told, throttled), (50, 150));
    assert_eq!((house.store.statements() - before).statements, 0);
    let guess = BearerToken::generate(TokenKind::Static, issued.record.id, &SeededEntropy::new(999));
    assert!(matches!(tokens.verify(&guess, elsewhere(3)).await, Err(VerifyError::Denied(Denial::WrongSecret))));
    house.clock.advance(Duration::from_secs(10));
    assert_eq!(denial(&tokens, &guess).await, Denial::WrongSecret);
}

#[tokio::test]
async fn the_same_unknown_token_is_answered_from_memory() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let stranger = house.stranger();
    assert_eq!(denial(&tokens, &stranger).await, Denial::Unknown);
    let before = house.store.statements();
    assert_eq!(denial(&tokens, &stranger).await, Denial::Unknown);
    assert_eq!((house.store.statements() - before).statements, 0);
}

#[tokio::test]
async fn while_the_database_is_down_what_is_cached_goes_on() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let known = tokens.issue(&house.scope, &house.directory, NewToken::living(DAY)).await.unwrap();
    let fresh = tokens.issue(&house.scope, &house.directory, NewToken::living(DAY)).await.unwrap();
    tokens.verify(&parse(&known.token), HERE).await.unwrap();
    tokens.resolve("acme", "dir-1", None).await.unwrap().unwrap();
    house.store.close().await;
    tokens.verify(&parse(&known.token), HERE).await.unwrap();
    tokens.resolve("acme", "dir-1", None).await.unwrap().unwrap();
    assert!(matches!(tokens.verify(&parse(&fresh.token), HERE).await, Err(VerifyError::Unavailable(_))));
    assert!(matches!(tokens.resolve("acme", "dir-2", None).await, Err(VerifyError::Unavailable(_))));
    assert!(matches!(tokens.directory(house.directory.id).await, Err(VerifyError::Unavailable(_))));
}

#[tokio::test]
async fn a_keyring_that_does_not_belong_to_the_database_is_an_outage_and_not_a_denial() {
    let house = House::new().await;
    let issued = house
        .tokens(TokensConfig::default())
        .issue(&house.scope, &house.directory, NewToken::living(DAY))
        .await
        .unwrap();
    let mistaken = house.tokens_with_another_keyring(TokensConfig::default());
    match mistaken.verify(&parse(&issued.token), HERE).await {
        Err(VerifyError::Unavailable(source)) => assert!(source.to_string().contains("keyring"), "{source}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_directory_is_found_by_id_or_name_in_any_case() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    for (slug, key) in [("acme", "Dir-1"), ("ACME", "dir-1"), ("acme", "CORP.example")] {
        let found = tokens.resolve(slug, key, None).await.unwrap().unwrap();
        assert_eq!(*found, house.directory);
    }
    for (slug, key) in [("acme", "dir-2"), ("other", "dir-1"), ("", ""), ("acme", &"x".repeat(10_000))] {
        assert_eq!(tokens.resolve(slug, key, None).await.unwrap(), None);
    }
    assert_eq!(*tokens.directory(house.directory.id).await.unwrap().unwrap(), house.directory);
    let nowhere = Id::new(house.now(), &SeededEntropy::new(5));
    assert_eq!(tokens.directory(nowhere).await.unwrap(), None);
}

#[tokio::test]
async fn nothing_that_is_stored_or_printed_holds_the_token() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let issued = tokens.issue(&house.scope, &house.directory, NewToken::living(DAY)).await.unwrap();
    let secret = issued.token.expose();
    assert!(!format!("{issued:?}").contains(secret));
    let stored = house.bytes_on_disk().await;
    assert!(stored.windows(16).any(|window| window == issued.record.id.as_uuid().as_bytes()), "the record is stored");
    assert!(!stored.windows(secret.len()).any(|window| window == secret.as_bytes()));
    let words = &secret.as_bytes()[27..71];
    assert!(!stored.windows(words.len()).any(|window| window == words));
}
