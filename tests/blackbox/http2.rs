//! HTTP/2, as a client speaks it to a TLS listener that has no proxy in front.

use std::sync::Arc;

use actix_web::{
    http::{Method, Version},
    web::Bytes,
};
use awc::{Client, Connector};
use futures_util::stream;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::{Value, json};

use crate::{
    directory::{Directory, PATCH_OP, SEARCH, USER},
    server::{Place, free_address},
    services::{Running, service, url},
    tls::Authority,
};

/// How a request shows its body.
#[derive(Clone, Copy, Debug)]
enum Sent {
    /// There is none.
    Nothing,
    /// In pieces, and nothing says how long it is.
    Streamed,
    /// With its Content-Length.
    Sized,
}

struct Http2 {
    http: Client,
    /// Of the listener that speaks TLS.
    origin: String,
    directory: Directory,
}

impl Http2 {
    fn new(authority: &Authority, origin: String, directory: Directory) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&authority.ca).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut tls = tls.with_root_certificates(roots).with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let http = Client::builder().connector(Connector::new().rustls_0_23(Arc::new(tls))).finish();
        Self { http, origin, directory }
    }

    async fn send(&self, method: Method, path: &str, sent: Sent, body: &Value) -> (u16, Value) {
        let request = self.http.request(method, format!("{}/scim/v2{path}", self.origin));
        let request = request.bearer_auth(&self.directory.token).content_type("application/scim+json");
        let body = body.to_string();
        let mut answer = match sent {
            Sent::Nothing => request.send().await,
            Sent::Sized => request.send_body(body).await,
            Sent::Streamed => {
                let pieces: Vec<_> = body.into_bytes().chunks(1_000).map(Bytes::copy_from_slice).collect();
                request.send_stream(stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>))).await
            }
        }
        .unwrap();
        assert_eq!(answer.version(), Version::HTTP_2);
        let text = answer.body().limit(1_000_000).await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(&text).unwrap_or(Value::Null))
    }
}

#[actix_web::test]
async fn a_body_arrives_through_the_gateway_whether_or_not_its_length_is_told() {
    let place = Place::split();
    let authority = Authority::new(&place, "ours");
    let (tokens, directory, listener) = (service(&place, "tokens"), service(&place, "directory"), free_address());
    let mut command = place.gateway(&url(&tokens), &url(&directory));
    let listeners = format!(
        "[{{address = \"{}\", surfaces = [\"health\"]}}, {{address = \"{listener}\", surfaces = [\"scim\"], tls = {}}}]",
        place.address,
        authority.setting()
    );
    command.env("ROLLCALL_LISTENERS", listeners).env("ROLLCALL_HTTP__BODY_BYTES", "100000");
    let _gateway = Running::start(command, place.address).wait_until_ready();
    let client = Http2::new(&authority, format!("https://{listener}"), place.directory_of("acme", "other"));

    for (name, sent) in [("sized", Sent::Sized), ("streamed", Sent::Streamed)] {
        let mut user = json!({ "schemas": [USER], "userName": name, "title": "x".repeat(50_000) });
        let (status, created) = client.send(Method::POST, "/Users", sent, &user).await;
        assert_eq!((status, &created["title"]), (201, &user["title"]), "{created}");
        let path = format!("/Users/{}", created["id"].as_str().unwrap());
        user["title"] = json!("put");
        let (status, put) = client.send(Method::PUT, &path, sent, &user).await;
        assert_eq!((status, &put["title"]), (200, &json!("put")), "{put}");
        let operation = json!({ "op": "replace", "path": "title", "value": "patched" });
        let patch = json!({ "schemas": [PATCH_OP], "Operations": [operation] });
        let (status, patched) = client.send(Method::PATCH, &path, sent, &patch).await;
        assert_eq!((status, &patched["title"]), (200, &json!("patched")), "{patched}");
        let search = json!({ "schemas": [SEARCH], "filter": format!("userName eq \"{name}\"") });
        let (status, found) = client.send(Method::POST, "/Users/.search", sent, &search).await;
        assert_eq!((status, &found["totalResults"]), (200, &json!(1)), "{found}");
        let (status, shown) = client.send(Method::GET, &path, Sent::Nothing, &Value::Null).await;
        assert_eq!((status, &shown["title"]), (200, &json!("patched")));
        let (status, _) = client.send(Method::DELETE, &path, Sent::Nothing, &Value::Null).await;
        assert_eq!(status, 204);
        let large = json!({ "schemas": [USER], "userName": name, "title": "x".repeat(200_000) });
        let (status, refused) = client.send(Method::POST, "/Users", sent, &large).await;
        assert_eq!(status, 413, "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains("100000"), "{refused}");
    }
    let (status, refused) = client.send(Method::POST, "/Users", Sent::Nothing, &Value::Null).await;
    assert_eq!((status, &refused["scimType"]), (400, &json!("invalidSyntax")), "{refused}");
}
