//! The directories that URLs name, and what it costs to make URLs up.

use std::time::Duration;

use rollcall_store::DirectoryChange;
use rollcall_tokens::{Caller, Tokens, TokensConfig, VerifyError};

use crate::{
    elsewhere,
    house::{House, in_process},
    remote::{SECRET, halves_of},
};

fn caller(house: &House, last: u8) -> Option<Caller> {
    Some(Caller { directory: house.directory.id, from: elsewhere(last) })
}

/// How many of so many made-up URLs are looked for, and after how long the next would be.
async fn looked_for(tokens: &dyn Tokens, caller: Option<Caller>, tries: usize) -> (usize, Option<Duration>) {
    let (mut looked_for, mut wait) = (0, None);
    for number in 0..tries {
        let from = caller.map_or_else(|| "nobody".to_owned(), |caller| caller.from.to_string());
        match tokens.resolve("acme", &format!("junk-{from}-{number}"), caller).await {
            Ok(None) => looked_for += 1,
            Err(VerifyError::Throttled { retry_after }) => wait = Some(retry_after),
            other => panic!("{other:?}"),
        }
    }
    (looked_for, wait)
}

#[tokio::test]
async fn who_makes_urls_up_is_stopped_before_the_database_and_stops_nobody_else() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let before = house.store.statements();
    let (asked, wait) = looked_for(&tokens, caller(&house, 1), 500).await;
    assert_eq!(asked, 50);
    assert!(wait.unwrap() > Duration::ZERO && wait.unwrap() <= Duration::from_secs(1));
    assert_eq!((house.store.statements() - before).statements, 100, "two for each that was looked for");
    // What is in memory costs nothing, wherever it is asked from; and another address is not concerned.
    tokens.resolve("acme", "dir-1", caller(&house, 2)).await.unwrap().unwrap();
    tokens.resolve("acme", "dir-1", caller(&house, 1)).await.unwrap().unwrap();
    assert_eq!(looked_for(&tokens, caller(&house, 2), 60).await.0, 50);
}

#[tokio::test]
async fn a_key_that_the_callers_directory_had_before_costs_it_nothing_and_that_of_another_does() {
    let house = House::new().await;
    let (scope, other) = house.another_tenant("other").await;
    let tenant = house.store.tenant(&house.scope);
    let change = DirectoryChange { directory_id: Some("Dir-2".to_owned()), ..DirectoryChange::default() };
    tenant.change_directory(house.directory.id, change).await.unwrap();
    let tokens = house.tokens(TokensConfig { cache_ttl: Duration::ZERO, ..TokensConfig::default() });
    for _ in 0..200 {
        let named = tokens.resolve("acme", "dir-1", caller(&house, 1)).await.unwrap().unwrap();
        assert_eq!(named.id, house.directory.id);
    }
    assert_eq!(other.tenant, scope.tenant());
    for _ in 0..50 {
        assert_eq!(tokens.resolve("other", "dir-1", caller(&house, 1)).await.unwrap().unwrap().id, other.id);
    }
    assert_eq!(looked_for(&tokens, caller(&house, 1), 10).await.0, 0);
}

#[tokio::test]
async fn who_makes_urls_up_is_told_so_across_a_network() {
    let house = House::new().await;
    let halves = halves_of(house.tokens(TokensConfig::default()), house.clock.clone(), SECRET, &in_process()).await;
    let (asked, wait) = looked_for(&halves.remote, caller(&house, 1), 60).await;
    assert!(asked == 50 && wait.is_some());
    assert_eq!(
        looked_for(&halves.remote, None, 200).await.0,
        200,
        "a gateway of the version before does not say who asks"
    );
}
