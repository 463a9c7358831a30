//! Client secrets: hashed with argon2id (RFC 9106), and checked a bounded number at a time.
//!
//! The parameters are the least that OWASP's Password Storage Cheat Sheet names for argon2id (19 MiB, 2 passes, 1 lane):
//! a secret has 256 random bits, so nobody finds it by trying however cheap a try is, and more would only make honest
//! clients dearer. They stand in each hash, so that others can follow without a migration.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use argon2::{
    Argon2, PasswordHasher, PasswordVerifier,
    password_hash::{self, phc::PasswordHash},
};
use rollcall_access::{ClientSecret, SecretHash};
use rollcall_base::{Entropy, Secret32};
use tokio::{sync::Semaphore, task::spawn_blocking};

/// How many bytes of salt: RFC 9106 §3.1 advises 16.
const SALT: usize = 16;

/// Why a secret was not checked or hashed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum SecretError {
    /// Its turn did not come in time.
    #[error("too many client secrets are being checked at the same time")]
    Busy(Duration),
    /// The stored hash is none.
    #[error("a client secret's hash in the database cannot be read")]
    Unreadable,
    /// The machine has not the memory, or the hash wants what this version does not have.
    #[error("a client secret cannot be hashed: {0}")]
    Hash(password_hash::Error),
    /// The thread that did it has panicked, or the process is stopping.
    #[error("the check of a secret was broken off")]
    BrokenOff,
}

/// Who asks, as far as it decides about whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// From an address that had this client's right secret lately.
    Known,
    /// From any other. Strangers leave the known their turn.
    Stranger,
}

/// Checks secrets. Each check takes 19 MiB and some 20 ms of a processor.
pub(in crate::local) struct SecretChecks {
    strangers: Arc<Semaphore>,
    known: Arc<Semaphore>,
    patience: Duration,
}

impl SecretChecks {
    /// `at_once` checks for strangers and as many for those who are known; each waits for its turn for `patience`.
    pub(in crate::local) fn new(at_once: usize, patience: Duration) -> Self {
        let permits = || Arc::new(Semaphore::new(at_once.max(1)));
        Self { strangers: permits(), known: permits(), patience }
    }

    /// Whether `secret` is the one that `hash` was made of. Without a hash the answer is no, after the same time.
    pub(super) async fn check(
        &self,
        asker: Asker,
        secret: ClientSecret,
        hash: Option<SecretHash>,
    ) -> Result<bool, SecretError> {
        let turns = match asker {
            Asker::Known => &self.known,
            Asker::Stranger => &self.strangers,
        };
        let turn = tokio::time::timeout(self.patience, Arc::clone(turns).acquire_owned()).await;
        let turn = turn.map_err(|_| SecretError::Busy(self.patience.max(Duration::from_secs(1))))?;
        let checked = spawn_blocking(move || {
            let _turn = turn;
            verify(&secret, hash.as_ref())
        });
        checked.await.map_err(|_| SecretError::BrokenOff)?
    }
}

/// Hashes a new secret with a salt of its own.
pub(super) async fn hash(secret: ClientSecret, entropy: Arc<dyn Entropy>) -> Result<SecretHash, SecretError> {
    let hashed = spawn_blocking(move || {
        let mut salt = [0_u8; SALT];
        entropy.fill(&mut salt);
        hash_with(secret.expose(), &salt)
    });
    hashed.await.map_err(|_| SecretError::BrokenOff)?
}

fn hash_with(secret: &[u8], salt: &[u8; SALT]) -> Result<SecretHash, SecretError> {
    let hash: PasswordHash = Argon2::default().hash_password_with_salt(secret, salt).map_err(SecretError::Hash)?;
    Ok(SecretHash::new(hash.to_string()))
}

fn verify(secret: &ClientSecret, hash: Option<&SecretHash>) -> Result<bool, SecretError> {
    // Made before either way is taken, so that its making does not tell one from the other.
    let nobodys = nobodys_hash()?;
    let stored = PasswordHash::new(hash.unwrap_or(&nobodys).as_str()).map_err(|_| SecretError::Unreadable)?;
    if stored.hash.is_none() {
        return Err(SecretError::Unreadable);
    }
    match Argon2::default().verify_password(secret.expose(), &stored) {
        Ok(()) => Ok(hash.is_some()),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(SecretError::Hash(error)),
    }
}

/// What secrets of clients that do not exist are compared with.
fn nobodys_hash() -> Result<SecretHash, SecretError> {
    static NOBODYS: OnceLock<SecretHash> = OnceLock::new();
    if let Some(hash) = NOBODYS.get() {
        return Ok(hash.clone());
    }
    let hash = hash_with(Secret32::from_bytes([0; 32]).expose(), &[0; SALT])?;
    Ok(NOBODYS.get_or_init(|| hash).clone())
}

#[cfg(test)]
mod tests {
    use rollcall_base::SystemEntropy;

    use super::*;

    fn new_secret() -> ClientSecret {
        ClientSecret::generate(&SystemEntropy)
    }

    #[tokio::test]
    async fn a_secret_is_known_by_its_hash_and_every_hash_has_its_salt() {
        let (secret, checks) = (new_secret(), SecretChecks::new(2, Duration::from_secs(60)));
        let first = hash(secret.clone(), Arc::new(SystemEntropy)).await.unwrap();
        let second = hash(secret.clone(), Arc::new(SystemEntropy)).await.unwrap();
        assert!(first.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", first.as_str());
        assert_ne!(first, second);
        for hash in [first, second] {
            assert!(checks.check(Asker::Stranger, secret.clone(), Some(hash.clone())).await.unwrap());
            assert!(!checks.check(Asker::Stranger, new_secret(), Some(hash)).await.unwrap());
        }
    }

    #[tokio::test]
    async fn nobodys_secret_is_wrong_whatever_it_is() {
        let checks = SecretChecks::new(2, Duration::from_secs(60));
        assert!(!checks.check(Asker::Stranger, new_secret(), None).await.unwrap());
        let zeros = ClientSecret::generate(&Zeros);
        assert_eq!(zeros.expose(), &[0; 32]);
        assert!(!checks.check(Asker::Stranger, zeros, None).await.unwrap(), "not even the one that it was made of");
    }

    #[derive(Debug)]
    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    #[tokio::test]
    async fn whose_turn_does_not_come_is_told_when_to_come_again_and_strangers_stop_nobody_who_is_known() {
        let checks = SecretChecks::new(1, Duration::ZERO);
        let hash = hash(new_secret(), Arc::new(SystemEntropy)).await.unwrap();
        let _taken = Arc::clone(&checks.strangers).acquire_owned().await.unwrap();
        let refused = checks.check(Asker::Stranger, new_secret(), Some(hash.clone())).await.unwrap_err();
        assert!(matches!(refused, SecretError::Busy(after) if after == Duration::from_secs(1)), "{refused}");
        assert!(!checks.check(Asker::Known, new_secret(), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_that_cannot_be_read_is_an_outage_and_not_a_wrong_secret() {
        let checks = SecretChecks::new(1, Duration::from_secs(60));
        for damaged in
            ["", "x", "$argon2id$v=19$m=19456,t=2,p=1", "$bcrypt$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"]
        {
            let damaged = SecretHash::new(damaged.to_owned());
            let error = checks.check(Asker::Stranger, new_secret(), Some(damaged)).await.unwrap_err();
            assert!(matches!(error, SecretError::Unreadable | SecretError::Hash(_)), "{error}");
        }
    }
}
