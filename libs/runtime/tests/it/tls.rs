//! HTTPS listeners.

use std::fs;

use rcgen::generate_simple_self_signed;
use rollcall_runtime::{
    ServeError, Server, Surface,
    config::{ListenerConfig, TlsFiles},
};

use crate::running::{Running, client};

#[tokio::test]
async fn a_listener_with_a_certificate_speaks_https() {
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles { cert: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
    let made = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(&files.cert, made.cert.pem()).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let running = Running::start_with(|config| config.listeners[0].tls = Some(files), Vec::new()).await;

    let _ = client(); // installs the cryptography
    let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let trusting = reqwest::Client::builder().tls_certs_only([root]).build().unwrap();
    let answer = trusting.get(format!("https://{}/health/live", running.address)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    running.stopped().await;
}

#[test]
fn a_certificate_or_key_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let made = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let other = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    fs::write(path("good.crt"), made.cert.pem()).unwrap();
    fs::write(path("good.key"), made.signing_key.serialize_pem()).unwrap();
    fs::write(path("other.key"), other.signing_key.serialize_pem()).unwrap();
    fs::write(path("empty"), "").unwrap();
    for (cert, key, named) in [
        ("missing.crt", "good.key", "missing.crt"),
        ("empty", "good.key", "empty"),
        ("good.crt", "missing.key", "missing.key"),
        ("good.crt", "good.crt", "good.crt"),
        ("good.crt", "other.key", "belong together"),
    ] {
        let tls = Some(TlsFiles { cert: path(cert), key: path(key) });
        let surfaces = [Surface::Scim].into_iter().collect();
        let listener = ListenerConfig { address: "127.0.0.1:0".parse().unwrap(), surfaces, tls };
        let refused = Server::bind(&[listener], &crate::running::defaults().http).err().unwrap();
        assert!(matches!(refused, ServeError::Tls { .. }));
        assert!(refused.to_string().contains(named), "{refused}");
    }
}
