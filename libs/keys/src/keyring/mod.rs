//! A keyring in a file: for one machine, or several that share a volume.

mod file;

use std::{fmt, path::Path, sync::Arc};

use async_trait::async_trait;
pub use file::KeyringError;
use hmac::{Hmac, KeyInit, Mac};
use rollcall_base::{Entropy, Secret32};
use sha2::Sha256;

use crate::{DataKey, KeyContext, KeyError, KeyService, seal};

/// Keys that all derive from one master key in a file that only its owner may read.
#[derive(Clone)]
pub struct LocalKeyring {
    master: Secret32,
    wrapping: Secret32,
    entropy: Arc<dyn Entropy>,
}

impl LocalKeyring {
    /// Opens the keyring at `path`; makes it, with its folder, if there is none. Processes that start at the same time
    /// end up with the same keyring. Blocks for a few file operations: for start-up.
    ///
    /// # Errors
    /// [`KeyringError`] if the file cannot be made or read, may be read by others, or is damaged.
    pub fn open_or_create(path: &Path, entropy: Arc<dyn Entropy>) -> Result<Self, KeyringError> {
        let master = match file::read(path)? {
            Some(master) => master,
            None => file::create(path, &Secret32::random(&*entropy), &*entropy)?,
        };
        let wrapping = subkey(&master, "wrap", "");
        Ok(Self { master, wrapping, entropy })
    }

    /// A key for local use, such as signing cursors: the same for the same `purpose` as long as the keyring is the same,
    /// and no help in finding the master key or the key of another purpose.
    pub fn derive(&self, purpose: &str) -> Secret32 {
        subkey(&self.master, "derive", purpose)
    }
}

#[async_trait]
impl KeyService for LocalKeyring {
    async fn generate_data_key(&self, context: &KeyContext) -> Result<DataKey, KeyError> {
        let plaintext = Secret32::random(&*self.entropy);
        let wrapped = seal::seal(&self.wrapping, &plaintext, context, &*self.entropy)?;
        Ok(DataKey { plaintext, wrapped })
    }

    async fn unwrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Secret32, KeyError> {
        seal::open(&self.wrapping, wrapped, context)
    }

    async fn rewrap(&self, wrapped: &[u8], context: &KeyContext) -> Result<Vec<u8>, KeyError> {
        let plaintext = seal::open(&self.wrapping, wrapped, context)?;
        seal::seal(&self.wrapping, &plaintext, context, &*self.entropy)
    }
}

impl fmt::Debug for LocalKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalKeyring(…)")
    }
}

/// One block of HKDF-Expand (RFC 5869 §2.3); the master key is uniformly random, so no extraction is needed.
fn subkey(master: &Secret32, family: &str, purpose: &str) -> Secret32 {
    let mut mac = keyed(master);
    mac.update(format!("rollcall/keyring/v1/{family}\0{purpose}").as_bytes());
    mac.update(&[1]);
    Secret32::from_bytes(mac.finalize().into_bytes().into())
}

#[allow(clippy::expect_used)] // HMAC takes a key of any length (RFC 2104 §2)
fn keyed(key: &Secret32) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use rollcall_base::{Id, SystemEntropy, Timestamp};

    use super::*;

    fn open(path: &Path) -> LocalKeyring {
        LocalKeyring::open_or_create(path, Arc::new(SystemEntropy)).unwrap()
    }

    #[tokio::test]
    async fn a_data_key_outlives_a_restart_and_opens_for_its_tenant_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring.json");
        let tenant = Id::new(Timestamp::from_micros(1), &SystemEntropy);
        let context = KeyContext { tenant, purpose: "token-pepper" };
        let made = open(&path).generate_data_key(&context).await.unwrap();
        let opened = open(&path).unwrap(&made.wrapped, &context).await.unwrap();
        assert_eq!(opened.expose(), made.plaintext.expose());

        let other = KeyContext { tenant: Id::new(Timestamp::from_micros(1), &SystemEntropy), ..context };
        assert!(matches!(open(&path).unwrap(&made.wrapped, &other).await, Err(KeyError::DoesNotOpen { .. })));
        let stranger = open(&folder.path().join("another.json"));
        assert!(matches!(stranger.unwrap(&made.wrapped, &context).await, Err(KeyError::DoesNotOpen { .. })));
    }

    #[test]
    fn derived_keys_are_stable_and_differ_by_purpose() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring.json");
        let first = open(&path);
        assert_eq!(first.derive("cursor").expose(), open(&path).derive("cursor").expose());
        assert_ne!(first.derive("cursor").expose(), first.derive("cursors").expose());
        assert_ne!(first.derive("cursor").expose(), first.master.expose());
        assert_eq!(format!("{first:?}"), "LocalKeyring(…)");
    }
}
