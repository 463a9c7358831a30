//! Guides: whole, filled, and readable.

use rollcall_clients::{Guide, Profile, TokenState, Values, profile, profiles};
use serde_json::Value;

fn values() -> Values {
    Values {
        tenant: "acme".to_owned(),
        directory_id: "Dir-1".to_owned(),
        directory_name: "corp.example".to_owned(),
        base_url: "https://id.example/scim/acme/Dir-1/v2".to_owned(),
        shared_url: "https://id.example/scim/v2".to_owned(),
        token_endpoint: "https://id.example/oauth2/v1/token".to_owned(),
        token: TokenState::Ends("2027-11-22T09:00:00.000000Z".to_owned()),
    }
}

fn guides() -> impl Iterator<Item = (&'static Profile, Guide)> {
    profiles().iter().map(|profile| (profile, profile.guide_for(&values())))
}

#[test]
fn no_filled_guide_has_a_placeholder_left() {
    for (profile, guide) in guides() {
        assert_eq!(guide.placeholders(), Vec::<String>::new(), "{}", profile.name);
        let (markdown, json) = (guide.to_markdown(), serde_json::to_string(&guide).unwrap());
        for text in [&markdown, &json] {
            assert!(!text.contains("{{") && !text.contains("}}\""), "{}", profile.name);
        }
        assert!(profile.guide().placeholders().iter().any(|name| name == "base_url"), "{}", profile.name);
        let examples = profile.guide_for(&Values::examples("https://id.example"));
        assert_eq!(examples.placeholders(), Vec::<String>::new(), "{}", profile.name);
    }
}

#[test]
fn every_guide_has_the_directorys_own_values_in_it() {
    for (profile, guide) in guides() {
        let text = guide.to_markdown();
        for value in ["`https://id.example/scim/acme/Dir-1/v2`", "Dir-1", "corp.example", "acme", "2027-11-22T09:00"] {
            assert!(text.contains(value), "{}: {value}", profile.name);
        }
        assert!(text.contains("`rollcall token issue --tenant acme --directory Dir-1`"), "{}", profile.name);
    }
}

#[test]
fn every_guide_has_every_part() {
    for (profile, guide) in guides() {
        let name = &profile.name;
        assert!(guide.sections.len() >= 3 && guide.sections.iter().all(|section| !section.steps.is_empty()), "{name}");
        assert!(guide.pairings.iter().any(|pairing| pairing.ours.as_deref() == Some("Bearer token")), "{name}");
        assert!(guide.pairings.iter().any(|pairing| pairing.ours.as_deref() == Some("Base URL")), "{name}");
        assert!(!guide.mapping.advice.is_empty() && !guide.mapping.users.is_empty(), "{name}");
        assert!(!guide.mapping.groups.is_empty(), "{name}");
        assert!(guide.checklist.len() >= 8 && guide.troubleshooting.len() >= 10, "{name}");
        let trials: Vec<&str> = guide.trials.iter().map(|trial| trial.title.split(' ').next().unwrap()).collect();
        assert_eq!(trials, ["Create", "Update", "Disable", "Group", "Delete"], "{name}");
        assert!(!guide.supports.is_empty() && !guide.limits.is_empty() && guide.glossary.len() >= 8, "{name}");
        for symptom in ["401", "404", "403", "503", "409", "does not arrive"] {
            let found = guide.troubleshooting.iter().any(|one| one.symptom.contains(symptom));
            assert!(found || name == "cyberark" && symptom == "does not arrive", "{name}: {symptom}");
        }
    }
}

#[test]
fn what_exists_for_single_sign_on_is_decided_first() {
    for name in ["entra-id", "entra-id-own-app", "okta", "okta-custom-app", "onelogin", "jumpcloud", "rippling"] {
        let guide = profile(name).unwrap().guide_for(&values());
        assert!(
            guide.decisions.iter().any(|decision| decision.question.contains("single sign-on")
                || decision.question.contains("application that is there")),
            "{name}"
        );
        let text = guide.to_markdown();
        assert!(text.find("## Decide first").unwrap() < text.find("## 1. ").unwrap(), "{name}");
    }
}

#[test]
fn every_part_that_a_file_writes_is_told_in_some_guide() {
    let told: String = guides().map(|(_, guide)| guide.to_markdown()).collect();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/profiles")).unwrap() {
        let path = file.unwrap().path();
        let table: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let Some(guide) = table.get("guide") else { continue };
        for (part, of) in [("sections", "title"), ("troubleshooting", "symptom"), ("glossary", "term")] {
            for (name, value) in guide.get(part).and_then(toml::Value::as_table).into_iter().flatten() {
                let text = value.get(of).and_then(toml::Value::as_str).unwrap();
                assert!(told.contains(text), "{}: {part}.{name} is told nowhere", path.display());
            }
        }
    }
}

#[test]
fn a_page_is_well_formed_markdown() {
    for (profile, guide) in guides() {
        let text = guide.to_markdown();
        assert!(
            text.starts_with("# Setup guide: ") && text.ends_with("|\n") && !text.contains("\n\n\n"),
            "{}",
            profile.name
        );
        let mut columns = 0;
        for line in text.lines() {
            let cells = line.replace("\\|", "").matches('|').count();
            if line.starts_with('|') {
                assert!(columns == 0 || columns == cells, "{}: {line}", profile.name);
                columns = cells;
            } else {
                columns = 0;
            }
            assert_eq!(line.matches('`').count() % 2, 0, "{}: {line}", profile.name);
            assert_eq!(line.matches("**").count() % 2, 0, "{}: {line}", profile.name);
        }
    }
}

#[test]
fn values_that_look_like_placeholders_are_shown_as_they_are() {
    let mut values = values();
    values.directory_name = "{{base_url}}".to_owned();
    let guide = profile("sase-5g").unwrap().guide_for(&values);
    assert!(guide.pairings.iter().any(|pairing| pairing.value.contains("`{{base_url}}`")));
}

#[test]
fn an_underscore_in_an_okta_base_url_is_told_with_the_way_out() {
    for name in ["okta", "okta-custom-app"] {
        let profile = profile(name).unwrap();
        assert_eq!(profile.guide_for(&values()).notices, Vec::<String>::new());
        let by_name = Values { base_url: "https://id.example/scim/acme/corp_x/v2".to_owned(), ..values() };
        let notice = profile.guide_for(&by_name).notices.remove(0);
        assert!(notice.contains("Directory ID") && notice.contains("`https://id.example/scim/v2`"), "{notice}");
        let by_address = Values {
            base_url: "https://my_id.example/scim/acme/Dir-1/v2".to_owned(),
            shared_url: "https://my_id.example/scim/v2".to_owned(),
            ..values()
        };
        let notice = profile.guide_for(&by_address).notices.remove(0);
        assert!(notice.contains("public_url"), "{notice}");
        let long = Values { base_url: format!("https://id.example/{}", "a".repeat(1_024)), ..values() };
        assert!(profile.guide_for(&long).notices[0].contains("1024"));
    }
    let entra = profile("entra-id").unwrap();
    let values = Values { base_url: "https://my_id.example/scim/acme/Dir-1/v2".to_owned(), ..values() };
    assert!(entra.guide_for(&values).notices.is_empty(), "only Okta refuses it");
}

#[test]
fn what_is_said_of_the_token_depends_on_what_is_known_of_it() {
    let of = |token| {
        let guide = profile("other").unwrap().guide_for(&Values { token, ..values() });
        guide.values.into_iter().find(|value| value.name == "Bearer token").unwrap().value
    };
    assert!(of(TokenState::None).contains("no good one"));
    assert!(of(TokenState::Unknown).contains("shown once"));
    assert!(of(TokenState::Ends("2027-01-01".to_owned())).contains("ends at 2027-01-01"));
    let several = of(TokenState::Several { count: 3, first_end: "2027-01-01".to_owned() });
    assert!(several.contains("there are 3 ") && several.contains("first of them ends at 2027-01-01"), "{several}");
    let one = of(TokenState::Clients(1));
    assert!(one.contains("one OAuth client is live") && one.contains("`https://id.example/oauth2/v1/token`"), "{one}");
    assert!(of(TokenState::Clients(2)).contains("2 OAuth clients are live"));
}

#[test]
fn who_can_use_client_credentials_is_told_where_each_value_goes() {
    for (name, fields) in [
        ("entra-id", ["**Token endpoint**", "**Client identifier**", "**Client secret**"]),
        ("entra-id-own-app", ["**Token endpoint**", "**Client identifier**", "**Client secret**"]),
        ("cyberark", ["**Token URL**", "**Client ID**", "**Client secret**"]),
        ("other", ["token endpoint", "`client_id`", "`client_secret`"]),
    ] {
        let guide = profile(name).unwrap().guide_for(&values());
        let steps: Vec<&str> =
            guide.sections.iter().flat_map(|section| &section.steps).map(|step| step.action.as_str()).collect();
        let create = "`rollcall oauth-client create --tenant acme --directory Dir-1 ";
        assert!(steps.iter().any(|step| step.contains(create)), "{name}");
        let entered = steps.iter().find(|step| step.starts_with("With an OAuth client instead")).unwrap();
        for words in fields.into_iter().chain(["`https://id.example/oauth2/v1/token`"]) {
            assert!(entered.contains(words), "{name}: {words}");
        }
        assert!(guide.pairings.iter().any(|one| one.value.contains("`https://id.example/oauth2/v1/token`")), "{name}");
    }
    for name in ["okta", "onelogin", "jumpcloud", "google-workspace"] {
        let text = profile(name).unwrap().guide_for(&values()).to_markdown();
        assert!(!text.contains("oauth-client"), "{name} has no such choice");
    }
}

#[test]
fn a_full_sync_is_named_as_the_command_it_is_and_promises_no_more_than_it_does() {
    for (profile, guide) in guides() {
        let text = guide.to_markdown();
        let name = &profile.name;
        assert!(text.contains("`rollcall directory full-sync --tenant acme --directory Dir-1`"), "{name}");
        assert!(text.contains("cannot know what the client no longer has"), "{name}");
        assert!(!text.contains("reported, not deleted") && !text.contains("shows what was not sent again"), "{name}");
    }
}

#[test]
fn okta_is_told_which_custom_attributes_are_kept() {
    for name in ["okta", "okta-custom-app"] {
        let advice = profile(name).unwrap().guide_for(&values()).mapping.advice;
        let custom = advice.iter().find(|one| one.starts_with("Custom attributes")).unwrap();
        assert!(custom.contains("left out") && custom.contains("`rollcall directory quirks --tenant acme"), "{custom}");
    }
}

#[test]
fn the_json_of_a_guide_has_stable_names() {
    let guide = serde_json::to_value(profile("entra-id").unwrap().guide_for(&values())).unwrap();
    let names: Vec<&str> = guide.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "client",
        "title",
        "summary",
        "notices",
        "values",
        "decisions",
        "sections",
        "pairings",
        "mapping",
        "checklist",
        "trials",
        "troubleshooting",
        "supports",
        "limits",
        "timing",
        "glossary",
    ];
    assert_eq!(names, expected);
    let step = &guide["sections"][0]["steps"][0];
    assert!(step["go"].is_string() && step["do"].is_string(), "{step}");
    assert_eq!(guide["timing"]["cadence_minutes"], Value::from(40));
    assert_eq!(guide["pairings"][0]["theirs"], "Tenant URL");
}

/// A whole page, so that a change of how guides are written shows. `UPDATE_GOLDEN=1 cargo test` writes it anew.
#[test]
fn a_guide_is_written_as_before() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/okta.md");
    let written = profile("okta").unwrap().guide_for(&values()).to_markdown();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(file, &written).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), written);
}
