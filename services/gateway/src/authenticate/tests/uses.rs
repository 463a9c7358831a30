//! What is reported of a token's use.

use super::*;

fn allowed(observe: bool) -> Option<AllowedNetworks> {
    Some(AllowedNetworks { networks: "203.0.113.0/24".parse().unwrap(), observe })
}

#[actix_web::test]
async fn what_a_token_was_used_for_is_reported_with_where_it_came_from() {
    let tokens = FakeTokens::new();
    let directory = tokens.directory("acme", "one", "one.example", "submitted");
    let token = tokens.token(&directory, |record| record.networks = allowed(true));
    let address = "198.51.100.7:4711".parse().unwrap();
    let request = get("/scim/acme/one/v2/Users", &token).peer_addr(address).insert_header((USER_AGENT, "Okta/1"));
    assert_eq!(ask(&tokens, request).await.status, StatusCode::OK);
    let reported = tokens.reported.lock().unwrap().pop().unwrap();
    assert_eq!(reported.refused, []);
    let [used] = &reported.good[..] else { panic!("{reported:?}") };
    assert_eq!((used.directory, used.reads, used.writes), (directory.id, 1, 0));
    assert_eq!((used.from.address.to_string().as_str(), used.from.agent.as_str()), ("198.51.100.7", "Okta/1"));
    assert!(used.outside, "from outside its networks, which is only observed");
    assert_eq!(used.span.last_at, NOW.as_micros());
}

#[actix_web::test]
async fn what_was_refused_is_reported_with_its_reason_and_the_url() {
    let tokens = FakeTokens::new();
    let directory = tokens.directory("acme", "one", "one.example", "submitted");
    let other = tokens.directory("acme", "two", "two.example", "submitted");
    let cases = [
        (tokens.token(&directory, |record| record.expires_at = NOW), RefusedReason::Expired, true),
        (tokens.token(&directory, |record| record.networks = allowed(false)), RefusedReason::OutsideNetworks, true),
        (tokens.token(&other, |_| ()), RefusedReason::OtherDirectory, true),
        (String::new(), RefusedReason::Empty, false),
        ("rct_cut".to_owned(), RefusedReason::Damaged, false),
    ];
    for (token, reason, has_id) in cases {
        let address = "[2001:db8::5]:4711".parse().unwrap();
        let answer = ask(&tokens, get("/scim/ACME/One/v2/Users", &token).peer_addr(address)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let reported = tokens.reported.lock().unwrap().pop().unwrap();
        let [refused] = &reported.refused[..] else { panic!("{reported:?}") };
        assert_eq!((refused.reason, refused.times), (reason, 1));
        assert_eq!(refused.credential.is_some(), has_id, "{reason:?}");
        assert_eq!(refused.url, Some(("acme".to_owned(), "one".to_owned())));
        assert_eq!(refused.from.address.to_string(), "2001:db8::");
    }
}
