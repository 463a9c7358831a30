//! Every fact that a guide must tell, by where it is from, with the words that tell it: `tests/facts.txt`.

use std::collections::{BTreeMap, BTreeSet};

use rollcall_clients::{TokenState, Values, profiles};

const FACTS: &str = include_str!("../facts.txt");

/// Rows of the list of what other systems have that a guide must carry; the rest are the product's own.
const ROWS: &str = "C03 C04 C05 C06 C07 C08 C09 C10 C11 C12 C13 C14 C15 C16 C17 C18 C19 C20 C30 C33 C34 C35 C36 C37 C38 C46 \
                    C50 C51 C52 C53 C54 C55 C56 C57 C58 C59 C60 C61 C62 C70 C71 C72 C73 C74 C75 C76 C77 C78 C79 C80 C81 C82 \
                    C83 C84 C85 C86 C87 C88 C89 C90 C91 C92 C93 C94 P01 P09 P10 F10 F11 F12 F13 D01 D02 D03 D05";

fn facts() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    FACTS.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).map(|line| {
        let mut parts = line.splitn(3, " | ");
        let mut next = || parts.next().unwrap_or_else(|| panic!("three parts: {line}"));
        (next(), next(), next())
    })
}

#[test]
fn every_fact_is_in_the_guide_that_must_tell_it() {
    let values = Values {
        tenant: "acme".to_owned(),
        directory_id: "Dir-1".to_owned(),
        directory_name: "corp.example".to_owned(),
        base_url: "https://id.example/scim/acme/Dir-1/v2".to_owned(),
        shared_url: "https://id.example/scim/v2".to_owned(),
        token_endpoint: "https://id.example/oauth2/v1/token".to_owned(),
        token: TokenState::Unknown,
    };
    let guides: BTreeMap<&str, String> = profiles()
        .iter()
        .map(|profile| (profile.name.as_str(), profile.guide_for(&values).to_markdown().replace("\\|", "|")))
        .collect();
    let mut missing = Vec::new();
    for (row, client, words) in facts() {
        let told = guides.iter().filter(|(name, _)| client == "*" || client == **name);
        let mut tellers = 0;
        for (name, text) in told {
            tellers += 1;
            if !text.contains(words) {
                missing.push(format!("{row}: {name} does not say: {words}"));
            }
        }
        assert!(tellers > 0, "{row}: there is no client {client}");
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_row_that_concerns_guides_is_told_somewhere() {
    let told: BTreeSet<&str> = facts().map(|(row, ..)| row).collect();
    let missing: Vec<&str> = ROWS.split_whitespace().filter(|row| !told.contains(row)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_comes_from_general_knowledge_is_said_to_be_so() {
    for (name, count) in [("pingone", 3), ("cyberark", 1), ("rippling", 1), ("authentik", 1)] {
        let profile = profiles().iter().find(|profile| profile.name == name).unwrap();
        let text = profile.guide().to_markdown();
        let said = text.matches("may be labelled").count();
        assert!(said >= count, "{name}: {said}");
    }
}
