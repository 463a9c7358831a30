//! What services prove to each other holds for exactly what was signed.

use std::time::Duration;

use proptest::prelude::*;
use rollcall_access::{
    Action, AllowedNetworks, Authenticated, BearerToken, CredentialRecord, Denial, DirectorySettings, ForwardedRequest,
    GrantError, Granted, InternalCall, InternalKeys, Permission, SIGNED_FOR, Scopes, SealError, Subject, TokenKind,
    authenticate,
};
use rollcall_base::{Id, Secret32, SecretText, SeededEntropy, Timestamp};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const REQUEST: ForwardedRequest<'static> =
    ForwardedRequest { audience: "directory", method: "PATCH", target: "/scim/v2/Users/7?attributes=id" };

fn keys(secret: &str) -> InternalKeys {
    InternalKeys::derive(&SecretText::new(secret.to_owned()))
}

fn ours() -> InternalKeys {
    keys("a secret of the tests, long enough to be one")
}

fn authenticated(scopes: Scopes) -> (Authenticated, BearerToken) {
    let entropy = SeededEntropy::new(3);
    let pepper = Secret32::random(&entropy);
    let token = BearerToken::generate(TokenKind::Static, Id::new(NOW, &entropy), &entropy);
    let record = CredentialRecord {
        id: token.id(),
        tenant: Id::new(NOW, &entropy),
        directory: Id::new(NOW, &entropy),
        data_key: Id::new(NOW, &entropy),
        hash: token.hash(&pepper),
        client: None,
        scopes,
        networks: Some(AllowedNetworks { networks: "203.0.113.0/24".parse().unwrap(), observe: false }),
        label: String::new(),
        created_at: NOW,
        expires_at: NOW.plus(Duration::from_secs(3600)),
        revoked_at: None,
        rotation: None,
    };
    (authenticate(&record, &token, &pepper, NOW).unwrap(), token)
}

fn granted(scopes: Scopes) -> Granted {
    Granted {
        authenticated: authenticated(scopes).0,
        settings: DirectorySettings::default(),
        base_url: "https://id.example/scim/acme/okta/v2".to_owned(),
        request_id: "b1f6".to_owned(),
    }
}

#[test]
fn a_grant_says_what_the_gateway_knew() {
    for scopes in [Scopes::READ, Scopes::ALL, "users:read groups:update".parse().unwrap()] {
        let granted = granted(scopes);
        let read = ours().redeem(&ours().grant(&granted, &REQUEST, NOW), &REQUEST, NOW).unwrap();
        assert_eq!(read.base_url, granted.base_url);
        assert_eq!(read.request_id, granted.request_id);
        assert_eq!(read.authenticated.tenant(), granted.authenticated.tenant());
        assert_eq!(read.authenticated.directory(), granted.authenticated.directory());
        assert_eq!(read.authenticated.credential(), granted.authenticated.credential());
        assert_eq!(read.authenticated.ends_at(), granted.authenticated.ends_at());
        assert_eq!(read.authenticated.scopes(), scopes);
        let create = Permission::new(Subject::Users, Action::Create);
        assert_eq!(read.authenticated.write(create).is_ok(), scopes == Scopes::ALL);
    }
}

#[test]
fn a_grant_is_for_one_request_of_one_installation_and_a_short_while() {
    let grant = ours().grant(&granted(Scopes::ALL), &REQUEST, NOW);
    let other_use = GrantError::Refused(SealError::OtherUse);
    for other in [
        ForwardedRequest { audience: "tokens", ..REQUEST },
        ForwardedRequest { method: "DELETE", ..REQUEST },
        ForwardedRequest { target: "/scim/v2/Users/7", ..REQUEST },
        ForwardedRequest { target: "/scim/v2/Users/7?attributes=i", ..REQUEST },
        ForwardedRequest { target: "/scim/v2/Users/8?attributes=id", ..REQUEST },
    ] {
        assert_eq!(ours().redeem(&grant, &other, NOW).unwrap_err(), other_use, "{other:?}");
    }
    let stranger = keys("a secret of somebody else, just as long as ours");
    assert_eq!(stranger.redeem(&grant, &REQUEST, NOW).unwrap_err(), GrantError::Refused(SealError::Forged));
    let second = Duration::from_secs(1);
    let latest = NOW.plus(SIGNED_FOR);
    assert!(ours().redeem(&grant, &REQUEST, latest).is_ok());
    let stale = GrantError::Refused(SealError::Stale);
    assert_eq!(ours().redeem(&grant, &REQUEST, latest.plus(second)).unwrap_err(), stale);
    let early = Timestamp::from_micros(NOW.as_micros() - i64::try_from((SIGNED_FOR + second).as_micros()).unwrap());
    assert_eq!(ours().redeem(&grant, &REQUEST, early).unwrap_err(), stale);
    assert!(2 * SIGNED_FOR <= Duration::from_secs(60));
}

#[test]
fn one_kind_of_signed_text_is_not_taken_for_another() {
    let (authenticated, token) = authenticated(Scopes::ALL);
    let call = InternalCall { audience: "directory", target: "/x", token: "", body: b"" };
    let texts = [
        ours().grant(&granted(Scopes::ALL), &REQUEST, NOW),
        ours().vouch(&authenticated, &token, NOW),
        ours().sign_call(&call, &SeededEntropy::new(1), NOW),
    ];
    let accepted = |text: &str| {
        [
            ours().redeem(text, &REQUEST, NOW).is_ok(),
            ours().believe(text, &token, NOW).is_ok(),
            ours().check_call(text, &call, NOW).is_ok(),
        ]
    };
    assert_eq!(accepted(&texts[0]), [true, false, false]);
    assert_eq!(accepted(&texts[1]), [false, true, false]);
    assert_eq!(accepted(&texts[2]), [false, false, true]);
}

#[test]
fn a_verdict_is_about_one_token() {
    let (authenticated, token) = authenticated(Scopes::READ);
    let verdict = ours().vouch(&authenticated, &token, NOW);
    let read = ours().believe(&verdict, &token, NOW).unwrap();
    assert_eq!((read.scopes(), read.directory()), (Scopes::READ, authenticated.directory()));
    assert_eq!(read.admit_from("198.51.100.1".parse().unwrap()), Err(Denial::OutsideNetworks));
    let guess = BearerToken::generate(TokenKind::Static, token.id(), &SeededEntropy::new(9));
    assert_eq!(ours().believe(&verdict, &guess, NOW).unwrap_err(), SealError::OtherUse);
    let late = NOW.plus(SIGNED_FOR + Duration::from_secs(1));
    assert_eq!(ours().believe(&verdict, &token, late).unwrap_err(), SealError::Stale);
}

#[test]
fn an_answer_belongs_to_its_call() {
    let call = InternalCall { audience: "tokens", target: "/internal/tokens/verify", token: "rct_x", body: b"{}" };
    let entropy = SeededEntropy::new(1);
    let (first, second) = (ours().sign_call(&call, &entropy, NOW), ours().sign_call(&call, &entropy, NOW));
    assert_ne!(first, second);
    for other in [
        InternalCall { audience: "directory", ..call },
        InternalCall { target: "/internal/tokens/resolve", ..call },
        InternalCall { token: "rct_y", ..call },
        InternalCall { body: b"{ }", ..call },
    ] {
        assert_eq!(ours().check_call(&first, &other, NOW), Err(SealError::OtherUse));
    }
    let answer = ours().sign_answer(&first, 200, b"yes");
    assert_eq!(ours().check_answer(&answer, &first, 200, b"yes"), Ok(()));
    assert!(ours().check_answer(&answer, &second, 200, b"yes").is_err());
    assert!(ours().check_answer(&answer, &first, 403, b"yes").is_err());
    assert!(ours().check_answer(&answer, &first, 200, b"no").is_err());
}

#[test]
fn no_secret_is_in_the_debug_text() {
    assert_eq!(format!("{:?}", ours()).matches("Secret32(…)").count(), 5);
}

proptest! {
    #[test]
    fn a_grant_with_any_changed_byte_is_refused(at: prop::sample::Index, byte in 1_u8..128) {
        let grant = ours().grant(&granted(Scopes::READ), &REQUEST, NOW);
        let mut changed = grant.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] ^= byte;
        let changed = String::from_utf8_lossy(&changed).into_owned();
        prop_assert!(ours().redeem(&changed, &REQUEST, NOW).is_err(), "{}", changed);
    }

    #[test]
    fn whatever_stands_in_the_place_of_a_grant_is_refused(text in "\\PC{0,200}|[A-Za-z0-9_-]{0,200}\\.[A-Za-z0-9_-]{43}") {
        prop_assert!(ours().redeem(&text, &REQUEST, NOW).is_err());
    }

    #[test]
    fn a_grant_cut_short_or_with_something_added_is_refused(at: prop::sample::Index, more in "[A-Za-z0-9_.-]{1,5}") {
        let grant = ours().grant(&granted(Scopes::READ), &REQUEST, NOW);
        prop_assert!(ours().redeem(&grant[..at.index(grant.len())], &REQUEST, NOW).is_err());
        let (longer, led) = (format!("{grant}{more}"), format!("{more}{grant}"));
        prop_assert!(ours().redeem(&longer, &REQUEST, NOW).is_err());
        prop_assert!(ours().redeem(&led, &REQUEST, NOW).is_err());
    }
}
