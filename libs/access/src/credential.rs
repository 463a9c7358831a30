//! From a presented token to a scope.

use rollcall_base::{Id, Secret32, Timestamp, marker};

use crate::{Actor, BearerToken, DirectoryScope, Read, TokenHash, Write};

/// What a credential may do in its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Look only.
    Read,
    /// Look and change.
    ReadWrite,
}

/// A credential as it is stored. Not secret: the token cannot be had from it.
#[derive(Debug, Clone)]
pub struct CredentialRecord {
    /// The id that stands in the token.
    pub id: Id<marker::Credential>,
    /// The tenant.
    pub tenant: Id<marker::Tenant>,
    /// The one directory that it opens.
    pub directory: Id<marker::Directory>,
    /// The data key that its hash was made under.
    pub data_key: Id<marker::DataKey>,
    /// HMAC of the secret.
    pub hash: TokenHash,
    /// What it may do.
    pub rights: Rights,
    /// For people, to tell several apart.
    pub label: String,
    /// When it was issued.
    pub created_at: Timestamp,
    /// From this moment on it is refused.
    pub expires_at: Timestamp,
    /// Since when it is refused, if somebody revoked it.
    pub revoked_at: Option<Timestamp>,
}

/// Why a token was refused. For the log; the caller sees the same 401 for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// No token was sent.
    #[error("no bearer token was sent")]
    Missing,
    /// Not one of ours, or mistyped.
    #[error("the token is not one of this service or was mistyped")]
    Malformed,
    /// There is no such credential.
    #[error("there is no credential with the token's id")]
    Unknown,
    /// The id is right, the secret is not.
    #[error("the token's secret does not belong to its id")]
    WrongSecret,
    /// Its year is over.
    #[error("the token has expired")]
    Expired,
    /// Somebody revoked it.
    #[error("the token was revoked")]
    Revoked,
    /// It opens another directory than the URL names, or the URL names none.
    #[error("the token belongs to another directory than the URL names")]
    OtherDirectory,
    /// The directory was archived.
    #[error("the token's directory is archived")]
    Archived,
}

/// The credential has too few rights for what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the credential may read but not change")]
pub struct Forbidden;

/// Proof that a token was checked.
#[derive(Debug, Clone)]
pub struct Authenticated {
    pub(crate) credential: Id<marker::Credential>,
    pub(crate) tenant: Id<marker::Tenant>,
    pub(crate) directory: Id<marker::Directory>,
    pub(crate) rights: Rights,
    pub(crate) expires_at: Timestamp,
}

/// Checks `token` against its `record`.
///
/// # Errors
/// The first of: [`Denial::Unknown`] (another record), [`Denial::WrongSecret`], [`Denial::Revoked`], [`Denial::Expired`].
pub fn authenticate(
    record: &CredentialRecord,
    token: &BearerToken,
    pepper: &Secret32,
    now: Timestamp,
) -> Result<Authenticated, Denial> {
    if record.id != token.id() {
        return Err(Denial::Unknown);
    }
    if !token.hash(pepper).matches(&record.hash) {
        return Err(Denial::WrongSecret);
    }
    if record.revoked_at.is_some_and(|at| at <= now) {
        return Err(Denial::Revoked);
    }
    if record.expires_at <= now {
        return Err(Denial::Expired);
    }
    Ok(Authenticated {
        credential: record.id,
        tenant: record.tenant,
        directory: record.directory,
        rights: record.rights,
        expires_at: record.expires_at,
    })
}

impl Authenticated {
    /// The credential.
    pub const fn credential(&self) -> Id<marker::Credential> {
        self.credential
    }

    /// Its tenant.
    pub const fn tenant(&self) -> Id<marker::Tenant> {
        self.tenant
    }

    /// Its directory.
    pub const fn directory(&self) -> Id<marker::Directory> {
        self.directory
    }

    /// What the credential may do there.
    pub const fn rights(&self) -> Rights {
        self.rights
    }

    /// From when on the credential is refused.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The right to look.
    pub const fn read(&self) -> DirectoryScope<Read> {
        DirectoryScope::new(self.tenant, self.directory, Actor::Credential(self.credential))
    }

    /// The right to change.
    ///
    /// # Errors
    /// [`Forbidden`] if the credential may only look.
    pub const fn write(&self) -> Result<DirectoryScope<Write>, Forbidden> {
        match self.rights {
            Rights::Read => Err(Forbidden),
            Rights::ReadWrite => {
                Ok(DirectoryScope::new(self.tenant, self.directory, Actor::Credential(self.credential)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rollcall_base::SeededEntropy;

    use super::*;

    fn issued() -> (CredentialRecord, BearerToken, Secret32) {
        let entropy = SeededEntropy::new(3);
        let now = Timestamp::from_micros(1_000_000);
        let pepper = Secret32::random(&entropy);
        let token = BearerToken::generate(Id::new(now, &entropy), &entropy);
        let record = CredentialRecord {
            id: token.id(),
            tenant: Id::new(now, &entropy),
            directory: Id::new(now, &entropy),
            data_key: Id::new(now, &entropy),
            hash: token.hash(&pepper),
            rights: Rights::ReadWrite,
            label: String::new(),
            created_at: now,
            expires_at: now.plus(Duration::from_secs(60)),
            revoked_at: None,
        };
        (record, token, pepper)
    }

    #[test]
    fn a_token_opens_its_directory_until_the_moment_it_expires() {
        let (record, token, pepper) = issued();
        let authenticated = authenticate(&record, &token, &pepper, record.created_at).unwrap();
        assert_eq!(authenticated.read().directory(), record.directory);
        assert_eq!(authenticate(&record, &token, &pepper, record.expires_at).unwrap_err(), Denial::Expired);
    }

    #[test]
    fn a_revoked_one_and_a_wrong_secret_are_told_apart() {
        let (mut record, token, pepper) = issued();
        let entropy = SeededEntropy::new(4);
        let guess = BearerToken::generate(record.id, &entropy);
        assert_eq!(authenticate(&record, &guess, &pepper, record.created_at).unwrap_err(), Denial::WrongSecret);
        record.revoked_at = Some(record.created_at);
        assert_eq!(authenticate(&record, &token, &pepper, record.created_at).unwrap_err(), Denial::Revoked);
        // Who does not know the secret does not learn that the token was revoked, not even in the log.
        assert_eq!(authenticate(&record, &guess, &pepper, record.created_at).unwrap_err(), Denial::WrongSecret);
    }

    #[test]
    fn a_reader_gets_no_scope_for_writing() {
        let (mut record, token, pepper) = issued();
        record.rights = Rights::Read;
        let authenticated = authenticate(&record, &token, &pepper, record.created_at).unwrap();
        assert_eq!(authenticated.write().unwrap_err(), Forbidden);
    }
}
