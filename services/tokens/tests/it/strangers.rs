//! A flood of strangers from many networks holds nobody up who was good before.

use std::net::IpAddr;

use rollcall_access::{BearerToken, ClientId, ClientSecret, JobScope, Scopes, TokenKind};
use rollcall_base::{Id, SystemEntropy, Timestamp};
use rollcall_testkit::on_both_databases;
use rollcall_tokens::{
    CreatedClient, GrantError, GrantedToken, Issued, LocalTokens, NewClient, TokenRequest, Tokens, VerifyError,
};

use crate::{
    life::{DAY, HOUR, Life, OKTA},
    parse,
};

fn network(number: u8) -> IpAddr {
    [10, 0, 0, number].into()
}

/// Others than these, each of which has its own meter for all that it asks.
fn other_network(number: u8) -> IpAddr {
    [10, 1, 0, number].into()
}

/// Nobody has come from there.
fn new_place() -> IpAddr {
    [203, 0, 113, 1].into()
}

fn okta() -> IpAddr {
    OKTA.0.parse().unwrap()
}

/// Unknown tokens from more and more networks, until none is asked about any more.
async fn flood_of_tokens(tokens: &LocalTokens, now: Timestamp) {
    for number in 0..=255 {
        for sent in 0.. {
            let stranger = BearerToken::generate(TokenKind::Static, Id::new(now, &SystemEntropy), &SystemEntropy);
            match tokens.verify(&stranger, network(number)).await {
                Err(VerifyError::Denied(_)) => {}
                Err(VerifyError::Throttled { .. }) if sent == 0 => return,
                Err(VerifyError::Throttled { .. }) => break,
                other => panic!("{other:?}"),
            }
        }
    }
    panic!("there is no bound");
}

fn asks(client: &CreatedClient, from: IpAddr) -> TokenRequest {
    TokenRequest {
        client: ClientId(client.record.id),
        secret: Some(ClientSecret::parse(client.secret.expose()).unwrap()),
        scopes: None,
        resources: Vec::new(),
        from,
    }
}

/// The same of unknown clients.
async fn flood_of_clients(tokens: &LocalTokens, client: &CreatedClient, now: Timestamp) {
    for number in 0..=255 {
        for sent in 0.. {
            let nobody = ClientId(Id::new(now, &SystemEntropy));
            let asked = TokenRequest { client: nobody, secret: None, ..asks(client, other_network(number)) };
            match tokens.grant_token(asked).await {
                Err(GrantError::Denied(_)) => {}
                Err(GrantError::Throttled { .. }) if sent == 0 => return,
                Err(GrantError::Throttled { .. }) => break,
                other => panic!("{other:?}"),
            }
        }
    }
    panic!("there is no bound");
}

fn is_throttled(granted: &Result<GrantedToken, GrantError>) -> bool {
    matches!(granted, Err(GrantError::Throttled { .. }))
}

async fn client(life: &Life, tokens: &LocalTokens) -> CreatedClient {
    let new = NewClient { lifetime: Some(30 * DAY), label: String::new(), scopes: Scopes::ALL, networks: None };
    tokens.create_client(&life.scope, &life.directory, new).await.unwrap()
}

on_both_databases! {
    async fn after_a_restart_who_was_good_lately_is_not_held_up(database) {
        let life = Life::on(database).await;
        let before = life.process();
        let (used, revoked, old, never_used) = (
            life.issue(&before, 365).await,
            life.issue(&before, 365).await,
            life.issue(&before, 365).await,
            life.issue(&before, 365).await,
        );
        life.used(&before, old.record.id, (1, 0)).await;
        life.clock.advance(6 * DAY);
        let client = client(&life, &before).await;
        let granted = before.grant_token(asks(&client, okta())).await.unwrap();
        for id in [used.record.id, revoked.record.id, granted.credential] {
            life.used(&before, id, (1, 0)).await;
        }
        before.revoke(&life.scope, revoked.record.id).await.unwrap();
        // The access token's hour is over, and its client is known all the same.
        life.clock.advance(DAY + HOUR);

        let after = life.process();
        after.remember_who_was_good().await;
        flood_of_tokens(&after, life.now()).await;
        flood_of_clients(&after, &client, life.now()).await;
        let used = parse(&used.token);
        assert!(after.verify(&used, new_place()).await.is_ok());
        for unknown in [&revoked, &old, &never_used] {
            let outcome = after.verify(&parse(&unknown.token), network(250)).await;
            assert!(matches!(outcome, Err(VerifyError::Throttled { .. })), "{outcome:?}");
        }
        assert!(is_throttled(&after.grant_token(asks(&client, network(250))).await), "it was never there");
        let granted = after.grant_token(asks(&client, okta())).await.unwrap();
        assert!(after.verify(&parse(&granted.token), new_place()).await.is_ok());

        let ignorant = life.process();
        flood_of_tokens(&ignorant, life.now()).await;
        assert!(matches!(ignorant.verify(&used, new_place()).await, Err(VerifyError::Throttled { .. })));
    }

    async fn of_those_who_were_good_the_latest_are_read_and_no_more_than_so_many(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let (first, second) = (life.issue(&tokens, 1).await, life.issue(&tokens, 365).await);
        let begin = life.now();
        for (issued, days) in [(&first, 1), (&second, 1)] {
            life.used(&tokens, issued.record.id, (1, 0)).await;
            life.clock.advance(days * DAY);
        }
        let store = life.store.verification(&JobScope::of_service("tokens"));
        let used = async |since, limit| {
            let used = store.used_since(since, limit).await.unwrap();
            used.into_iter().map(|one| (one.id, one.expires_at, one.address)).collect::<Vec<_>>()
        };
        let as_read = |issued: &Issued| (issued.record.id, issued.record.expires_at, OKTA.0.to_owned());
        assert_eq!(used(begin, 10).await, [as_read(&second), as_read(&first)], "expired ones, too");
        assert_eq!(used(begin, 1).await, [as_read(&second)]);
        assert_eq!(used(begin.plus(DAY), 10).await, [as_read(&second)]);
        assert_eq!(used(begin.plus(2 * DAY), 10).await, []);
    }

    async fn what_was_issued_here_is_known_before_it_was_used(database) {
        let life = Life::on(database).await;
        let tokens = life.process();
        let issued = life.issue(&tokens, 365).await;
        let rotated = life.rotate(&tokens, issued.record.id).await;
        flood_of_tokens(&tokens, life.now()).await;
        for token in [&issued.token, &rotated.issued.token] {
            tokens.verify(&parse(token), new_place()).await.unwrap();
        }
    }

    async fn a_flood_of_clients_holds_no_token_up_nor_a_flood_of_tokens_a_client(database) {
        let life = Life::on(database).await;
        let before = life.process();
        let (issued, client) = (life.issue(&before, 365).await, client(&life, &before).await);
        let tokens = life.process();
        flood_of_clients(&tokens, &client, life.now()).await;
        tokens.verify(&parse(&issued.token), new_place()).await.unwrap();
        assert!(is_throttled(&tokens.grant_token(asks(&client, network(250))).await));
        let tokens = life.process();
        flood_of_tokens(&tokens, life.now()).await;
        tokens.grant_token(asks(&client, network(250))).await.unwrap();
    }
}
