//! Clients and their guides at the command line.

use serde_json::{Value, json};

use crate::server::Place;

fn text(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn with_tenant() -> Place {
    let place = Place::new();
    place.json(&["tenant", "create", "--slug", "acme", "--name", "Acme"]);
    place
}

fn create(place: &Place, client: &str, id: &str, name: &str, more: &[&str]) -> Value {
    let keys = ["--client", client, "--directory-id", id, "--directory-name", name];
    place.json(&[&["directory", "create", "--tenant", "acme"], keys.as_slice(), more].concat())
}

#[test]
fn clients_are_listed_and_shown_without_an_installation() {
    let place = Place::new();
    let listed = place.json(&["client", "list"]);
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|one| one["client"].as_str().unwrap()).collect();
    assert_eq!(names[..3], ["entra-id", "entra-id-own-app", "ping-federate"]);
    assert!(names.len() == 15 && names.contains(&"authentik"));
    let shown = place.json(&["client", "show", "entra-id"]);
    assert_eq!(shown["fields"]["directory_id"]["label"], "Tenant ID");
    assert_eq!(shown["traffic"]["cadence_minutes"], 40);
    assert!(text(&place, &["client", "show", "okta"]).contains("rollcall guide okta"));
    assert!(!place.data().join("rollcall.db").exists(), "nothing was made");
    let refused = String::from_utf8(place.run(&["client", "show", "azure"]).stderr).unwrap();
    assert!(refused.contains("entra-id-own-app"), "{refused}");
}

#[test]
fn what_is_typed_is_checked_before_anything_is_made() {
    let place = Place::new();
    let typed = ["--directory-id", "LDAP-5E1D8B0C7A9F4E2D", "--directory-name", "Administrator@Corp.Example"];
    let checked = place.json(&[&["client", "check", "ping-federate"], typed.as_slice()].concat());
    assert_eq!(checked["directory_id"], "5E1D8B0C7A9F4E2D");
    assert_eq!((&checked["directory_name"], &checked["acceptable"]), (&json!("corp.example"), &json!(true)));
    let told = text(&place, &[&["client", "check", "ping-federate"], typed.as_slice()].concat());
    assert!(told.contains("Put right: Directory ID changed from \"LDAP-5E1D8B0C7A9F4E2D\""), "{told}");
    let right = ["--directory-id", "my-idp", "--directory-name", "corp.example"];
    assert!(text(&place, &[&["client", "check", "other"], right.as_slice()].concat()).contains("nothing looks wrong"));
    let wrong = ["client", "check", "other", "--directory-id", "x", "--directory-name", "ä"];
    assert!(place.refusal(&wrong).contains("no directory can have"));
}

#[test]
fn a_directory_is_made_of_what_was_meant_and_every_change_is_told() {
    let place = with_tenant();
    let made = create(&place, "okta-custom-app", "https://acme.okta.com", "Acme Corp", &[]);
    assert_eq!((&made["directory_id"], &made["directory_name"]), (&json!("Acme-Corp"), &json!("acme.okta.com")));
    assert_eq!(made["client"], "okta", "the kind of the profile");
    assert!(made["base_url"].as_str().unwrap().ends_with("/scim/acme/Acme-Corp/v2"));
    assert!(made["changes"].as_array().unwrap().len() >= 4, "{made}");
    let preset = create(&place, "authentik", "one", "two", &[]);
    assert_eq!((&preset["client"], &preset["changes"], &preset["warnings"]), (&json!("other"), &json!([]), &json!([])));

    let keys = ["--client", "other", "--directory-id", "Three", "--directory-name", "Three.Example"];
    let told = text(&place, &[&["directory", "create", "--tenant", "acme"], keys.as_slice()].concat());
    assert!(
        told.starts_with("Put right: Directory Name changed from \"Three.Example\" to \"three.example\""),
        "{told}"
    );
    assert!(told.contains("base_url"), "{told}");
}

#[test]
fn a_base_url_that_okta_refuses_is_told_when_the_directory_is_made() {
    let place = with_tenant();
    let notices = |client: &str, id: &str, public_url: &str| {
        let name = format!("{}.okta.com", id.to_lowercase());
        let keys = ["--client", client, "--directory-id", id, "--directory-name", &name, "--output", "json"];
        let mut command = place.command(&[&["directory", "create", "--tenant", "acme"], keys.as_slice()].concat());
        let output = command.env("ROLLCALL_PUBLIC_URL", public_url).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["notices"].clone()
    };
    let told = notices("okta", "One", "https://my_scim.example");
    assert!(told[0].as_str().unwrap().contains("public_url"), "{told}");
    assert_eq!(notices("other", "Two", "https://my_scim.example"), json!([]));
    assert_eq!(notices("okta", "Three", "https://scim.example"), json!([]));
}

#[test]
fn as_given_puts_nothing_right_and_still_warns() {
    let place = with_tenant();
    let made = create(&place, "ping-federate", "LDAP-AB", "corp.example", &["--as-given"]);
    assert_eq!((&made["directory_id"], &made["changes"]), (&json!("LDAP-AB"), &json!([])));
    assert_eq!(made["warnings"][0]["rule"], "shape");
    let keys = ["--client", "other", "--directory-id", "x", "--directory-name", "Capital", "--as-given"];
    let refused = place.refusal(&[&["directory", "create", "--tenant", "acme"], keys.as_slice()].concat());
    assert!(refused.contains("lower-case letters"), "{refused}");
}

#[test]
fn a_guide_is_filled_with_a_directorys_values_and_holds_no_token() {
    let place = Place::new();
    let directory = place.directory_of("acme", "entra-id");
    let choice = ["--tenant", "acme", "--directory", directory.name.as_str()];
    let page = text(&place, &[&["guide"], choice.as_slice()].concat());
    assert!(page.starts_with("# Setup guide: Microsoft Entra ID (gallery app)"), "{page}");
    assert!(page.contains(&format!("Paste `{}` into **Tenant URL**", directory.base_url)), "{page}");
    assert!(page.contains("ends at 20") && !page.contains("rct_"), "{page}");
    let guide = place.json(&[&["guide", "entra-id-own-app"], choice.as_slice()].concat());
    assert_eq!(guide["client"], "entra-id-own-app");
    assert_eq!(
        guide["pairings"][0]["value"],
        format!("`{}`; with `?aadOptscim062020` behind it if you like", directory.base_url)
    );

    place.json(&["token", "revoke", "--token-id", &directory.token_id]);
    assert!(text(&place, &[&["guide"], choice.as_slice()].concat()).contains("no good one at the moment"));
}

#[test]
fn a_guide_speaks_of_the_tokens_that_a_provisioning_client_can_use() {
    let place = Place::new();
    let directory = place.directory_of("acme", "other");
    let choice = ["--tenant", "acme", "--directory", directory.name.as_str()];
    let page = || text(&place, &[&["guide"], choice.as_slice()].concat());
    let made = |command: [&str; 2], more: &[&str]| place.json(&[command.as_slice(), choice.as_slice(), more].concat());

    made(["token", "issue"], &["--read-only", "--expires-in-days", "30"]);
    assert!(page().contains("| Bearer token | ends at 20"), "who only reads is not the client: {}", page());
    let second = made(["token", "issue"], &["--expires-in-days", "30"]);
    let first_end = second["expires_at"].as_str().unwrap();
    let several = page();
    assert!(several.contains("there are 2 that may change users"), "{several}");
    assert!(several.contains(&format!("the first of them ends at {first_end}")), "{several}");

    for id in [directory.token_id.as_str(), second["token_id"].as_str().unwrap()] {
        place.json(&["token", "revoke", "--token-id", id]);
    }
    made(["oauth-client", "create"], &["--scopes", "users:read"]);
    assert!(page().contains("no good one at the moment"), "{}", page());
    let client = made(["oauth-client", "create"], &[]);
    let page = page();
    assert!(page.contains("one OAuth client is live"), "{page}");
    assert!(page.contains(client["token_endpoint"].as_str().unwrap()), "{page}");
    assert!(!page.contains(client["client_secret"].as_str().unwrap()), "{page}");
}

#[test]
fn a_guide_without_a_directory_needs_no_installation() {
    let place = Place::new();
    let page = text(&place, &["guide", "okta"]);
    assert!(page.contains("/scim/TENANT/DIRECTORY-ID/v2") && !page.contains("{{"), "{page}");
    assert!(!place.data().join("rollcall.db").exists(), "nothing was made");
    assert!(!place.run(&["guide"]).status.success());
    let told = String::from_utf8(place.run(&["guide", "--tenant", "acme"]).stderr).unwrap();
    assert!(told.contains("--directory") && !told.contains("  <CLIENT>") && !told.contains("  [CLIENT]\n"), "{told}");
    assert!(!place.run(&["guide", "okta", "--tenant", "acme"]).status.success(), "a directory as well");
}
