//! Admin commands and the JSON that scripts read.

use serde_json::{Value, json};

use crate::server::{Place, readable_by_others};

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_tenant_a_directory_and_a_token_are_made_without_a_server() {
    let place = Place::new();
    let tenant = place.json(&["tenant", "create", "--slug", "acme", "--name", "Acme Ltd"]);
    assert_eq!((&tenant["tenant"], &tenant["name"]), (&json!("acme"), &json!("Acme Ltd")));
    assert_eq!(place.json(&["tenant", "list"])[0]["tenant"], "acme");

    let keys = ["--client", "entra-id", "--directory-id", "8f14e45f-ceea", "--directory-name", "contoso.example"];
    let created = place.json(&[&["directory", "create", "--tenant", "acme"], keys.as_slice()].concat());
    let base_url = format!("http://{}/scim/acme/8f14e45f-ceea/v2", place.address);
    assert_eq!((&created["base_url"], &created["client"]), (&json!(base_url), &json!("entra-id")));
    assert_eq!(place.json(&["directory", "list", "--tenant", "acme"])[0]["directory_id"], "8f14e45f-ceea");
    for key in ["8f14e45f-ceea", "8F14E45F-CEEA", "contoso.example"] {
        assert_eq!(
            place.json(&["directory", "show", "--tenant", "acme", "--directory", key])["base_url"],
            json!(base_url)
        );
    }

    let issued =
        place.json(&["token", "issue", "--tenant", "acme", "--directory", "8f14e45f-ceea", "--expires-in-days", "30"]);
    assert_eq!(names(&issued), ["token", "token_id", "base_url", "expires_at"]);
    let token = issued["token"].as_str().unwrap();
    assert!(token.starts_with("rct_") && token.len() < 100, "{token}");
    let listed = place.json(&["token", "list", "--tenant", "acme", "--directory", "8f14e45f-ceea"]);
    assert_eq!((&listed[0]["token_id"], &listed[0]["state"]), (&issued["token_id"], &json!("live")));
    assert!(!listed.to_string().contains(token), "a token is shown once");
    let id = issued["token_id"].as_str().unwrap();
    place.json(&["token", "revoke", "--tenant", "acme", "--directory", "8f14e45f-ceea", "--token-id", id]);
    let listed = place.json(&["token", "list", "--tenant", "acme", "--directory", "8f14e45f-ceea"]);
    assert_eq!(listed[0]["state"], "revoked");
}

#[test]
fn a_leaked_token_is_revoked_by_its_id_alone_but_never_as_somebody_elses() {
    let place = Place::new();
    let (ours, theirs) = (place.directory_of("acme", "okta"), place.directory_of("other", "okta"));
    assert_eq!(place.json(&["directory", "list"]).as_array().unwrap().len(), 2);
    let listed = place.json(&["token", "list", "--tenant", &ours.tenant]);
    assert_eq!((&listed[0]["token_id"], &listed[0]["directory_id"]), (&json!(ours.token_id), &json!(ours.id)));
    let as_theirs = ["token", "revoke", "--token-id", &ours.token_id, "--tenant", &theirs.tenant];
    assert!(place.refusal(&as_theirs).contains("no token"));
    assert_eq!(place.json(&["token", "list", "--tenant", &ours.tenant])[0]["state"], "live");
    place.json(&["token", "revoke", "--token-id", &ours.token_id]);
    assert_eq!(place.json(&["token", "list", "--tenant", &ours.tenant])[0]["state"], "revoked");
    assert_eq!(place.json(&["token", "list", "--tenant", &theirs.tenant])[0]["state"], "live");
    assert!(place.refusal(&["token", "revoke", "--token-id", "nonsense"]).contains("nonsense"));
}

#[test]
fn an_oauth_client_is_made_listed_shown_and_revoked_without_a_server() {
    let place = Place::new();
    let (ours, theirs) = (place.directory_of("acme", "cyberark"), place.directory_of("other", "okta"));
    let choice = ["--tenant", ours.tenant.as_str(), "--directory", ours.name.as_str()];
    let new =
        ["--label", "CyberArk", "--scopes", "users:read", "--networks", "203.0.113.0/24", "--expires-in-days", "30"];
    let created = place.json(&[&["oauth-client", "create"], choice.as_slice(), &new].concat());
    let fields = ["client_id", "client_secret", "token_endpoint", "base_url", "scopes", "expires_at"];
    assert_eq!(names(&created), fields);
    let text = |field: &str| created[field].as_str().unwrap();
    assert!(text("client_id").starts_with("rcc_") && text("client_secret").starts_with("rcs_"), "{created}");
    assert_eq!(text("token_endpoint"), format!("http://{}/oauth2/v1/token", place.address));
    assert_eq!((text("base_url"), text("scopes")), (ours.base_url.as_str(), "users:read"));

    let listed = place.json(&["oauth-client", "list", "--tenant", "acme"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let of = |field: &str| listed[0][field].clone();
    assert_eq!(
        (of("client_id"), of("state"), of("label")),
        (created["client_id"].clone(), json!("live"), json!("CyberArk"))
    );
    assert_eq!(
        (of("networks"), of("observes_networks"), of("live_tokens")),
        (json!("203.0.113.0/24"), json!(false), json!(0))
    );
    assert_eq!(of("last_token_at"), Value::Null);
    assert!(!listed.to_string().contains(text("client_secret")), "a secret is shown once");
    assert_eq!(place.json(&["token", "list", "--tenant", "acme"]).as_array().unwrap().len(), 1, "tokens are apart");

    let id = text("client_id");
    let as_theirs = ["--tenant", theirs.tenant.as_str(), "--client-id", id];
    assert!(place.refusal(&[&["oauth-client", "revoke"], as_theirs.as_slice()].concat()).contains("no OAuth client"));
    assert!(place.refusal(&["oauth-client", "show", "--client-id", "rcc_nonsense"]).contains("oauth-client list"));
    assert_eq!(place.json(&["oauth-client", "show", "--client-id", id])["base_url"], json!(ours.base_url));
    let networks = ["oauth-client", "networks", "--client-id", id];
    let changed = place.json(&[&networks[..], &["--set", "192.0.2.0/24", "--observe"]].concat());
    assert_eq!((&changed["networks"], &changed["observes_networks"]), (&json!("192.0.2.0/24"), &json!(true)));
    assert_eq!(place.json(&[&networks[..], &["--clear"]].concat())["networks"], Value::Null);
    let lines = place.json(&["audit", "list", "--tenant", "acme"]);
    let last = lines.as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["action"], &last["subject"]),
        (&json!("oauth_client.networks_changed"), &json!(format!("oauth_client:{id}")))
    );
    let revoked = place.json(&[&["oauth-client", "revoke", "--client-id", id], choice.as_slice()].concat());
    assert_eq!((&revoked["revoked"], &revoked["access_tokens_revoked"]), (&json!(true), &json!(0)));
    assert_eq!(place.json(&["oauth-client", "show", "--client-id", id])["state"], "revoked");
    assert!(place.refusal(&[&networks[..], &["--clear"]].concat()).contains("revoked"));
    for days in ["0", "731"] {
        let wrong = [&["oauth-client", "create", "--expires-in-days", days], choice.as_slice()].concat();
        assert!(place.refusal(&wrong).contains("1 to 730 days"));
    }
    let output = place.run(&[&["oauth-client", "create"], choice.as_slice()].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("Copy the client secret now") && text.contains("/oauth2/v1/token"), "{text}");
}

#[test]
fn what_is_kept_is_readable_by_nobody_else_and_holds_no_token() {
    let place = Place::new();
    let directory = place.directory_of("acme", "okta");
    assert!(!readable_by_others(&place.data()));
    for entry in std::fs::read_dir(place.data()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let secret = directory.token.as_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    let keyring = place.data().join("keyring.json");
    // Where KMS wraps the keys, the command that issues a token makes none.
    assert_eq!(keyring.exists(), place.keys.is_empty());
    assert!(!keyring.exists() || !readable_by_others(&keyring));
}

#[test]
fn what_is_not_there_is_told_with_the_command_that_lists_it() {
    let place = Place::new();
    place.json(&["tenant", "create", "--slug", "acme", "--name", "Acme"]);
    assert!(place.refusal(&["directory", "list", "--tenant", "nobody"]).contains("rollcall tenant list"));
    let missing = place.refusal(&["token", "issue", "--tenant", "acme", "--directory", "nothing"]);
    assert!(missing.contains("nothing") && missing.contains("directory list"), "{missing}");
    assert!(place.refusal(&["tenant", "create", "--slug", "acme", "--name", "Again"]).contains("acme"));
}

#[test]
fn a_folder_without_an_installation_is_told_and_not_made_into_one() {
    let place = Place::embedded();
    for arguments in [vec!["tenant", "list"], vec!["directory", "list"], vec!["token", "list", "--tenant", "acme"]] {
        let refusal = place.refusal(&arguments);
        assert!(refusal.contains("--data-dir") && refusal.contains("tenant create"), "{refusal}");
    }
    assert!(!place.data().join("rollcall.db").exists());
}

#[test]
fn a_lifetime_is_a_day_to_two_years() {
    let place = Place::new();
    let directory = place.directory_of("acme", "okta");
    for (days, fine) in [("0", false), ("1", true), ("730", true), ("731", false)] {
        let arguments = ["token", "issue", "--tenant", "acme", "--directory", &directory.id, "--expires-in-days", days];
        assert_eq!(place.run(&arguments).status.success(), fine, "{days} days");
    }
}

#[test]
fn the_configuration_is_shown_with_its_secrets_hidden() {
    let place = Place::embedded();
    let file = place.file("rollcall.toml");
    std::fs::write(&file, "[database]\nurl = \"postgres://rollcall:pa55word@db.example/rollcall\"\n").unwrap();
    let output = place.run(&["config", "check", "--config", file.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("db.example") && !text.contains("pa55word"), "{text}");
    let shown = place.json(&["config", "check"]);
    assert!(shown.get("limits").is_some(), "{shown}");
}

#[test]
fn migrating_twice_is_migrating_once() {
    let place = Place::embedded();
    place.json(&["migrate"]);
    place.json(&["migrate"]);
    assert_eq!(place.json(&["tenant", "list"]), json!([]));
}

#[test]
fn help_and_version_are_there_and_an_unknown_command_is_not() {
    let place = Place::embedded();
    for arguments in [["--help"], ["--version"]] {
        assert!(place.run(&arguments).status.success());
    }
    assert!(!place.run(&["frobnicate"]).status.success());
}

#[test]
fn scripts_read_errors_as_json_also_when_the_arguments_are_not_understood() {
    let place = Place::new();
    place.directory_of("acme", "okta");
    let choice = ["--tenant", "acme", "--directory", "acme-okta"];
    for (wrong, status) in
        [(["--expires-in-days", "731"], 1), (["--expires-in-days", "-1"], 2), (["--scopes", "users:red"], 2)]
    {
        let output = place.run(&[&["token", "issue", "--output", "json"], choice.as_slice(), &wrong].concat());
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(status), true), "{wrong:?}");
        let told: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert!(told["error"].as_str().is_some_and(|text| !text.is_empty()), "{told}");
    }
}
