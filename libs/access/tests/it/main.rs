//! Whatever a stranger sends in the place of a token, reading it is harmless. `PROPTEST_CASES` sets how much is tried.
#![allow(clippy::unwrap_used)] // a test that cannot go on may stop

mod internal;

use proptest::prelude::*;
use rollcall_access::{BearerToken, ClientId, ClientSecret, TokenKind};
use rollcall_base::{Id, Secret32, SeededEntropy, Timestamp};

fn token(seed: u64) -> BearerToken {
    let entropy = SeededEntropy::new(seed);
    BearerToken::generate(TokenKind::Static, Id::new(Timestamp::from_micros(1), &entropy), &entropy)
}

proptest! {
    #[test]
    fn any_client_id_and_secret_is_read_or_refused_and_only_our_own_spelling_is_read(
        text in "\\PC{0,60}|rc[cs]_[0-9A-Za-z_]{0,54}",
        seed: u64,
        at in 0_usize..54,
        other in "[0-9A-Za-z_]",
    ) {
        if let Ok(id) = text.parse::<ClientId>() {
            prop_assert_eq!(id.to_string(), text.clone());
        }
        if let Ok(secret) = ClientSecret::parse(&text) {
            let own = secret.to_text().expose().to_owned();
            prop_assert_eq!(own, text);
        }
        let own = ClientSecret::generate(&SeededEntropy::new(seed)).to_text().expose().to_owned();
        let mut changed = own.clone();
        changed.replace_range(at..=at, &other);
        prop_assert_eq!(ClientSecret::parse(&changed).is_ok(), changed == own);
        prop_assert!(ClientSecret::parse(&own[..at]).is_err());
    }

    #[test]
    fn any_text_is_read_or_refused_and_only_our_own_spelling_is_read(text in "\\PC{0,120}|rct_[0-9A-Za-z_]{0,100}") {
        if let Ok(read) = BearerToken::parse(&text) {
            let own = read.to_text().expose().to_owned();
            prop_assert_eq!(own, text);
        }
    }

    #[test]
    fn every_token_reads_back_and_any_change_of_a_few_characters_is_refused(
        seed: u64,
        changes in prop::collection::vec((0_usize..77, "[0-9A-Za-z_]"), 1..4),
    ) {
        let text = token(seed).to_text().expose().to_owned();
        let pepper = Secret32::from_bytes([7; 32]);
        let read = BearerToken::parse(&text).unwrap();
        prop_assert!(read.hash(&pepper).matches(&token(seed).hash(&pepper)));
        let mut changed = text.clone();
        for (at, character) in changes {
            changed.replace_range(at..=at, &character);
        }
        prop_assert_eq!(BearerToken::parse(&changed).is_ok(), changed == text, "{}", changed);
    }

    #[test]
    fn a_token_cut_short_or_with_something_added_is_refused(seed: u64, at in 0_usize..77, more in "\\PC{1,5}") {
        let text = token(seed).to_text().expose().to_owned();
        prop_assert!(BearerToken::parse(&text[..at]).is_err());
        let (longer, led) = (format!("{text}{more}"), format!("{more}{text}"));
        prop_assert!(BearerToken::parse(&longer).is_err());
        prop_assert!(BearerToken::parse(&led).is_err());
    }
}
