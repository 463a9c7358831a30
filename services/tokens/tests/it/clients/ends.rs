//! Clients and access tokens that are revoked, and what is erased of them.

use rollcall_testkit::{eventually, within};

use super::*;

/// Longer than anything here takes, and shorter than what is remembered would be believed without a word.
const SOON: Duration = Duration::from_secs(20);

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
    let kept = house.now().minus(ACCESS_TOKENS_KEPT);
    assert_eq!(jobs.purge_access_tokens(kept, 10).await.unwrap(), 0, "not a moment before");
    assert_eq!(denial(&tokens, &token(&granted)).await, Denial::Expired);
    house.clock.advance(Duration::from_secs(1));
    let verification = house.store.verification(&JobScope::of_service("test"));
    let job = tokio::spawn(erase_access_tokens(house.store.clone(), house.clock.clone() as Arc<dyn Clock>));
    let is_erased = async || verification.credential(granted.credential).await.unwrap().is_none();
    eventually("it is erased", is_erased).await;
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
    within(SOON, "the token is refused", async || tokens.verify(&granted, HERE).await.is_err()).await;
    within(SOON, "the client is refused", async || tokens.grant_token(asks(&client)).await.is_err()).await;
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
    within(SOON, "the token is refused", async || tokens.verify(&granted, HERE).await.is_err()).await;
    within(SOON, "the client is refused", async || tokens.grant_token(asks(&client)).await.is_err()).await;
    assert_eq!(denial(&tokens, &granted).await, Denial::Revoked);
}
