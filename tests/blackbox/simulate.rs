//! `rollcall simulate` against the real server: what each client sends arrives.

use serde_json::json;

use crate::{directory::Directory, server::Server};

fn simulate(directory: &Directory, client: &str) -> serde_json::Value {
    let place = Server::shared();
    let target = ["--base-url", &directory.base_url, "--token", &directory.token, "--users", "30", "--groups", "4"];
    place.json(&[&["simulate", client], target.as_slice()].concat())
}

#[test]
fn every_client_finds_what_it_sent() {
    for client in ["entra-id", "ping-federate", "okta", "cyberark", "pingone", "sase-5g", "other"] {
        let directory = Server::shared().directory_of("simulate", client);
        let report = simulate(&directory, client);
        assert_eq!(report["differences"], json!([]), "{client}: {report}");
        let shown = Server::shared().json(&["directory", "show", "--tenant", "simulate", "--directory", &directory.id]);
        assert_eq!((&shown["users"], &shown["groups"]), (&json!(30), &json!(4)), "{client}");
    }
}

#[test]
fn a_second_run_takes_over_what_the_first_one_made() {
    for client in ["entra-id", "okta", "ping-federate"] {
        let directory = Server::shared().directory_of("simulate", client);
        simulate(&directory, client);
        assert_eq!(simulate(&directory, client)["differences"], json!([]), "{client}");
        let shown = Server::shared().json(&["directory", "show", "--tenant", "simulate", "--directory", &directory.id]);
        assert_eq!((&shown["users"], &shown["groups"]), (&json!(30), &json!(4)), "{client}");
    }
}

#[test]
fn a_wrong_token_and_a_wrong_address_are_told() {
    let place = Server::shared();
    let directory = place.directory_of("simulate", "okta");
    let wrong = ["simulate", "okta", "--base-url", &directory.base_url, "--token", "rct_wrong"];
    let text = place.refusal(&wrong);
    assert!(text.contains("token"), "{text}");
    let nobody = format!("http://{}/scim/v2", crate::server::free_address());
    let text = place.refusal(&["simulate", "okta", "--base-url", &nobody, "--token", &directory.token]);
    assert!(text.contains(&nobody) && !text.contains(&directory.token), "{text}");
}
