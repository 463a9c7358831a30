//! Whatever bytes a stranger posts.

use super::*;

/// Words of requests, in any order and with anything between them.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let tokens = OneClient::new();
    let word = prop::sample::select(vec![
        "grant_type=client_credentials".to_owned(),
        format!("client_id={}", tokens.client),
        format!("client_secret={}", tokens.secret.to_text().expose()),
        "client_secret=rcs_".to_owned(),
        "scope=users:read".to_owned(),
        "scope=%F0%28%8C".to_owned(),
        "resource=https://id.example/base/scim/v2".to_owned(),
        "resource=https://id.example/base/scim/%C3".to_owned(),
        "%".to_owned(),
        "=".to_owned(),
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..400),
        prop::collection::vec(word, 0..8).prop_map(|words| words.join("&").into_bytes()),
    ]
}

proptest! {
    #[test]
    fn whatever_a_stranger_posts_the_answer_is_one_of_the_rfcs(
        body in body(),
        authorization in proptest::option::of("Basic [A-Za-z0-9+/=]{0,80}|[ -~]{0,40}"),
        form in prop::bool::weighted(0.9),
    ) {
        let tokens = OneClient::new();
        let mut request = post(body);
        if !form {
            request = request.insert_header((CONTENT_TYPE, "application/json"));
        }
        if let Some(authorization) = authorization {
            request = request.insert_header((AUTHORIZATION, authorization));
        }
        let answer = actix_web::rt::System::new().block_on(asked(&tokens, request));
        if answer.status == 200 {
            prop_assert_eq!(&answer.body["access_token"], "rca_access");
            return Ok(());
        }
        prop_assert!(matches!(answer.status.as_u16(), 400 | 401 | 413), "{}", answer.status);
        let known = ["invalid_request", "invalid_client", "unsupported_grant_type", "invalid_scope", "invalid_target"];
        prop_assert!(known.contains(&answer.error()), "{}", answer.body);
        let description = answer.body["error_description"].as_str().unwrap();
        // RFC 6749 §5.2.
        prop_assert!(description.chars().all(|c| matches!(c, ' '..='~') && c != '"' && c != '\\'), "{}", description);
        prop_assert!(answer.body.as_object().unwrap().len() == 2);
    }
}
