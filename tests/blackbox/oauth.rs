//! OAuth 2.0 client credentials: a client gets access tokens by itself, and works with them.

use serde_json::{Value, json};

use crate::{
    directory::{Answer, Directory, encoded, send},
    server::{Place, Server, eventually},
};

/// An OAuth client as the command line printed it.
pub(crate) struct Client {
    pub(crate) id: String,
    secret: String,
    token_endpoint: String,
}

impl Client {
    pub(crate) fn of(place: &Place, directory: &Directory, more: &[&str]) -> Self {
        let choice = ["oauth-client", "create", "--tenant", &directory.tenant, "--directory", &directory.id];
        let created = place.json(&[choice.as_slice(), more].concat());
        let text = |field: &str| created[field].as_str().unwrap().to_owned();
        assert_eq!(created["base_url"], directory.base_url.as_str());
        Self { id: text("client_id"), secret: text("client_secret"), token_endpoint: text("token_endpoint") }
    }

    fn basic(&self) -> String {
        // As `base64` has it.
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let text = format!("{}:{}", self.id, self.secret);
        let sixes = |chunk: &[u8]| {
            let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            (0..4)
                .map(
                    move |at| {
                        if at > chunk.len() { '=' } else { char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]) }
                    },
                )
                .collect::<String>()
        };
        format!("Basic {}", text.as_bytes().chunks(3).map(sixes).collect::<String>())
    }

    pub(crate) async fn asks(&self, more: &str) -> Answer {
        let body = format!("grant_type=client_credentials&client_id={}&client_secret={}{more}", self.id, self.secret);
        let form = [("content-type", "application/x-www-form-urlencoded")];
        send("POST", &self.token_endpoint, &form, Some(body.into_bytes())).await.unwrap()
    }

    pub(crate) async fn token(&self) -> String {
        self.asks("").await.ok(200)["access_token"].as_str().unwrap().to_owned()
    }

    /// `directory`, worked at with an access token.
    async fn at(&self, directory: &Directory) -> Directory {
        Directory { token: self.token().await, ..directory.clone() }
    }
}

/// What an identity provider sends when its administrator chooses client credentials: first to the token endpoint, then to
/// the Base URL with what it got. No vendor documents the first request beyond the words of RFC 6749; of its two ways to
/// authenticate each stands here for one client, and both work for both.
struct Transcript {
    client: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    then: &'static [(&'static str, &'static str)],
}

const TRANSCRIPTS: [Transcript; 2] = [
    Transcript {
        client: "entra-id",
        headers: &[("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")],
        body: "grant_type=client_credentials&client_id={id}&client_secret={secret}",
        then: &[("GET", "/Users?filter=userName+eq+%22e8a2f5c4-0b1d-4f3e-9a76-5d0c2b9f8e11%22"), ("GET", "/Schemas")],
    },
    Transcript {
        client: "cyberark",
        headers: &[("content-type", "application/x-www-form-urlencoded; charset=utf-8"), ("authorization", "{basic}")],
        body: "grant_type=client_credentials&scope=users%3Aread+users%3Awrite+groups%3Aread+groups%3Awrite",
        then: &[
            ("GET", "/Users?count=1"),
            ("GET", "/ServiceProviderConfig"),
            ("GET", "/ResourceTypes/User"),
            ("GET", "/ResourceTypes/Group"),
        ],
    },
];

#[tokio::test]
async fn entra_and_cyberark_work_with_a_client_id_and_a_secret() {
    let place = Server::shared();
    for transcript in &TRANSCRIPTS {
        let directory = place.directory_of("oauth", transcript.client);
        let client = Client::of(place, &directory, &["--label", transcript.client]);
        let filled = |text: &str| {
            text.replace("{id}", &client.id).replace("{secret}", &client.secret).replace("{basic}", &client.basic())
        };
        let headers: Vec<(&str, String)> =
            transcript.headers.iter().map(|(name, value)| (*name, filled(value))).collect();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = filled(transcript.body).into_bytes();
        let answer = send("POST", &client.token_endpoint, &headers, Some(body)).await.unwrap();
        assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
        let granted = answer.ok(200);
        assert_eq!(granted["token_type"], "Bearer");
        let seconds = granted["expires_in"].as_u64().unwrap();
        assert!((3500..=3600).contains(&seconds), "an hour, but for what it took: {seconds}");
        let token = granted["access_token"].as_str().unwrap();
        assert!(token.starts_with("rca_") && token.len() < 100, "{token}");
        let works = Directory { token: token.to_owned(), ..directory.clone() };
        for (method, path) in transcript.then {
            works.send(method, path, None).await.ok(200);
        }
        let user = works.user("anna@example.com").await;
        let group = works.group("Engineers", &[&user]).await;
        assert_eq!(works.members(&group).await, std::slice::from_ref(&user));
        assert_eq!(directory.get(&format!("/Users/{user}")).await.status, 200, "the static token is as good");
    }
}

#[tokio::test]
async fn a_token_is_for_one_directory_and_everybody_elses_is_closed_to_it() {
    let place = Server::shared();
    let (ours, neighbour, theirs) = (
        place.directory_of("oauth", "other"),
        place.directory_of("oauth", "other"),
        place.directory_of("stranger", "other"),
    );
    let client = Client::of(place, &ours, &[]);
    let token = client.token().await;
    let with = |directory: &Directory, token: &str| Directory { token: token.to_owned(), ..directory.clone() };
    let unknown = "rca_0000000000000000000000_00000000000000000000000000000000000000000000000000";
    for other in [&neighbour, &theirs] {
        let (one, two) = (with(other, &token).get("/Users").await, with(other, unknown).get("/Users").await);
        assert_eq!((one.status, &one.text), (401, &two.text));
        assert!(one.header("www-authenticate").starts_with("Bearer"), "as for every token");
        let refused = client.asks(&format!("&resource={}", encoded(&other.base_url))).await;
        let nothing = client.asks(&format!("&resource={}", encoded(&ours.base_url.replace(&ours.id, "nothing")))).await;
        assert_eq!((refused.status, &refused.text), (400, &nothing.text));
        assert_eq!(refused.body["error"], "invalid_target");
    }
    with(&ours, &token).get("/Users").await.ok(200);
    client.asks(&format!("&resource={}%2F", encoded(&ours.base_url))).await.ok(200);
}

#[tokio::test]
async fn a_token_may_do_what_it_was_asked_for_and_no_more() {
    let place = Server::shared();
    let directory = place.directory_of("oauth", "other");
    let client = Client::of(place, &directory, &["--scopes", "users:read users:create"]);
    let granted = client.asks("").await.ok(200);
    assert_eq!(granted["scope"], "users:read users:create");
    let works = client.at(&directory).await;
    let user = works.user("anna").await;
    assert_eq!(works.delete(&format!("/Users/{user}")).await.status, 403);
    assert_eq!(works.get("/Groups").await.status, 403);
    let narrow = client.asks("&scope=users:read").await.ok(200);
    let reader = Directory { token: narrow["access_token"].as_str().unwrap().to_owned(), ..directory };
    reader.get("/Users").await.ok(200);
    assert_eq!(reader.post("/Users", json!({ "userName": "eve" })).await.status, 403);
    for scope in ["users:delete", "everything"] {
        let refused = client.asks(&format!("&scope={scope}")).await;
        assert_eq!((refused.status, &refused.body["error"]), (400, &json!("invalid_scope")), "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_client_and_its_tokens_are_refused_and_nobody_elses() {
    let place = Server::shared();
    let directory = place.directory_of("oauth", "other");
    let (client, other) = (Client::of(place, &directory, &[]), Client::of(place, &directory, &["--label", "next"]));
    let (works, goes_on) = (client.at(&directory).await, other.at(&directory).await);
    works.get("/Users").await.ok(200);
    let revoked = place.json(&["oauth-client", "revoke", "--tenant", "oauth", "--client-id", &client.id]);
    assert_eq!((&revoked["revoked"], &revoked["access_tokens_revoked"]), (&json!(true), &json!(1)));
    for _ in 0..2 {
        let refused = || async { (works.get("/Users").await.status, client.asks("").await) };
        let runtime = tokio::runtime::Handle::current();
        let answer = tokio::task::block_in_place(|| {
            eventually("client and token are refused", || {
                let (status, answer) = runtime.block_on(refused());
                (status == 401 && answer.status == 401).then_some(answer)
            })
        });
        assert_eq!(answer.body["error"], "invalid_client");
    }
    goes_on.get("/Users").await.ok(200);
    directory.get("/Users").await.ok(200);
    let shown = place.json(&["oauth-client", "show", "--client-id", &client.id]);
    assert_eq!((&shown["state"], &shown["live_tokens"]), (&json!("revoked"), &json!(0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leaked_client_is_revoked_and_what_all_its_tokens_did_is_told() {
    let server = Server::start();
    let (place, directory) = (server.place(), server.directory());
    let client = Client::of(place, &directory, &[]);
    let narrow =
        client.asks("&scope=users:read+users:write").await.ok(200)["access_token"].as_str().unwrap().to_owned();
    let (one, two) = (client.at(&directory).await, Directory { token: narrow, ..directory.clone() });
    one.post("/Users", json!({ "userName": "a@example.com" })).await.ok(201);
    two.post("/Users", json!({ "userName": "b@example.com" })).await.ok(201);
    directory.post("/Users", json!({ "userName": "not-of-the-client@example.com" })).await.ok(201);
    two.get("/Users").await.ok(200);
    assert_eq!(client.asks("&resource=https://elsewhere.example/scim/v2").await.status, 400);

    let activity = ["oauth-client", "activity", "--client-id", client.id.as_str(), "--since", "1h"];
    let seen = tokio::task::block_in_place(|| {
        eventually("its use is known", || {
            Some(place.json(&activity)).filter(|seen| seen["requests"]["reads"] == 1 && seen["requests"]["writes"] == 2)
        })
    });
    assert_eq!((&seen["client"]["client_id"], &seen["changes"]["total"]), (&json!(client.id), &json!(2)));
    let last = seen["changes"]["last"].as_array().unwrap();
    assert!(last[0]["token_id"].is_string() && last[0]["token_id"] != last[1]["token_id"], "two tokens: {last:?}");

    let leaked = place.json(&["oauth-client", "revoke", "--client-id", &client.id, "--leaked", "--since", "1h"]);
    assert_eq!((&leaked["revoked"], &leaked["access_tokens_revoked"]), (&json!(true), &json!(2)));
    assert_eq!((&leaked["had_been_revoked"], &leaked["changes"]["total"]), (&json!(false), &json!(2)));
    assert!(leaked["next"][0].as_str().unwrap().contains("oauth-client create --tenant"), "{leaked}");
    let reasons = |seen: &Value| -> Vec<String> {
        let refused = seen["refused"].as_array().unwrap();
        assert!(refused.iter().all(|one| one["client_id"] == client.id.as_str()), "{seen}");
        refused.iter().map(|one| one["reason"].as_str().unwrap().to_owned()).collect()
    };
    let runtime = tokio::runtime::Handle::current();
    let after = tokio::task::block_in_place(|| {
        eventually("whoever still tries is told", || {
            runtime.block_on(async { (one.get("/Users").await, client.asks("").await) });
            let seen = reasons(&place.json(&activity));
            ["revoked", "client_revoked"].iter().all(|reason| seen.iter().any(|one| one == reason)).then_some(seen)
        })
    });
    assert!(!after.contains(&"damaged".to_owned()), "{after:?}");
    let again = place.json(&["oauth-client", "revoke", "--client-id", &client.id, "--leaked"]);
    assert_eq!((&again["had_been_revoked"], &again["access_tokens_revoked"]), (&json!(true), &json!(0)));
    let audit = place.json(&["audit", "list", "--tenant", &directory.tenant]);
    let lines = audit.as_array().unwrap().iter().filter(|line| line["action"] == "oauth_client.revoked");
    assert_eq!(lines.map(|line| line["detail"]["leaked"].clone()).collect::<Vec<_>>(), [json!(true), json!(true)]);
}

#[tokio::test]
async fn what_is_wrong_is_told_in_the_words_of_the_rfc_and_the_log_holds_no_secret() {
    let server = Server::start();
    let (place, directory) = (server.place(), server.directory());
    let client = Client::of(place, &directory, &[]);
    let token = client.token().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let in_body = format!("client_id={}&client_secret={}", client.id, client.secret);
    let mistyped = in_body.replace("rcs_", "rcs-");
    for (body, headers, status, error) in [
        (format!("grant_type=client_credentials&{mistyped}"), vec![form], 401, "invalid_client"),
        (
            format!("grant_type=client_credentials&{in_body}"),
            vec![form, ("authorization", "Basic eDp5")],
            400,
            "invalid_request",
        ),
        (format!("grant_type=refresh_token&{in_body}"), vec![form], 400, "unsupported_grant_type"),
        (in_body.clone(), vec![form], 400, "invalid_request"),
        (
            json!({ "grant_type": "client_credentials" }).to_string(),
            vec![("content-type", "application/json")],
            400,
            "invalid_request",
        ),
    ] {
        let answer = send("POST", &client.token_endpoint, &headers, Some(body.into_bytes())).await.unwrap();
        assert_eq!((answer.status, &answer.body["error"]), (status, &json!(error)), "{}", answer.text);
        assert!(!answer.text.contains(&client.secret));
    }
    assert_eq!(send("GET", &client.token_endpoint, &[], None).await.unwrap().status, 405);
    let well_known = format!("http://{}/.well-known/oauth-authorization-server", place.address);
    let metadata: Value = send("GET", &well_known, &[], None).await.unwrap().ok(200);
    assert_eq!(metadata["token_endpoint"], client.token_endpoint.as_str());
    let log = place.log();
    assert!(log.contains("the secret does not belong to the client"), "{log}");
    for secret in [&client.secret[4..48], &token[27..71]] {
        assert!(!log.contains(secret));
    }
    for file in std::fs::read_dir(place.data()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(44).any(|window| window == &client.secret.as_bytes()[4..48]));
    }
}
