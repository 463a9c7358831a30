//! A listener's certificate. It is read again when its files change, so that whoever renews it need not restart anything.

use std::{
    fmt,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    crypto::ring,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::ServeError;
use crate::config::TlsFiles;

/// The certificate that new connections get.
pub(super) struct Certificate {
    files: TlsFiles,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// [`ServeError::Tls`]
    pub(super) fn read(files: &TlsFiles) -> Result<Arc<Self>, ServeError> {
        let current = RwLock::new(Arc::new(read(files)?));
        Ok(Arc::new(Self { files: files.clone(), current }))
    }

    /// Looks at the files again and again. What cannot be used is said once, and the certificate of before goes on being used.
    pub(super) async fn watch(self: Arc<Self>, every: Duration) {
        let mut said = None;
        loop {
            tokio::time::sleep(every).await;
            let own = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || own.look_again()).await;
            let path = self.files.cert.display();
            match looked {
                Ok(Ok(false)) => said = None,
                Ok(Ok(true)) => {
                    tracing::info!(cert = %path, "the certificate was renewed: new connections get the new one");
                    said = None;
                }
                Ok(Err(error)) => {
                    let reason = error.to_string();
                    if said.as_ref() != Some(&reason) {
                        tracing::warn!(error = %reason, "a changed certificate cannot be used; the one of before still is");
                        said = Some(reason);
                    }
                }
                Err(error) => tracing::error!(error = %error, "the certificate could not be looked at"),
            }
        }
    }

    /// Whether there is another certificate now.
    fn look_again(&self) -> Result<bool, ServeError> {
        let new = read(&self.files)?;
        // A renewed certificate differs, be its key the same or not. A key alone cannot change: it belongs to a certificate.
        if new.cert == self.current().cert {
            return Ok(false);
        }
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(true)
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// The key is not for anybody's eyes.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

/// Reads PEM files.
fn read(files: &TlsFiles) -> Result<CertifiedKey, ServeError> {
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
    CertifiedKey::from_der(chain, key, &ring::default_provider())
        .map_err(|error| broken(&files.cert, format!("{error}; certificate and key must belong together")))
}
