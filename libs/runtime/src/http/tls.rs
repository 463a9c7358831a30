//! TLS for listeners.

use std::sync::Arc;

use rustls::{ServerConfig, crypto::ring};

use super::{ServeError, certificate::Certificate};

/// Makes *ring* the process's cryptography, for clients that ask rustls for its default. Call it first thing in `main`;
/// a second call changes nothing.
pub fn install_crypto_provider() {
    // Refused only when one is installed already.
    let _ = ring::default_provider().install_default();
}

/// A server configuration. HTTP/2 and HTTP/1.1 are offered by the server itself.
///
/// # Errors
/// [`ServeError::Failed`] if the cryptography lacks what TLS needs.
pub(super) fn server_config(certificate: Arc<Certificate>) -> Result<ServerConfig, ServeError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ServeError::Failed(std::io::Error::other(error)))?;
    Ok(builder.with_no_client_auth().with_cert_resolver(certificate))
}
