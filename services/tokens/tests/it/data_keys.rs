//! Data keys over hours and months: when the key service is asked, what holds while it is away, rotation.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use futures_util::future::join_all;
use rollcall_access::{BearerToken, CredentialRecord};
use rollcall_keys::KeyError;
use rollcall_testkit::eventually;
use rollcall_tokens::{KeyAges, LocalTokens, NewToken, Tokens, TokensConfig, TokensError, VerifyError};

use crate::{
    house::{DAY, House},
    keeper::{Keeper, Mood},
    parse,
};

const HERE: std::net::IpAddr = std::net::IpAddr::V4(Ipv4Addr::LOCALHOST);
const HOUR: Duration = Duration::from_secs(60 * 60);
const MINUTE: Duration = Duration::from_secs(60);

/// A tenant with a token, a key service that counts, and a service that has used neither yet.
struct Scene {
    house: House,
    keeper: Arc<Keeper>,
    tokens: LocalTokens,
    token: BearerToken,
}

impl Scene {
    async fn new() -> Self {
        Self::with(KeyAges { rotate: None, ..KeyAges::default() }).await
    }

    async fn with(ages: KeyAges) -> Self {
        let house = House::new().await;
        let keeper = Keeper::new(house.folder());
        let config = TokensConfig { keys: ages, ..TokensConfig::default() };
        let issuer = house.tokens_with_keys(keeper.clone(), config);
        let issued = issuer.issue(&house.scope, &house.directory, NewToken::living(365 * DAY)).await.unwrap();
        let tokens = house.tokens_with_keys(keeper.clone(), config);
        assert_eq!((keeper.generates(), keeper.unwraps()), (1, 0), "a new data key is plain already");
        Self { token: parse(&issued.token), house, keeper, tokens }
    }

    async fn verify(&self) -> Result<(), VerifyError> {
        self.tokens.verify(&self.token, HERE).await.map(drop)
    }

    async fn issue(&self) -> Result<CredentialRecord, TokensError> {
        let issued = self.tokens.issue(&self.house.scope, &self.house.directory, NewToken::living(DAY)).await?;
        Ok(issued.record)
    }

    /// The token's record as it is stored.
    async fn stored(&self) -> CredentialRecord {
        let all = self.tokens.list(&self.house.scope, self.house.directory.id).await.unwrap();
        all.into_iter().find(|record| record.id == self.token.id()).unwrap()
    }

    /// Goes on `span` in steps of a minute, with the upkeep that a service does meanwhile.
    async fn live(&self, span: Duration) {
        for _ in 0..span.as_secs() / MINUTE.as_secs() {
            self.house.clock.advance(MINUTE);
            self.tokens.upkeep().await;
        }
    }
}

fn is_unavailable(result: Result<(), VerifyError>) -> bool {
    matches!(result, Err(VerifyError::Unavailable(_)))
}

#[tokio::test]
async fn the_key_service_is_asked_once_however_many_tokens_come_and_not_again_within_the_hour() {
    let scene = Scene::new().await;
    let all = join_all((0..200).map(|_| scene.verify())).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(scene.keeper.unwraps(), 1);
    for _ in 0..44 {
        scene.live(MINUTE).await;
        scene.verify().await.unwrap();
    }
    assert_eq!(scene.keeper.unwraps(), 0);
}

#[tokio::test]
async fn a_key_in_use_is_confirmed_ahead_of_its_age_limit_and_apart_from_requests() {
    let scene = Scene::new().await;
    scene.verify().await.unwrap();
    scene.keeper.unwraps();
    scene.live(45 * MINUTE).await;
    assert_eq!(scene.keeper.unwraps(), 1);
    scene.verify().await.unwrap();
    assert_eq!(scene.keeper.unwraps(), 0, "the request had nothing to wait for");
    scene.live(24 * HOUR - MINUTE).await;
    assert_eq!(scene.keeper.unwraps(), 31, "every three quarters of an hour, in a day");
}

#[tokio::test]
async fn while_the_key_service_is_away_known_tenants_go_on_for_a_day_and_recover_by_themselves() {
    let scene = Scene::new().await;
    scene.verify().await.unwrap();
    scene.keeper.becomes(Mood::Away);
    for _ in 0..23 {
        scene.live(HOUR).await;
        scene.verify().await.unwrap();
    }
    scene.live(HOUR).await;
    assert!(is_unavailable(scene.verify().await), "the hard limit");
    scene.keeper.becomes(Mood::Good);
    scene.live(MINUTE).await;
    scene.verify().await.unwrap();
}

#[tokio::test]
async fn while_the_key_service_is_away_nothing_is_issued_under_a_key_past_its_age() {
    let scene = Scene::new().await;
    scene.verify().await.unwrap();
    scene.keeper.becomes(Mood::Away);
    scene.live(2 * HOUR).await;
    match scene.issue().await {
        Err(TokensError::Key(error @ KeyError::Unavailable(_))) => {
            assert!(error.to_string().contains("cannot be reached"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let (scope, directory) = scene.house.another_tenant("other").await;
    let first = scene.tokens.issue(&scope, &directory, NewToken::living(DAY)).await;
    assert!(matches!(first, Err(TokensError::Key(KeyError::Unavailable(_)))), "a tenant without a key gets none");
    scene.verify().await.unwrap();
    scene.keeper.becomes(Mood::Good);
    scene.live(MINUTE).await;
    scene.issue().await.unwrap();
    scene.tokens.issue(&scope, &directory, NewToken::living(DAY)).await.unwrap();
}

#[tokio::test]
async fn requests_of_an_unknown_tenant_do_not_become_calls_while_the_key_service_is_away() {
    let scene = Scene::new().await;
    scene.keeper.becomes(Mood::Away);
    for _ in 0..100 {
        assert!(is_unavailable(scene.verify().await));
    }
    assert_eq!(scene.keeper.unwraps(), 1);
    scene.keeper.becomes(Mood::Good);
    scene.house.clock.advance(Duration::from_secs(5));
    scene.verify().await.unwrap();
}

#[tokio::test]
async fn a_disabled_key_is_dropped_as_soon_as_the_key_service_says_so_and_comes_back_with_it() {
    let scene = Scene::new().await;
    scene.verify().await.unwrap();
    scene.keeper.becomes(Mood::Disabled);
    scene.live(44 * MINUTE).await;
    scene.verify().await.unwrap();
    scene.live(MINUTE).await;
    assert!(is_unavailable(scene.verify().await));
    // Dropped is dropped: being out of reach afterwards brings nothing back.
    scene.keeper.becomes(Mood::Away);
    scene.live(HOUR).await;
    assert!(is_unavailable(scene.verify().await));
    scene.keeper.becomes(Mood::Good);
    scene.live(MINUTE).await;
    scene.verify().await.unwrap();
}

#[tokio::test]
async fn one_key_that_turns_out_disabled_has_all_others_asked_for_before_their_time() {
    let scene = Scene::new().await;
    let (scope, directory) = scene.house.another_tenant("other").await;
    let theirs = parse(&scene.tokens.issue(&scope, &directory, NewToken::living(DAY)).await.unwrap().token);
    scene.tokens.verify(&theirs, HERE).await.unwrap();
    scene.keeper.becomes(Mood::Disabled);
    assert!(is_unavailable(scene.verify().await), "the first use of this tenant's key");
    scene.tokens.upkeep().await;
    assert!(is_unavailable(scene.tokens.verify(&theirs, HERE).await.map(drop)));
}

#[tokio::test]
async fn a_key_that_nobody_uses_is_forgotten_after_the_hard_limit() {
    let scene = Scene::new().await;
    scene.verify().await.unwrap();
    scene.live(24 * HOUR).await;
    scene.keeper.unwraps();
    scene.live(24 * HOUR).await;
    assert_eq!(scene.keeper.unwraps(), 0);
    scene.verify().await.unwrap();
    assert_eq!(scene.keeper.unwraps(), 1);
}

#[tokio::test]
async fn after_a_rotation_old_tokens_verify_and_each_moves_over_once_when_it_is_used() {
    let scene = Scene::new().await;
    scene.verify().await.unwrap();
    let before = scene.stored().await;
    let rotated = scene.tokens.rotate_key(&scene.house.scope).await.unwrap();
    assert_eq!(rotated.previous, Some(before.data_key));
    assert_eq!(scene.issue().await.unwrap().data_key, rotated.data_key, "new tokens are made under the new key");
    assert_eq!(scene.stored().await.data_key, before.data_key, "unused it stays where it is");

    let fresh = scene.house.tokens_with_keys(scene.keeper.clone(), TokensConfig::default());
    let all = join_all((0..50).map(|_| fresh.verify(&scene.token, HERE))).await;
    assert!(all.iter().all(Result::is_ok));
    let moved = eventually("the token is moved", async || {
        Some(scene.stored().await).filter(|record| record.data_key == rotated.data_key)
    })
    .await;
    assert!(!moved.hash.matches(&before.hash));
    assert_eq!((moved.expires_at, moved.created_at), (before.expires_at, before.created_at));
    fresh.verify(&scene.token, HERE).await.unwrap();
    scene.verify().await.unwrap();

    // All that is left of the old key is its row: nobody asks for it any more.
    let another = scene.house.tokens_with_keys(scene.keeper.clone(), TokensConfig::default());
    scene.keeper.unwraps();
    another.verify(&scene.token, HERE).await.unwrap();
    assert_eq!(scene.keeper.unwraps(), 1);
}

#[tokio::test]
async fn a_token_that_does_not_verify_does_not_move() {
    let scene = Scene::new().await;
    let before = scene.stored().await;
    scene.tokens.rotate_key(&scene.house.scope).await.unwrap();
    assert!(scene.tokens.revoke(&scene.house.scope, scene.token.id()).await.unwrap().is_some());
    assert!(matches!(scene.verify().await, Err(VerifyError::Denied(_))));
    // The queue is served in order: once a good token has moved, the bad one would have.
    let good = scene.house.tokens_with_keys(scene.keeper.clone(), TokensConfig::default());
    let issued = good.issue(&scene.house.scope, &scene.house.directory, NewToken::living(DAY)).await.unwrap();
    let again = scene.tokens.rotate_key(&scene.house.scope).await.unwrap();
    scene.tokens.verify(&parse(&issued.token), HERE).await.unwrap();
    let listed = async || scene.tokens.list(&scene.house.scope, scene.house.directory.id).await.unwrap();
    eventually("it is moved", async || listed().await.iter().any(|record| record.data_key == again.data_key)).await;
    assert_eq!(scene.stored().await.data_key, before.data_key);
}

#[tokio::test]
async fn a_key_in_use_rotates_by_age_once() {
    let ages = KeyAges { rotate: Some(30 * DAY), ..KeyAges::default() };
    let scene = Scene::with(ages).await;
    let other =
        scene.house.tokens_with_keys(scene.keeper.clone(), TokensConfig { keys: ages, ..TokensConfig::default() });
    let before = scene.stored().await.data_key;
    scene.house.clock.advance(30 * DAY - MINUTE);
    scene.verify().await.unwrap();
    other.verify(&scene.token, HERE).await.unwrap();
    scene.tokens.upkeep().await;
    assert_eq!(scene.keeper.generates(), 0);
    scene.house.clock.advance(MINUTE);
    scene.tokens.upkeep().await;
    scene.tokens.upkeep().await;
    other.upkeep().await;
    assert_eq!(scene.keeper.generates(), 1, "two processes, one new key");
    assert_ne!(scene.issue().await.unwrap().data_key, before);
    scene.verify().await.unwrap();
}

#[tokio::test]
async fn a_tenant_whose_key_nobody_uses_gets_a_new_one_with_its_next_token() {
    let scene = Scene::with(KeyAges { rotate: Some(30 * DAY), ..KeyAges::default() }).await;
    let before = scene.stored().await.data_key;
    assert_eq!(scene.issue().await.unwrap().data_key, before);
    scene.house.clock.advance(30 * DAY);
    assert_ne!(scene.issue().await.unwrap().data_key, before);
    scene.verify().await.unwrap();
}

#[tokio::test]
async fn wrapping_anew_changes_every_blob_and_no_token_notices() {
    let scene = Scene::new().await;
    scene.verify().await.unwrap();
    scene.tokens.rotate_key(&scene.house.scope).await.unwrap();
    let store = scene.house.store.tenant(&scene.house.scope);
    let before = store.data_keys("token-pepper").await.unwrap();
    assert_eq!(scene.tokens.rewrap_keys(&scene.house.scope).await.unwrap(), 2);
    let after = store.data_keys("token-pepper").await.unwrap();
    assert_eq!(after.len(), 2);
    for (before, after) in before.iter().zip(&after) {
        assert!(before.id == after.id && before.wrapped != after.wrapped);
    }
    let fresh = scene.house.tokens_with_keys(scene.keeper.clone(), TokensConfig::default());
    fresh.verify(&scene.token, HERE).await.unwrap();
}

#[tokio::test]
async fn a_wrapped_key_in_another_tenants_row_opens_nothing() {
    let scene = Scene::new().await;
    let (scope, directory) = scene.house.another_tenant("other").await;
    scene.tokens.issue(&scope, &directory, NewToken::living(DAY)).await.unwrap();
    let (ours, theirs) = (scene.house.store.tenant(&scene.house.scope), scene.house.store.tenant(&scope));
    let stolen = theirs.data_keys("token-pepper").await.unwrap().remove(0).wrapped;
    let mine = ours.data_keys("token-pepper").await.unwrap().remove(0);
    assert!(ours.replace_wrapping(&mine, stolen).await.unwrap());
    match scene.verify().await {
        Err(VerifyError::Unavailable(error)) => assert!(error.to_string().contains("does not open"), "{error}"),
        other => panic!("{other:?}"),
    }
}
