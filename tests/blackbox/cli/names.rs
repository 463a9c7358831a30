//! Rules for slugs, Directory IDs and Directory Names.

use crate::server::Place;

fn create(place: &Place, id: &str, name: &str) -> bool {
    let keys = ["--client", "other", "--directory-id", id, "--directory-name", name, "--as-given"];
    place.run(&[&["directory", "create", "--tenant", "acme"], keys.as_slice()].concat()).status.success()
}

fn with_tenant() -> Place {
    let place = Place::new();
    place.json(&["tenant", "create", "--slug", "acme", "--name", "Acme"]);
    place
}

#[test]
fn slugs_follow_their_rule() {
    let place = Place::new();
    for (slug, fine) in [
        ("acme", true),
        ("a-1", true),
        ("Acme", false),
        ("a_b", false),
        ("", false),
        ("v2", false),
        (&"a".repeat(41), false),
    ] {
        let output = place.run(&["tenant", "create", "--slug", slug, "--name", "Name"]);
        assert_eq!(output.status.success(), fine, "{slug:?}");
    }
}

#[test]
fn directory_ids_have_1_to_40_letters_digits_and_hyphens() {
    let place = with_tenant();
    let longest = "A".repeat(40);
    for (number, (id, fine)) in [
        ("CyberArkSCIM", true),
        (longest.as_str(), true),
        ("a.b", false),
        ("a_b", false),
        ("", false),
        (&"b".repeat(41), false),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(create(&place, id, &format!("name{number}")), fine, "{id:?}");
    }
}

#[test]
fn directory_names_have_1_to_50_lower_case_letters_digits_dots_hyphens_and_underscores() {
    let place = with_tenant();
    let longest = "n".repeat(50);
    for (number, (name, fine)) in [
        ("contoso.example", true),
        ("a_b-c.d", true),
        (longest.as_str(), true),
        ("Contoso", false),
        ("", false),
        ("a b", false),
        (&"m".repeat(51), false),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(create(&place, &format!("id{number}"), name), fine, "{name:?}");
    }
}

#[test]
fn a_longer_name_can_be_configured() {
    let place = with_tenant();
    let file = place.file("rollcall.toml");
    std::fs::write(&file, "[limits]\ndirectory_name_length = 253\n").unwrap();
    let name = "n".repeat(253);
    let keys =
        ["--client", "other", "--directory-id", "long", "--directory-name", &name, "--config", file.to_str().unwrap()];
    assert!(place.run(&[&["directory", "create", "--tenant", "acme"], keys.as_slice()].concat()).status.success());
}

#[test]
fn ids_and_names_of_a_tenant_share_one_name_space_without_case() {
    let place = with_tenant();
    assert!(create(&place, "One", "first"));
    assert!(!create(&place, "ONE", "second"));
    assert!(!create(&place, "First", "third"));
    assert!(!create(&place, "fourth", "one"));
    place.json(&["tenant", "create", "--slug", "other", "--name", "Other"]);
    let keys = ["--client", "other", "--directory-id", "One", "--directory-name", "first"];
    place.json(&[&["directory", "create", "--tenant", "other"], keys.as_slice()].concat());
}
