//! TLS between the services of a split installation.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rollcall_testkit as testkit;

use crate::{
    directory::Directory,
    server::{Place, eventually, free_address, health},
    services::Running,
};

/// An authority, and a certificate of it for the loopback address.
pub(crate) struct Authority {
    pub(crate) ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

impl Authority {
    /// Its files lie beside the data folder, and begin with `name`.
    pub(crate) fn new(place: &Place, name: &str) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.distinguished_name.push(DnType::CommonName, name);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let ca = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let file = |what: &str, text: String| {
            let path = place.file(&format!("{name}-{what}.pem"));
            std::fs::write(&path, text).unwrap();
            path
        };
        Self { ca: file("ca", ca.pem()), cert: file("cert", cert.pem()), key: file("key", key.serialize_pem()) }
    }

    /// What a listener's `tls` says.
    pub(crate) fn setting(&self) -> String {
        format!("{{cert = \"{}\", key = \"{}\"}}", self.cert.display(), self.key.display())
    }
}

/// A service whose only listener speaks TLS.
fn service(place: &Place, role: &str, authority: &Authority) -> Running {
    let address = free_address();
    let mut command = place.service(role, address);
    let files = authority.setting();
    let surfaces = "[\"internal\", \"health\"]";
    command.env("ROLLCALL_LISTENERS", format!("[{{address = \"{address}\", surfaces = {surfaces}, tls = {files}}}]"));
    Running::start(command, address)
}

fn gateway(place: &Place, scheme: &str, tokens: &Running, directory: &Running, ca: Option<&PathBuf>) -> Running {
    let url = |service: &Running| format!("{scheme}://{}", service.address);
    let mut command = place.gateway(&url(tokens), &url(directory));
    if let Some(ca) = ca {
        command.env("ROLLCALL_INTERNAL__CA", ca);
    }
    Running::start(command, place.address)
}

/// Nobody is served, and clients are asked to come again; the log, from the byte `since` on, says `reason`.
async fn is_not_served(place: &Place, client: &Directory, since: usize, reason: &str) {
    let named = |line: &str| line.contains("a service is not ready") && line.contains(reason);
    let is_said = async || place.log()[since..].lines().any(named);
    testkit::eventually(&format!("the log says {reason}"), is_said).await;
    let ready = health(place.address, "/health/ready").unwrap();
    assert!(
        ready.starts_with("HTTP/1.1 503") && ready.contains("\"tokens\"") && ready.contains("\"directory\""),
        "{ready}"
    );
    let answer = client.get("/Users").await;
    answer.error(503, None);
    assert!(!answer.header("retry-after").is_empty());
    assert!(!place.log().contains("panicked"), "{}", place.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_speak_tls_with_each_other_and_only_with_whom_the_authority_vouches_for() {
    let place = Place::split();
    let (ours, foreign) = (Authority::new(&place, "ours"), Authority::new(&place, "foreign"));
    let (tokens, directory) = (service(&place, "tokens", &ours), service(&place, "directory", &ours));
    {
        let _gateway = gateway(&place, "https", &tokens, &directory, Some(&ours.ca)).wait_until_ready();
        let client = place.directory_of("acme", "other");
        let user = client.user("anna").await;
        client.get(&format!("/Users/{user}")).await.ok(200);
        let large = "x".repeat(100_000);
        let body = serde_json::json!({ "schemas": [crate::directory::USER], "userName": "large", "title": large });
        assert_eq!(client.post("/Users", body).await.ok(201)["title"], large, "bodies stream through TLS");
    }
    let client = place.directory_of("acme", "other");
    {
        let since = place.log().len();
        let _gateway = gateway(&place, "https", &tokens, &directory, Some(&foreign.ca));
        is_not_served(&place, &client, since, "UnknownIssuer").await;
    }
    let mut without_ca = gateway(&place, "https", &tokens, &directory, None);
    eventually("a gateway that could believe nobody stops", || without_ca.has_stopped());
    assert!(place.log().contains("internal.ca must name the file"), "{}", place.log());
    let _gateway = gateway(&place, "https", &tokens, &directory, Some(&ours.ca)).wait_until_ready();
    client.get("/Users").await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_with_the_wrong_scheme_is_told() {
    let place = Place::split();
    let ours = Authority::new(&place, "ours");
    let client = place.directory_of("acme", "other");
    {
        let (tokens, directory) = (service(&place, "tokens", &ours), service(&place, "directory", &ours));
        let since = place.log().len();
        let _gateway = gateway(&place, "http", &tokens, &directory, Some(&ours.ca));
        is_not_served(&place, &client, since, "invalid HTTP version").await;
    }
    let (tokens, directory) =
        (crate::services::service(&place, "tokens"), crate::services::service(&place, "directory"));
    let since = place.log().len();
    let _gateway = gateway(&place, "https", &tokens, &directory, Some(&ours.ca));
    is_not_served(&place, &client, since, "InvalidContentType").await;
}
