//! Starting, stopping, and what stands in the way.

use std::net::TcpListener;

use serde_json::Value;

use crate::{
    directory::send,
    server::{EXECUTABLE, Place, Server, eventually, refusal},
};

#[tokio::test]
async fn ctrl_c_stops_cleanly_and_the_next_start_has_everything() {
    for signal in ["INT", "TERM"] {
        let server = Server::start();
        let directory = server.directory();
        directory.user("kept").await;
        let (place, well) = server.stop(signal);
        assert!(well, "{signal}: {}", place.log());
        let _server = Server::start_at(place);
        assert_eq!(directory.get("/Users").await.ok(200)["totalResults"], 1);
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let place = Place::embedded();
    let _taken = TcpListener::bind(place.address).unwrap();
    let text = place.refusal(&["all", "--listen", &place.address.to_string()]);
    assert!(text.contains(&place.address.port().to_string()) && text.contains("--listen"), "{text}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let place = Place::embedded();
    let file = place.file("a-file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("data");
    let output =
        std::process::Command::new(EXECUTABLE).args(["all", "--data-dir"]).arg(&below).env_clear().output().unwrap();
    let text = refusal(&output);
    assert!(text.contains("a-file") && text.contains("--data-dir"), "{text}");
}

#[test]
fn a_damaged_database_is_named() {
    let place = Place::embedded();
    place.json(&["migrate"]);
    std::fs::write(place.database(), "this was a database once".repeat(1000)).unwrap();
    for arguments in [&["all", "--listen", &place.address.to_string()][..], &["tenant", "list"]] {
        let text = place.refusal(arguments);
        assert!(text.contains("rollcall.db") || text.contains("database"), "{text}");
    }
}

#[test]
fn a_keyring_of_another_installation_or_a_damaged_one_is_named() {
    let place = Place::embedded();
    place.directory_of("acme", "okta");
    std::fs::write(place.data().join("keyring.json"), "{").unwrap();
    let text = place.refusal(&["all", "--listen", &place.address.to_string()]);
    assert!(text.contains("keyring"), "{text}");
}

#[test]
fn a_lost_keyring_is_told_and_a_new_key_is_an_explicit_act() {
    let place = Place::embedded();
    let directory = place.directory_of("acme", "okta");
    let keyring = place.data().join("keyring.json");
    std::fs::rename(&keyring, place.data().join("elsewhere.json")).unwrap();
    let issue = ["token", "issue", "--tenant", &directory.tenant, "--directory", &directory.id];
    for arguments in [&["all", "--listen", &place.address.to_string()][..], &issue] {
        let text = place.refusal(arguments);
        assert!(text.contains("keyring") && text.contains("key rotate"), "{text}");
    }
    assert!(!keyring.exists(), "nothing was made behind the operator's back");
    place.json(&["key", "rotate", "--tenant", &directory.tenant]);
    assert!(place.json(&issue)["token"].as_str().unwrap().starts_with("rct_"));
}

#[test]
fn a_setting_that_does_not_exist_is_named() {
    let place = Place::embedded();
    let file = place.file("rollcall.toml");
    for (content, word) in [
        ("publik_url = \"http://x\"\n", "publik_url"),
        ("[limits]\nfilter_bites = 1\n", "filter_bites"),
        ("[http]\nbody_bytes = \"many\"\n", "body_bytes"),
    ] {
        std::fs::write(&file, content).unwrap();
        for command in ["config", "all"] {
            let arguments: &[&str] = if command == "config" { &["config", "check"] } else { &["all"] };
            let text = place.refusal(&[arguments, &["--config", file.to_str().unwrap()]].concat());
            assert!(text.contains(word), "{text}");
        }
    }
    let output = place.command(&["config", "check"]).env("ROLLCALL_NO__SUCH", "1").output().unwrap();
    assert!(refusal(&output).to_lowercase().contains("no"), "an unknown variable is refused too");
}

#[test]
fn a_configuration_file_that_is_not_there_is_named() {
    let place = Place::embedded();
    assert!(
        place.refusal(&["config", "check", "--config", "/nowhere/rollcall.toml"]).contains("/nowhere/rollcall.toml")
    );
}

#[tokio::test]
async fn the_demo_is_fed_once_and_says_what_to_try() {
    let server = Server::start_with(Place::embedded(), |command| {
        command.arg("--demo");
    });
    let told = |server: &Server, times: usize| {
        eventually("the demo says what to try", || {
            Some(server.place().log()).filter(|log| log.matches("Try next").count() == times)
        })
    };
    let log = told(&server, 1);
    assert!(log.contains("First start") && !log.contains("read back with 1"), "{log}");
    assert_eq!(log.matches("read back with 0 differences").count(), 2, "{log}");
    let curl = log.lines().find(|line| line.contains("curl")).unwrap().to_owned();
    let (_, token) = curl.split_once("Bearer ").unwrap();
    let (token, rest) = token.split_once('\'').unwrap();
    let url = rest.trim().trim_matches('\'');
    let list = send("GET", url, &[("authorization", &format!("Bearer {token}"))], None).await.unwrap().ok(200);
    assert_eq!(list["Resources"].as_array().unwrap().len(), 2, "the command that it says to try works");
    // When its client was there is known a little later.
    let listed = |place: &Place| -> Vec<Value> {
        let mut list = place.json(&["directory", "list", "--tenant", "demo"]);
        let directories = list.as_array_mut().unwrap().iter_mut();
        directories.for_each(|one| one.as_object_mut().unwrap().retain(|name, _| !name.starts_with("last_contact")));
        list.as_array().unwrap().clone()
    };
    let before = listed(server.place());
    assert_eq!(before.len(), 2);
    let (place, well) = server.stop("INT");
    assert!(well);

    let server = Server::start_with(place, |command| {
        command.arg("--demo");
    });
    let log = told(&server, 2);
    assert_eq!(log.matches("First start").count(), 1, "{log}");
    assert_eq!(listed(server.place()), before);
}
