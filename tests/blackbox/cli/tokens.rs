//! A token's life at the command line: what scripts read, what people read, and what a running server makes of it.

use serde_json::{Value, json};

use crate::{
    cli::changes::becomes,
    directory::Directory,
    server::{Place, Server, eventually},
    shape::Shape,
};

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// What people are shown.
fn text(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_tenants_policy_is_shown_changed_and_kept_to() {
    let place = Place::new();
    let directory = place.directory_of("acme", "okta");
    let usual = place.json(&["tenant", "policy", "--tenant", "acme"]);
    assert_eq!(
        usual,
        json!({
            "tenant": "acme", "token_days": 365, "longest_token_days": 730, "rotation_overlap": "1day",
            "rotation_overlap_seconds": 86_400, "rotation_deadline": "30days", "rotation_deadline_seconds": 2_592_000
        })
    );
    let change =
        ["--token-days", "30", "--longest-token-days", "90", "--rotation-overlap", "12h", "--rotation-deadline", "7d"];
    let changed = text(&place, &[&["tenant", "policy", "--tenant", "acme"], change.as_slice()].concat());
    assert!(changed.contains("stay as they are"), "{changed}");
    let changed = place.json(&["tenant", "policy", "--tenant", "acme"]);
    assert_eq!((&changed["token_days"], &changed["rotation_overlap_seconds"]), (&json!(30), &json!(43_200)));
    let choice = ["--tenant", "acme", "--directory", directory.id.as_str()];
    let issued = place.json(&[&["token", "issue"], choice.as_slice()].concat());
    let shown = place.json(&["token", "show", "--token-id", issued["token_id"].as_str().unwrap()]);
    assert_eq!(
        (&shown["expires_in_days"], &shown["expiry_warning"]),
        (&json!(29), &json!(null)),
        "all of 30 but a blink"
    );
    let refused = place.refusal(&[&["token", "issue", "--expires-in-days", "91"], choice.as_slice()].concat());
    assert!(refused.contains("policy") && refused.contains("90"), "{refused}");
    let wrong = place.refusal(&["tenant", "policy", "--tenant", "acme", "--rotation-overlap", "8d"]);
    assert!(wrong.contains("deadline"), "{wrong}");
    assert!(place.refusal(&["tenant", "policy", "--tenant", "nobody"]).contains("tenant list"));
}

#[tokio::test]
async fn a_token_is_rotated_kept_and_looked_at_while_a_server_runs() {
    let server = Server::start();
    let (place, old) = (server.place(), server.directory());
    assert_eq!(old.get("/Users").await.status, 200);
    let rotated = place.json(&["token", "rotate", "--token-id", &old.token_id, "--label", "next"]);
    let expected = [
        "token",
        "token_id",
        "base_url",
        "expires_at",
        "replaces",
        "also_replaces",
        "old_retires_at_the_latest",
        "old_retires_after_first_use_seconds",
    ];
    assert_eq!((names(&rotated), &rotated["replaces"]), (expected.to_vec(), &json!(old.token_id)));
    let new = Directory::new("acme", &old.id, &old.name, &rotated);
    assert_eq!((old.get("/Users").await.status, new.get("/Users").await.status), (200, 200));
    let again = place.refusal(&["token", "rotate", "--token-id", &old.token_id]);
    assert!(again.contains(&new.token_id) && again.contains("token keep"), "{again}");

    let show = || place.json(&["token", "show", "--token-id", &old.token_id]);
    assert_eq!(show()["state"], "retiring");
    let begun =
        eventually("the first use", || Some(show()).filter(|shown| !shown["replacement_in_use_since"].is_null()));
    assert_eq!((&begun["replaced_by"], &begun["expires_in_days"]), (&json!(new.token_id), &json!(0)));
    assert_eq!(begun["last_used_from"], "127.0.0.1");
    let listed = text(place, &["token", "list", "--tenant", "acme"]);
    assert!(listed.contains("retiring") && listed.contains("next") && !listed.contains(&new.token), "{listed}");

    eventually("the line in the log", || place.log().contains("token.retirement_begun").then_some(()));

    let kept = place.json(&["token", "keep", "--token-id", &old.token_id]);
    assert_eq!((&kept["kept"], &kept["beside"]), (&json!(true), &json!(new.token_id)));
    assert!(place.refusal(&["token", "keep", "--token-id", &old.token_id]).contains("nothing to undo"));
    assert_eq!((&show()["state"], &show()["replaced_by"]), (&json!("live"), &json!(null)));
    assert_eq!((old.get("/Users").await.status, new.get("/Users").await.status), (200, 200));

    let audit = place.json(&["audit", "list", "--tenant", "acme", "--since", "1h", "--directory", &old.id]);
    let actions: Vec<&str> = audit.as_array().unwrap().iter().map(|line| line["action"].as_str().unwrap()).collect();
    let expected =
        ["directory.created", "token.issued", "token.issued", "token.rotated", "token.retirement_begun", "token.kept"];
    assert_eq!(actions, expected);
    assert_eq!(names(&audit[0]), ["id", "at", "action", "actor", "directory_id", "subject", "detail", "seq"]);
    let page =
        place.json(&["audit", "list", "--tenant", "acme", "--after", audit[1]["id"].as_str().unwrap(), "--limit", "2"]);
    assert_eq!(page.as_array().unwrap()[..], audit.as_array().unwrap()[2..4]);
    let lines = text(place, &["audit", "list", "--tenant", "acme", "--limit", "3"]);
    assert!(lines.contains("token.kept") && lines.contains("--before"), "{lines}");
}

#[test]
fn a_server_that_works_in_the_background_counts_what_ends_soon() {
    let server = Server::start();
    if Shape::tested() == Shape::Split {
        // There it is the worker that does.
        return;
    }
    let place = server.place();
    let metrics = |line: &str| {
        let metrics = crate::server::health(place.address, "/metrics").unwrap_or_default();
        metrics.lines().any(|found| found == line).then_some(())
    };
    eventually("the warnings", || metrics("rollcall_credential_expiry_warnings_total{days=\"90\"} 0"));
    eventually("what ends soon", || metrics("rollcall_credentials_expiring{days=\"1\"} 0"));
}

#[tokio::test]
async fn a_leaked_token_is_revoked_and_what_it_did_is_told() {
    let server = Server::start();
    let (place, directory) = (server.place(), server.directory());
    for name in ["a@example.com", "b@example.com"] {
        assert_eq!(directory.post("/Users", json!({ "userName": name })).await.status, 201);
    }
    assert_eq!(directory.get("/Users").await.status, 200);
    let activity = ["token", "activity", "--token-id", directory.token_id.as_str(), "--since", "1h"];
    let seen = eventually("its use", || {
        Some(place.json(&activity)).filter(|seen| seen["requests"]["reads"].as_u64() > Some(0))
    });
    assert_eq!(names(&seen), ["token", "since", "changes", "requests", "refused", "refused_are_cut"]);
    let hour = seen["requests"]["since"].as_str().unwrap();
    assert!(hour.ends_with(":00:00.000000Z") && hour <= seen["since"].as_str().unwrap(), "whole hours: {hour}");
    assert_eq!((&seen["changes"]["total"], &seen["requests"]["writes"]), (&json!(2), &json!(2)));

    let ranges = ["token", "networks", "--token-id", directory.token_id.as_str(), "--set", "192.0.2.0/24"];
    assert_eq!(place.json(&ranges)["networks"], "192.0.2.0/24");
    becomes(&directory, 401).await;
    place.json(&["token", "networks", "--token-id", &directory.token_id, "--clear"]);
    becomes(&directory, 200).await;

    let leaked = place.json(&["token", "revoke", "--token-id", &directory.token_id, "--leaked", "--since", "1h"]);
    let expected = [
        "token_id",
        "revoked",
        "had_been_revoked",
        "kept",
        "live_tokens_left",
        "servers_were_told",
        "refused_everywhere_within_seconds",
        "token",
        "since",
        "changes",
        "requests",
        "refused",
        "refused_are_cut",
        "next",
    ];
    assert_eq!((names(&leaked), &leaked["live_tokens_left"]), (expected.to_vec(), &json!(0)));
    let change = &leaked["changes"]["last"][0];
    assert_eq!(names(change), ["at", "operation", "resource_type", "resource_id", "version", "request_id"]);
    assert_eq!((&change["operation"], &change["resource_type"]), (&json!("create"), &json!("User")));
    assert!(leaked["next"][0].as_str().unwrap().contains("token issue --tenant acme"), "{leaked}");
    becomes(&directory, 401).await;

    let refusals = ["token", "refusals", "--tenant", "acme", "--directory", directory.id.as_str(), "--since", "1h"];
    let reasons = |refused: &Value| -> Vec<String> {
        refused.as_array().unwrap().iter().map(|one| one["reason"].as_str().unwrap().to_owned()).collect()
    };
    let refused = eventually("its refusal", || {
        Some(place.json(&refusals)).filter(|seen| reasons(seen).contains(&"revoked".to_owned()))
    });
    assert!(reasons(&refused).contains(&"outside_networks".to_owned()), "{refused}");
    let revoked = refused.as_array().unwrap().iter().find(|one| one["reason"] == "revoked").unwrap();
    assert!(revoked["explanation"].as_str().unwrap().contains("still uses it"));
    assert_eq!((&revoked["token_id"], &revoked["address"]), (&json!(directory.token_id), &json!("127.0.0.1")));

    let again = text(place, &["token", "revoke", "--token-id", &directory.token_id, "--leaked"]);
    for part in
        ["What it did since", "Changes: 2", "Requests, by whole hours from", "Requests by the hour", "What to do next"]
    {
        assert!(again.contains(part), "{part}: {again}");
    }
    let times: u64 = refused.as_array().unwrap().iter().map(|one| one["times"].as_u64().unwrap()).sum();
    assert!(again.contains(&format!("Refused uses: {times}\n")), "each is counted: {again}");
    let wrong = place.refusal(&["token", "networks", "--token-id", &directory.token_id, "--set", "192.0.2.0/24"]);
    assert!(wrong.contains("revoked"), "{wrong}");
    let wrong = place.run(&["token", "activity", "--token-id", &directory.token_id, "--since", "yesterday"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("how long ago"));
}

#[test]
fn whoever_found_a_token_learns_which_one_it_is_and_is_not_shown_it_again() {
    let place = Place::new();
    let directory = place.directory_of("acme", "okta");
    let beginning = &directory.token[.."rct_".len() + 22];
    for found in [directory.token.as_str(), beginning, directory.token_id.as_str()] {
        assert_eq!(place.json(&["token", "show", "--token-id", found])["token_id"], directory.token_id.as_str());
    }
    let foreign = format!("rct_{}_{}", "0".repeat(22), "S".repeat(50));
    let secret = format!("rcs_{}", "S".repeat(50));
    for (what, found) in [("token", &foreign), ("oauth-client", &secret)] {
        let option = if what == "token" { "--token-id" } else { "--client-id" };
        let told = place.refusal(&[what, "revoke", option, found]);
        assert!(told.contains("there is no") && !told.contains("SSSS"), "{told}");
    }
    place.json(&["token", "revoke", "--token-id", beginning]);
    assert_eq!(place.json(&["token", "show", "--token-id", &directory.token_id])["state"], "revoked");
}

#[test]
fn a_moment_that_makes_no_sense_is_told_before_anything_is_revoked() {
    let place = Place::new();
    let directory = place.directory_of("acme", "okta");
    let revoke = ["token", "revoke", "--token-id", directory.token_id.as_str(), "--leaked", "--since"];
    let told = place.refusal(&[&revoke[..], &["2222-01-01T00:00:00Z"]].concat());
    assert!(told.contains("still to come"), "{told}");
    assert_eq!(place.json(&["token", "show", "--token-id", &directory.token_id])["state"], "live");
    let all = place.json(&[&revoke[..], &["99999999999d"]].concat());
    assert_eq!((&all["revoked"], &all["since"]), (&json!(true), &json!("1970-01-01T00:00:00.000000Z")));
}
