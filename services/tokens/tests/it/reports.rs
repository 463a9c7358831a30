//! What gateways report reaches the admins whom it concerns, and nobody else.

use rollcall_access::Scopes;
use rollcall_base::{Id, SystemEntropy};
use rollcall_tokens::{
    GoodUses, NewClient, NewToken, RefusedReason, RefusedUses, Report, Source, Span, Tokens, TokensConfig, Uses,
};

use crate::house::{DAY, House};

fn source() -> Source {
    Source::new("192.0.2.1".parse().unwrap(), "Okta/1")
}

#[tokio::test]
async fn a_tokens_use_is_known_to_its_tenant() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let issued = tokens.issue(&house.scope, &house.directory, NewToken::living(DAY)).await.unwrap();
    let span = Span::of(house.now().as_micros());
    let (directory, credential) = (house.directory.id, issued.record.id);
    let good = vec![GoodUses { directory, credential, from: source(), outside: false, reads: 3, writes: 1, span }];
    tokens.report(Uses { good, ..Uses::default() }).await.unwrap();
    let last = house.store.tenant(&house.scope).last_uses(directory).await.unwrap().remove(&credential).unwrap();
    assert_eq!((last.at, last.address.as_str(), last.agent.as_str()), (house.now(), "192.0.2.1", "Okta/1"));
}

#[tokio::test]
async fn a_directorys_client_was_there_if_its_token_was_good_whether_or_not_it_was_served() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let issued = tokens.issue(&house.scope, &house.directory, NewToken::living(DAY)).await.unwrap();
    let (directory, credential) = (house.directory.id, issued.record.id);
    let contact = async || house.store.tenant(&house.scope).overview(directory).await.unwrap().activity.contact;
    let refused = |reason, seconds: i64| {
        let span = Span::of(house.now().as_micros() + seconds * 1_000_000);
        let from = Source::new("192.0.2.9".parse().unwrap(), "Okta/2");
        let refused =
            vec![RefusedUses { reason, credential: Some(credential), client: None, url: None, from, times: 1, span }];
        Uses { report: None, good: Vec::new(), refused }
    };
    for reason in [RefusedReason::WrongSecret, RefusedReason::Expired, RefusedReason::Revoked, RefusedReason::Unknown] {
        tokens.report(refused(reason, 9)).await.unwrap();
    }
    assert_eq!(contact().await, None, "anybody can send such a thing");
    let span = Span::of(house.now().as_micros());
    let good = vec![GoodUses { directory, credential, from: source(), outside: false, reads: 1, writes: 0, span }];
    tokens.report(Uses { report: None, good, refused: Vec::new() }).await.unwrap();
    assert_eq!(contact().await.unwrap().address, "192.0.2.1");
    tokens.report(refused(RefusedReason::Disabled, 1)).await.unwrap();
    let last = contact().await.unwrap();
    assert_eq!((last.address.as_str(), last.agent.as_str(), last.first_at), ("192.0.2.9", "Okta/2", house.now()));
}

#[tokio::test]
async fn a_refused_use_is_told_to_the_tokens_directory_and_to_the_urls_without_what_is_not_its() {
    let house = House::new().await;
    let (other_scope, other) = house.another_tenant("other").await;
    let tokens = house.tokens(TokensConfig::default());
    let issued = tokens.issue(&house.scope, &house.directory, NewToken::living(DAY)).await.unwrap();
    let span = Span::of(house.now().as_micros());
    let refused = |reason, credential, url: Option<(&str, &str)>| RefusedUses {
        reason,
        credential,
        client: None,
        url: url.map(|(tenant, key)| (tenant.to_owned(), key.to_owned())),
        from: source(),
        times: 2,
        span,
    };
    let id = issued.record.id;
    let reports = vec![
        refused(RefusedReason::Expired, Some(id), Some(("other", "dir-1"))),
        refused(RefusedReason::EntraOwnToken, None, Some(("acme", "corp.example"))),
        refused(RefusedReason::Unknown, Some(house.stranger().id()), None),
        refused(RefusedReason::Empty, None, Some(("nobody", "dir-1"))),
        refused(RefusedReason::ClientSecret, None, Some(("acme", "dir-1"))),
    ];
    tokens.report(Uses { refused: reports, ..Uses::default() }).await.unwrap();
    let seen = |rows: Vec<rollcall_store::RefusedUse>| {
        let mut seen: Vec<_> = rows.into_iter().map(|row| (row.reason, row.credential, row.times)).collect();
        seen.sort();
        seen
    };
    let ours = house.store.tenant(&house.scope).refusals(house.directory.id, house.now(), 100).await.unwrap();
    assert_eq!(
        seen(ours),
        [
            ("client_secret".to_owned(), None, 2),
            ("entra_own_token".to_owned(), None, 2),
            ("expired".to_owned(), Some(id), 2)
        ]
    );
    let theirs = house.store.tenant(&other_scope).refusals(other.id, house.now(), 100).await.unwrap();
    assert_eq!(
        seen(theirs),
        [("other_directory".to_owned(), None, 2)],
        "not which token, and not what is wrong with it"
    );
}

#[tokio::test]
async fn a_report_whose_answer_was_lost_is_counted_once_when_it_comes_again() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let issued = tokens.issue(&house.scope, &house.directory, NewToken::living(DAY)).await.unwrap();
    let span = Span::of(house.now().as_micros());
    let (directory, credential) = (house.directory.id, issued.record.id);
    let report = Report { reporter: Id::new(house.now(), &SystemEntropy), seq: 1 };
    let good = GoodUses { directory, credential, from: source(), outside: false, reads: 3, writes: 1, span };
    let refused = RefusedUses {
        reason: RefusedReason::WrongSecret,
        credential: Some(credential),
        client: None,
        url: None,
        from: source(),
        times: 2,
        span,
    };
    let uses = Uses { report: Some(report), good: vec![good], refused: vec![refused] };
    for _ in 0..3 {
        tokens.report(uses.clone()).await.unwrap();
    }
    let tenant = house.store.tenant(&house.scope);
    assert_eq!(tenant.times_used(directory, credential, house.now()).await.unwrap(), (3, 1, false));
    assert_eq!(tenant.refusals(directory, house.now(), 10).await.unwrap()[0].times, 2);
    tokens.report(Uses { report: Some(Report { seq: 2, ..report }), ..uses.clone() }).await.unwrap();
    tokens.report(Uses { report: None, ..uses }).await.unwrap();
    assert_eq!(tenant.times_used(directory, credential, house.now()).await.unwrap(), (9, 3, false));
}

#[test]
fn what_the_version_before_reports_is_read() {
    let uses: Uses = serde_json::from_str(r#"{"good":[],"refused":[]}"#).unwrap();
    assert_eq!(uses, Uses::default());
}

#[tokio::test]
async fn an_oauth_clients_refusals_are_told_to_its_directory_as_its_own() {
    let house = House::new().await;
    let (_, other) = house.another_tenant("other").await;
    let tokens = house.tokens(TokensConfig::default());
    let new = NewClient { lifetime: Some(DAY), label: String::new(), scopes: Scopes::ALL, networks: None };
    let client = tokens.create_client(&house.scope, &house.directory, new).await.unwrap();
    let span = Span::of(house.now().as_micros());
    let refused = |reason, client, url| RefusedUses {
        reason,
        credential: None,
        client: Some(client),
        url,
        from: source(),
        times: 1,
        span,
    };
    let id = client.record.id;
    let nobody = Id::new(house.now(), &SystemEntropy);
    let reports = vec![
        refused(RefusedReason::Archived, id, None),
        refused(RefusedReason::ClientScope, id, None),
        refused(RefusedReason::ClientResource, id, Some((other.tenant_slug, "dir-1".to_owned()))),
        refused(RefusedReason::ClientSecret, nobody, None),
    ];
    tokens.report(Uses { refused: reports, ..Uses::default() }).await.unwrap();
    let (_, _, activity) = tokens.client_activity(&house.scope, id, None).await.unwrap().unwrap();
    let mut seen: Vec<_> = activity.refused.into_iter().map(|row| (row.reason, row.credential, row.client)).collect();
    seen.sort();
    let expected = ["archived", "client_resource", "client_scope"].map(|reason| (reason.to_owned(), None, Some(id)));
    assert_eq!(seen, expected);
    assert_eq!(tokens.refusals(&house.scope, house.directory.id, house.now(), 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_report_takes_so_many_statements_however_many_directories_it_is_about() {
    let house = House::new().await;
    let tokens = house.tokens(TokensConfig::default());
    let new = NewClient { lifetime: Some(DAY), label: String::new(), scopes: Scopes::ALL, networks: None };
    let mut all = Vec::new();
    let span = Span::of(house.now().as_micros());
    for number in 0..40 {
        let (scope, directory) = house.another_tenant(&format!("tenant-{number}")).await;
        let token = tokens.issue(&scope, &directory, NewToken::living(DAY)).await.unwrap().record;
        let client = tokens.create_client(&scope, &directory, new.clone()).await.unwrap().record;
        all.push((scope, directory, token, client));
    }
    // Each uses its token at its own URL, then at its neighbour's; and each client asks for a scope that it has not.
    let report = |count: usize| {
        let mut uses = Uses::default();
        for (at, (_, directory, token, client)) in all.iter().enumerate().take(count) {
            let (directory_id, credential) = (directory.id, token.id);
            uses.good.push(GoodUses {
                directory: directory_id,
                credential,
                from: source(),
                outside: false,
                reads: 3,
                writes: 1,
                span,
            });
            let neighbour = format!("TENANT-{}", (at + 1) % count);
            let wrong = RefusedUses {
                reason: RefusedReason::OtherDirectory,
                credential: Some(credential),
                client: None,
                url: Some((neighbour, "Corp.Example".to_owned())),
                from: source(),
                times: 1,
                span,
            };
            let of_client = RefusedUses {
                reason: RefusedReason::ClientScope,
                credential: None,
                client: Some(client.id),
                url: None,
                ..wrong.clone()
            };
            let nobody = RefusedUses { url: Some((format!("nobody-{at}"), "dir-1\0".to_owned())), ..wrong.clone() };
            uses.refused.extend([wrong, of_client, nobody]);
        }
        uses
    };
    let mut statements = Vec::new();
    for count in [2, 10, 40] {
        house.store.take_statements();
        tokens.report(report(count)).await.unwrap();
        let taken: Vec<_> = house.store.take_statements().into_iter().map(|statement| statement.sql).collect();
        let looks = taken.iter().filter(|sql| sql.starts_with("SELECT") || sql.starts_with("WITH")).count();
        statements.push((looks, taken.len() - looks));
    }
    // Credentials, clients, directories, then what is known of uses, hours, replaced tokens and refused uses.
    assert_eq!(statements, [(7, 4), (7, 4), (7, 6)], "more rows are written by more statements, each of many rows");
    for (scope, directory, token, client) in &all {
        let mut seen: Vec<_> = house.store.tenant(scope).refusals(directory.id, house.now(), 100).await.unwrap();
        seen.sort_by(|one, other| (&one.reason, one.credential).cmp(&(&other.reason, other.credential)));
        let seen: Vec<_> = seen.into_iter().map(|row| (row.reason, row.credential, row.client)).collect();
        assert_eq!(
            seen,
            [
                ("client_scope".to_owned(), None, Some(client.id)),
                ("other_directory".to_owned(), None, None),
                ("other_directory".to_owned(), Some(token.id), None),
            ]
        );
    }
}
