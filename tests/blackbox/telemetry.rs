//! What is logged and measured, and what never is.

use serde_json::json;

use crate::{
    directory::{USER, id_of, send},
    server::{Server, eventually},
};

/// None of these may turn up anywhere.
const PRIVATE: [&str; 6] = ["zebulon", "quagmire", "xylophone", "marmalade", "hunter2", "userName eq"];

#[tokio::test]
async fn no_name_mail_filter_or_token_is_ever_logged_or_measured() {
    let server = Server::start_with(crate::server::Place::new(), |command| {
        command.env("ROLLCALL_TELEMETRY__LOG", "debug");
    });
    let directory = server.directory();
    let body = json!({
        "schemas": [USER], "userName": "zebulon@quagmire.example", "displayName": "Zebulon Quagmire", "password": "hunter2-hunter2",
        "externalId": "xylophone", "emails": [{ "value": "zebulon@quagmire.example" }], "unknownThing": "marmalade",
    });
    let id = id_of(&directory.post("/Users", body.clone()).await.ok(201));
    directory.post("/Users", body).await.error(409, Some("uniqueness"));
    directory.find("/Users", "userName eq \"zebulon@quagmire.example\"").await.ok(200);
    directory.find("/Users", "marmalade eq \"zebulon\"").await.error(400, Some("invalidFilter"));
    directory
        .patch(&format!("/Users/{id}"), json!([{ "op": "Replace", "path": "active", "value": "False" }]))
        .await
        .ok(200);
    directory
        .patch(&format!("/Users/{id}"), json!([{ "op": "replace", "path": "title[marmalade", "value": "x" }]))
        .await
        .error(400, Some("invalidPath"));
    directory.get("/Users/zebulon-quagmire").await.error(404, None);
    let mistyped = format!("Bearer {}x", directory.token);
    send("GET", &directory.url("/Users?filter=marmalade"), &[("authorization", &mistyped)], None)
        .await
        .unwrap()
        .error(401, None);
    directory.delete(&format!("/Users/{id}")).await.ok(204);

    let metrics = send("GET", &format!("http://{}/metrics", server.place().address), &[], None).await.unwrap();
    assert_eq!(metrics.status, 200);
    assert!(metrics.text.contains("http_server_request_duration_seconds"), "{}", metrics.text);
    assert!(!metrics.text.contains(&id), "routes are templates");
    let log = eventually("the access log of the last request", || {
        Some(server.place().log()).filter(|log| log.contains("DELETE"))
    });
    assert!(log.contains("unknownThing"), "the name of what the schema does not have: {log}");
    for private in PRIVATE.into_iter().chain([directory.token.as_str(), &directory.token[27..]]) {
        for (place, text) in [("log", &log), ("metrics", &metrics.text)] {
            let line = text.lines().find(|line| line.to_lowercase().contains(&private.to_lowercase()));
            assert_eq!(line, None, "{private} is in the {place}");
        }
    }
}

#[tokio::test]
async fn health_is_told_without_a_token() {
    let address = Server::shared().address;
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(send("GET", &format!("http://{address}{path}"), &[], None).await.unwrap().status, 200, "{path}");
    }
}

#[tokio::test]
async fn entras_own_token_gets_a_diagnosis_in_the_log() {
    // What Entra sends when the Secret Token is left blank: header and claims of a JWT with Microsoft's issuer.
    let part = |json: &str| -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bits: Vec<u8> = json.bytes().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
        bits.chunks(6)
            .map(|six| {
                char::from(DIGITS[usize::from(six.iter().fold(0, |all, bit| all << 1 | bit) << (6 - six.len()))])
            })
            .collect()
    };
    let claims = r#"{"aud":"8adf8e6e-67b2-4cf2-a259-e3dc5476c621","iss":"https://sts.windows.net/8f14e45f-ceea-467f-a8d2-1c9f0b6d3e11/"}"#;
    let jwt = format!("{}.{}.{}", part(r#"{"alg":"RS256","typ":"JWT"}"#), part(claims), part("signature"));
    let server = Server::start();
    let directory = server.directory();
    let headers = [("authorization", &*format!("Bearer {jwt}"))];
    send("GET", &directory.url("/Users"), &headers, None).await.unwrap().error(401, None);
    eventually("a diagnosis that names Entra's Secret Token", || {
        Some(server.place().log()).filter(|log| log.contains("Secret Token") || log.contains("Entra"))
    });
    assert!(!server.place().log().contains(&jwt));
}
