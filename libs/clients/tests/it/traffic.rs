//! What a profile says of its client's traffic.

use std::collections::BTreeSet;

use rollcall_base::ClientKind;
use rollcall_clients::{profile, profiles};
use rollcall_scim::quirks::Quirk;

#[test]
fn every_quirk_that_is_named_exists() {
    let known: BTreeSet<&str> = Quirk::ALL.iter().map(|quirk| quirk.as_str()).collect();
    for profile in profiles() {
        for quirk in &profile.traffic.quirks {
            assert!(known.contains(quirk.as_str()), "{}: {quirk}", profile.name);
        }
    }
}

#[test]
fn every_quirk_is_known_of_some_client() {
    let named: BTreeSet<&str> =
        profiles().iter().flat_map(|profile| &profile.traffic.quirks).map(String::as_str).collect();
    for quirk in Quirk::ALL {
        assert!(named.contains(quirk.as_str()), "{}", quirk.as_str());
    }
}

#[test]
fn observed_behaviour_is_named_by_a_letter_and_two_digits_once() {
    for profile in profiles() {
        let observed = &profile.traffic.observed;
        assert!(!observed.is_empty(), "{}", profile.name);
        assert_eq!(observed.iter().collect::<BTreeSet<_>>().len(), observed.len(), "{}", profile.name);
        for id in observed {
            let (letter, digits) = id.split_at(1);
            assert!(letter.as_bytes()[0].is_ascii_uppercase() && digits.len() == 2, "{id}");
            assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
        }
    }
}

#[test]
fn entra_runs_every_40_minutes_and_who_sends_at_once_has_no_cycle() {
    let minutes = |name: &str| profile(name).unwrap().traffic.cadence_minutes;
    assert_eq!((minutes("entra-id"), minutes("entra-id-own-app")), (Some(40), Some(40)));
    for name in ["okta", "okta-custom-app", "cyberark", "pingone", "other"] {
        assert_eq!(minutes(name), None, "{name}");
    }
    assert_eq!(profile("ping-federate").unwrap().traffic.concurrency, Some(5));
}

#[test]
fn the_first_seven_kinds_come_in_the_forms_order_and_presets_are_of_the_last() {
    let mut kinds: Vec<ClientKind> = profiles().iter().map(|profile| profile.kind).collect();
    kinds.dedup();
    assert_eq!(kinds, ClientKind::ALL);
    let presets: Vec<&str> =
        profiles().iter().filter(|profile| profile.kind == ClientKind::Other).map(|p| p.name.as_str()).collect();
    let expected = ["other", "onelogin", "jumpcloud", "google-workspace", "sailpoint", "rippling", "authentik"];
    assert_eq!(presets, expected);
}

#[test]
fn the_own_placeholders_of_a_profile_are_acceptable_and_look_right() {
    for profile in profiles() {
        let (id, name) = (&profile.fields.directory_id, &profile.fields.directory_name);
        let checked = profile.check(&id.placeholder, &name.placeholder, 50);
        assert!(checked.acceptable && checked.changes.is_empty() && checked.warnings.is_empty(), "{checked:?}");
    }
}
