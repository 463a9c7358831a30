//! HTTPS listeners.

use std::fs;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rollcall_runtime::{
    Config, ServeError, Server, Surface,
    config::{ListenerConfig, TlsFiles},
};
use rollcall_testkit::eventually;

use crate::{
    log,
    running::{Running, client},
};

type Made = CertifiedKey<KeyPair>;

fn make() -> Made {
    generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap()
}

fn write(files: &TlsFiles, cert: &Made, key: &Made) {
    fs::write(&files.cert, cert.cert.pem()).unwrap();
    fs::write(&files.key, key.signing_key.serialize_pem()).unwrap();
}

/// The answer to who trusts `made` alone, on a connection of its own.
async fn ask(running: &Running, made: &Made) -> Result<u16, reqwest::Error> {
    let _ = client(); // installs the cryptography
    let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let trusting = reqwest::Client::builder().tls_certs_only([root]).build().unwrap();
    let answer = trusting.get(format!("https://{}/health/live", running.address)).send().await?;
    Ok(answer.status().as_u16())
}

#[tokio::test]
async fn a_listener_with_a_certificate_speaks_https_and_takes_a_renewed_one_over() {
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles { cert: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
    let (first, second) = (make(), make());
    write(&files, &first, &first);
    let change = |config: &mut Config| {
        config.listeners[0].tls = Some(files.clone());
        config.http.certificate_seconds = 1;
    };
    let running = Running::start_with(change, Vec::new()).await;
    assert_eq!(ask(&running, &first).await.unwrap(), 200);

    // Half of a renewal: certificate and key do not belong together.
    write(&files, &second, &first);
    eventually("it is said", async || !log::lines_of("a changed certificate cannot be used").is_empty()).await;
    assert_eq!(ask(&running, &first).await.unwrap(), 200);
    write(&files, &second, &second);
    eventually("it is taken over", async || ask(&running, &second).await.is_ok()).await;
    assert!(ask(&running, &first).await.is_err());
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
