//! TLS for listeners.

use std::{path::Path, sync::Arc};

use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::ServeError;
use crate::config::TlsFiles;

/// Makes *ring* the process's cryptography, for clients that ask rustls for its default. Call it first thing in `main`;
/// a second call changes nothing.
pub fn install_crypto_provider() {
    // Refused only when one is installed already.
    let _ = ring::default_provider().install_default();
}

/// A server configuration from PEM files. HTTP/2 and HTTP/1.1 are offered by the server itself.
pub(super) fn server_config(files: &TlsFiles) -> Result<ServerConfig, ServeError> {
    let broken = |path: &Path, reason: String| ServeError::Tls { path: path.to_owned(), reason };
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| broken(&files.cert, format!("{error}; it must hold PEM certificates")))?;
    if chain.is_empty() {
        return Err(broken(&files.cert, "it holds no PEM certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| {
        broken(&files.key, format!("{error}; it must hold one PEM private key without a passphrase"))
    })?;
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| broken(&files.cert, format!("{error}; certificate and key must belong together")))
}
