use proptest::prelude::*;

use super::*;
use crate::{profile, profiles};

fn check(client: &str, id: &str, name: &str) -> Checked {
    profile(client).unwrap().check(id, name, 50)
}

/// What came out, and which rules were at work.
fn outcome(client: &str, id: &str, name: &str) -> (String, String, Vec<&'static str>, Vec<&'static str>) {
    let checked = check(client, id, name);
    let changes = checked.changes.iter().map(|change| change.rule).collect();
    let warnings = checked.warnings.iter().map(|warning| warning.rule).collect();
    (checked.directory_id, checked.directory_name, changes, warnings)
}

const GUID: &str = "8f14e45f-ceea-467f-a8d2-1c9f0b6d3e11";
const SYSTEM_ID: &str = "5E1D8B0C7A9F4E2D6B3C1A0F8E7D6C5B4A392817";

#[test]
fn what_is_typed_right_is_left_alone() {
    for (client, id, name) in [
        ("entra-id", GUID, "contoso.example"),
        ("entra-id-own-app", GUID, "contoso.onmicrosoft.com"),
        ("ping-federate", SYSTEM_ID, "corp.example"),
        ("okta", "Acme", "acme.okta.com"),
        ("okta-custom-app", "Acme-Corp", "login.acme.example"),
        ("cyberark", "CyberArkSCIM", "cyberarkdirectoryscim"),
        ("pingone", GUID, "my-environment"),
        ("sase-5g", "sase-5g-1", "corp.example"),
        ("other", "my-idp", "my_idp.example"),
    ] {
        let checked = check(client, id, name);
        assert_eq!((checked.directory_id.as_str(), checked.directory_name.as_str()), (id, name), "{client}");
        assert!(checked.acceptable && checked.changes.is_empty() && checked.warnings.is_empty(), "{checked:?}");
    }
}

#[test]
fn a_system_id_loses_its_ldap_prefix_and_a_ping_user_all_but_the_domain() {
    let given = (format!("LDAP-{SYSTEM_ID}"), "Administrator@Corp.Example");
    let (id, name, changes, warnings) = outcome("ping-federate", &given.0, given.1);
    assert_eq!((id.as_str(), name.as_str()), (SYSTEM_ID, "corp.example"));
    assert_eq!((changes, warnings), (vec!["ldap-prefix", "user", "lower-case"], vec![]));
    let (_, name, ..) = outcome("ping-federate", SYSTEM_ID, "cn=administrator,cn=Users, DC=corp, dc=example");
    assert_eq!(name, "corp.example");
    let (.., warnings) = outcome("ping-federate", "my-data-store", "corp");
    assert_eq!(warnings, ["shape", "shape"]);
}

#[test]
fn a_change_is_told_in_words_from_what_to_what_and_why() {
    let checked = check("ping-federate", &format!("LDAP-{SYSTEM_ID}"), "corp.example");
    assert_eq!(
        checked.changes[0].text,
        format!(
            "Directory ID changed from \"LDAP-{SYSTEM_ID}\" to \"{SYSTEM_ID}\": the LDAP- in front of a PingFederate System ID \
             does not belong to it."
        )
    );
}

#[test]
fn oktas_crossed_pair_is_exchanged_and_both_changes_are_told() {
    let checked = check("okta", "https://acme.okta.com/", "Acme Corp");
    assert_eq!((checked.directory_id.as_str(), checked.directory_name.as_str()), ("Acme-Corp", "acme.okta.com"));
    let exchanged: Vec<_> = checked.changes.iter().filter(|change| change.rule == "exchange").collect();
    assert_eq!(exchanged.len(), 2);
    assert!(exchanged[0].text.contains("wrong way round"), "{}", exchanged[0].text);
    assert!(checked.acceptable && checked.warnings.is_empty(), "{checked:?}");
    let again = check("okta", "Acme-Corp", "acme.okta.com");
    assert!(again.changes.is_empty());
}

#[test]
fn entras_and_pings_pairs_are_exchanged_only_when_both_are_plainly_the_other() {
    let (id, name, ..) = outcome("entra-id", "contoso.example", &format!("{{{GUID}}}"));
    assert_eq!((id.as_str(), name.as_str()), (GUID, "contoso.example"));
    let (id, name, ..) = outcome("ping-federate", "Administrator@corp.example", &format!("LDAP-{SYSTEM_ID}"));
    assert_eq!((id.as_str(), name.as_str()), (SYSTEM_ID, "corp.example"));
    let (id, name, ..) = outcome("pingone", "corp.example", GUID);
    assert_eq!((id.as_str(), name.as_str()), (GUID, "corp.example"));
    let (id, name, ..) = outcome("sase-5g", "corp.example", "sase-5g-1");
    assert_eq!((id.as_str(), name.as_str()), ("sase-5g-1", "corp.example"));
    for (client, id, name) in [
        ("pingone", "my-id", "my-environment"),
        ("sase-5g", "one.example", "two.example"),
        ("entra-id", "contoso.example", "other.example"),
        ("okta", "acme.okta.com", "acme.okta.com"),
        ("other", "corp.example", "corp"),
    ] {
        assert!(check(client, id, name).changes.iter().all(|change| change.rule != "exchange"), "{client}");
    }
}

#[test]
fn a_domain_loses_scheme_path_port_capitals_blanks_and_final_dot() {
    for typed in [
        "contoso.example",
        " contoso.example\u{200b}\n",
        "https://contoso.example",
        "HTTPS://Contoso.Example:443/path/?query#fragment",
        "contoso.example/",
        "contoso.example.",
        "\"CONTOSO.EXAMPLE\"",
        "ldaps://contoso.example:636",
        "https://contoso.example/?next=https://elsewhere.example",
        "admin@contoso.example",
    ] {
        for client in ["entra-id", "okta", "ping-federate", "sase-5g", "other"] {
            assert_eq!(check(client, "x", typed).directory_name, "contoso.example", "{client}: {typed:?}");
        }
    }
}

#[test]
fn a_guid_gets_its_hyphens_and_loses_its_braces_and_anything_else_is_warned_of() {
    for typed in [&format!("{{{GUID}}}"), &GUID.replace('-', ""), &format!(" {GUID} "), &format!("\"{GUID}\"")] {
        assert_eq!(check("entra-id", typed, "contoso.example").directory_id, GUID, "{typed}");
    }
    let checked = check("entra-id", "my-tenant", "contoso.example");
    assert!(checked.acceptable && checked.directory_id == "my-tenant");
    assert!(checked.warnings[0].text.contains("Tenant ID"), "{:?}", checked.warnings);
}

#[test]
fn what_cannot_be_a_name_is_said_with_the_characters_that_are_too_much() {
    let checked = check("entra-id", "a_b c", "münchen.example");
    assert!(!checked.acceptable);
    let said: Vec<&str> = checked.warnings.iter().map(|warning| warning.text.as_str()).collect();
    assert!(said.iter().any(|text| text.contains("\"_\", a blank")), "{said:?}");
    assert!(said.iter().any(|text| text.contains("\"ü\"") && text.contains("xn--")), "{said:?}");
    let checked = check("sase-5g", "", &"n".repeat(51));
    let rules: Vec<&str> = checked.warnings.iter().map(|warning| warning.rule).collect();
    assert_eq!((checked.acceptable, &rules[..2]), (false, &["length", "length"][..]));
    assert!(profile("other").unwrap().check("x", &"n".repeat(51), 253).acceptable, "as long as is configured");
}

#[test]
fn a_value_that_may_be_chosen_has_hyphens_where_something_may_not_stand() {
    let (id, name, changes, _) = outcome("other", " My IdP_1. ", "My Company & Sons");
    assert_eq!((id.as_str(), name.as_str()), ("My-IdP-1", "my-company-sons"));
    assert_eq!(changes, ["blanks", "hyphens", "lower-case", "gaps"]);
    assert_eq!(check("entra-id", "My Tenant", "contoso.example").directory_id, "My Tenant", "an ID that must be right");
}

#[test]
fn what_is_allowed_and_mostly_a_mistake_is_warned_of() {
    let (.., warnings) = outcome("okta", "Acme", "acme-admin.okta.com");
    assert_eq!(warnings, ["okta-admin-domain"]);
    let (.., warnings) = outcome("okta", "Acme", "acme_1.okta.com");
    assert_eq!(warnings, ["underscore"]);
    let (.., warnings) = outcome("sase-5g", "one", "Corp.Example");
    assert_eq!(warnings, ["same-text-there"]);
}

#[test]
fn as_given_is_as_given_with_the_same_warnings() {
    let profile = profile("ping-federate").unwrap();
    let given = profile.check_as_given("LDAP-AB", "corp.example", 50);
    assert_eq!((given.directory_id.as_str(), given.acceptable), ("LDAP-AB", true));
    assert!(given.changes.is_empty() && given.warnings[0].rule == "shape");
}

#[test]
fn nothing_that_a_terminal_would_obey_is_repeated() {
    let checked = check("other", "a\u{1b}[2Jb", "x\u{7}y\u{202e}");
    for text in checked.changes.iter().map(|change| &change.text).chain(checked.warnings.iter().map(|w| &w.text)) {
        assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
    }
}

/// Texts that are near to what is typed, and any others.
fn typed() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("LDAP-".to_owned()),
        Just("https://".to_owned()),
        Just("Administrator@".to_owned()),
        Just("dc=".to_owned()),
        Just(",".to_owned()),
        Just(" ".to_owned()),
        Just("\u{200b}".to_owned()),
        Just(".".to_owned()),
        Just("{".to_owned()),
        Just("\"".to_owned()),
        Just("://".to_owned()),
        Just(":".to_owned()),
        Just("-".to_owned()),
        Just(GUID.to_owned()),
        Just(SYSTEM_ID.to_owned()),
        Just("acme.okta.com".to_owned()),
        "[a-zA-Z0-9._@/-]{0,12}",
        "\\PC{0,6}",
        any::<String>(),
    ];
    proptest::collection::vec(part, 0..7).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_text_is_checked_and_what_came_out_is_not_changed_again(id in typed(), name in typed(), longest in 1_usize..300) {
        for profile in profiles() {
            let checked = profile.check(&id, &name, longest);
            let again = profile.check(&checked.directory_id, &checked.directory_name, longest);
            prop_assert!(again.changes.is_empty(), "{}: {:?} and then {:?}", profile.name, checked, again);
            prop_assert_eq!(&checked.directory_id, &again.directory_id);
            prop_assert_eq!(&checked.directory_name, &again.directory_name);
        }
    }

    #[test]
    fn what_came_out_can_be_a_directorys_or_it_is_said_why_not(id in typed(), name in typed(), longest in 1_usize..300) {
        for profile in profiles() {
            let checked = profile.check(&id, &name, longest);
            let refused = checked.warnings.iter().filter(|warning| matches!(warning.rule, "characters" | "length"));
            let id_fits = checked.directory_id.parse::<DirectoryId>().is_ok();
            let name_fits = DirectoryName::parse(&checked.directory_name, longest).is_ok();
            prop_assert_eq!(refused.count(), usize::from(!id_fits) + usize::from(!name_fits));
            prop_assert_eq!(checked.acceptable, id_fits && name_fits);
        }
    }

    #[test]
    fn every_difference_is_told(id in typed(), name in typed()) {
        for profile in profiles() {
            let checked = profile.check(&id, &name, 50);
            for (field, typed, made) in [
                (FieldName::DirectoryId, &id, &checked.directory_id),
                (FieldName::DirectoryName, &name, &checked.directory_name),
            ] {
                let mut told = typed.as_str();
                for change in checked.changes.iter().filter(|change| change.field == field) {
                    prop_assert_eq!(told, change.from.as_str());
                    prop_assert!(change.text.contains(field.label()));
                    told = &change.to;
                }
                prop_assert_eq!(told, made.as_str());
            }
        }
    }
}
