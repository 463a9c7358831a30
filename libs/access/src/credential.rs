//! From a presented token to a scope.

use std::{net::IpAddr, time::Duration};

use rollcall_base::{Id, Secret32, Timestamp, marker};

use crate::{
    Actor, AllowedNetworks, BearerToken, DirectoryScope, Forbidden, Origin, Permission, Read, Scopes, TokenHash,
    TokenKind, Write,
};

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
    /// The OAuth client that it was issued to; `None`: an admin carried it to the client.
    pub client: Option<Id<marker::OAuthClient>>,
    /// What it may do.
    pub scopes: Scopes,
    /// Where it may be used from; `None`: from anywhere.
    pub networks: Option<AllowedNetworks>,
    /// For people, to tell several apart.
    pub label: String,
    /// When it was issued.
    pub created_at: Timestamp,
    /// From this moment on it is refused.
    pub expires_at: Timestamp,
    /// Since when it is refused, if somebody revoked it.
    pub revoked_at: Option<Timestamp>,
    /// The token that takes its place, and when it retires.
    pub rotation: Option<Rotation>,
}

/// A token that another one takes the place of. It is good until the new one has been in use for a while, or until a
/// deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// The new one.
    pub replaced_by: Id<marker::Credential>,
    /// When that was decided.
    pub rotated_at: Timestamp,
    /// How long the new one must have been in use.
    pub overlap: Duration,
    /// Since when the new one is in use; `None`: it was not used yet.
    pub in_use_since: Option<Timestamp>,
    /// From this moment on the old one is refused: the deadline, and once the new one was used, the end of the overlap if
    /// that is earlier.
    pub retires_at: Timestamp,
}

impl CredentialRecord {
    /// From this moment on it is refused, unless it is revoked before.
    pub fn ends_at(&self) -> Timestamp {
        self.rotation.map_or(self.expires_at, |rotation| rotation.retires_at.min(self.expires_at))
    }

    /// What kind of token opens it.
    pub const fn kind(&self) -> TokenKind {
        if self.client.is_some() { TokenKind::Access } else { TokenKind::Static }
    }
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
    /// Another token took its place.
    #[error("the token has retired: another one took its place")]
    Retired,
    /// It may be used from certain addresses, and this is none of them.
    #[error("the token may not be used from this address")]
    OutsideNetworks,
    /// It opens another directory than the URL names, or the URL names none.
    #[error("the token belongs to another directory than the URL names")]
    OtherDirectory,
    /// The directory was archived.
    #[error("the token's directory is archived")]
    Archived,
}

/// Proof that a token was checked.
#[derive(Debug, Clone)]
pub struct Authenticated {
    pub(crate) credential: Id<marker::Credential>,
    pub(crate) tenant: Id<marker::Tenant>,
    pub(crate) directory: Id<marker::Directory>,
    pub(crate) scopes: Scopes,
    pub(crate) networks: Option<AllowedNetworks>,
    pub(crate) ends_at: Timestamp,
}

/// Checks `token` against its `record`.
///
/// # Errors
/// The first of: [`Denial::Unknown`] (another record), [`Denial::WrongSecret`], [`Denial::Revoked`],
/// [`Denial::Expired`], [`Denial::Retired`].
pub fn authenticate(
    record: &CredentialRecord,
    token: &BearerToken,
    pepper: &Secret32,
    now: Timestamp,
) -> Result<Authenticated, Denial> {
    if record.id != token.id() || record.kind() != token.kind() {
        return Err(Denial::Unknown);
    }
    if !token.hash(pepper).matches(&record.hash) {
        return Err(Denial::WrongSecret);
    }
    // Whatever the clock of who revoked it says.
    if record.revoked_at.is_some() {
        return Err(Denial::Revoked);
    }
    if record.expires_at <= now {
        return Err(Denial::Expired);
    }
    if record.ends_at() <= now {
        return Err(Denial::Retired);
    }
    Ok(Authenticated {
        credential: record.id,
        tenant: record.tenant,
        directory: record.directory,
        scopes: record.scopes,
        networks: record.networks.clone(),
        ends_at: record.ends_at(),
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
    pub const fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// From when on the credential is refused.
    pub const fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    /// Where a use from `address` comes from: inside, or outside and only observed.
    ///
    /// # Errors
    /// [`Denial::OutsideNetworks`]
    pub fn admit_from(&self, address: IpAddr) -> Result<Origin, Denial> {
        match self.networks.as_ref().map_or(Origin::Inside, |allowed| allowed.origin(address)) {
            Origin::Outside => Err(Denial::OutsideNetworks),
            origin => Ok(origin),
        }
    }

    /// The right to look, for a request that needs `permission`.
    ///
    /// # Errors
    /// [`Forbidden`] if the credential has not that scope.
    pub fn read(&self, permission: Permission) -> Result<DirectoryScope<Read>, Forbidden> {
        self.scopes.check(permission)?;
        Ok(self.answer())
    }

    /// The right to change, for a request that needs `permission`.
    ///
    /// # Errors
    /// [`Forbidden`] if the credential has not that scope.
    pub fn write(&self, permission: Permission) -> Result<DirectoryScope<Write>, Forbidden> {
        self.scopes.check(permission)?;
        Ok(DirectoryScope::new(self.tenant, self.directory, Actor::Credential(self.credential)))
    }

    /// The right to look up what belongs into the answer to a request that was permitted: names of a group's members, the
    /// groups of a user that was just changed.
    pub const fn answer(&self) -> DirectoryScope<Read> {
        DirectoryScope::new(self.tenant, self.directory, Actor::Credential(self.credential))
    }
}

#[cfg(test)]
mod tests {
    use rollcall_base::SeededEntropy;

    use super::*;
    use crate::{Action, Subject};

    fn issued() -> (CredentialRecord, BearerToken, Secret32) {
        let entropy = SeededEntropy::new(3);
        let now = Timestamp::from_micros(1_000_000);
        let pepper = Secret32::random(&entropy);
        let token = BearerToken::generate(TokenKind::Static, Id::new(now, &entropy), &entropy);
        let record = CredentialRecord {
            id: token.id(),
            tenant: Id::new(now, &entropy),
            directory: Id::new(now, &entropy),
            data_key: Id::new(now, &entropy),
            hash: token.hash(&pepper),
            client: None,
            scopes: Scopes::ALL,
            networks: None,
            label: String::new(),
            created_at: now,
            expires_at: now.plus(Duration::from_secs(60)),
            revoked_at: None,
            rotation: None,
        };
        (record, token, pepper)
    }

    #[test]
    fn a_token_opens_its_directory_until_the_moment_it_expires() {
        let (record, token, pepper) = issued();
        let authenticated = authenticate(&record, &token, &pepper, record.created_at).unwrap();
        assert_eq!(authenticated.answer().directory(), record.directory);
        assert_eq!(authenticate(&record, &token, &pepper, record.expires_at).unwrap_err(), Denial::Expired);
    }

    #[test]
    fn a_revoked_one_and_a_wrong_secret_are_told_apart() {
        let (mut record, token, pepper) = issued();
        let entropy = SeededEntropy::new(4);
        let guess = BearerToken::generate(TokenKind::Static, record.id, &entropy);
        assert_eq!(authenticate(&record, &guess, &pepper, record.created_at).unwrap_err(), Denial::WrongSecret);
        record.revoked_at = Some(record.created_at);
        assert_eq!(authenticate(&record, &token, &pepper, record.created_at).unwrap_err(), Denial::Revoked);
        // Who does not know the secret does not learn that the token was revoked, not even in the log.
        assert_eq!(authenticate(&record, &guess, &pepper, record.created_at).unwrap_err(), Denial::WrongSecret);
    }

    #[test]
    fn a_token_that_another_replaces_is_good_until_it_retires() {
        let (mut record, token, pepper) = issued();
        let retires_at = record.created_at.plus(Duration::from_secs(30));
        let (replaced_by, rotated_at, overlap) = (record.id, record.created_at, Duration::from_secs(10));
        let rotation = Rotation { replaced_by, rotated_at, overlap, in_use_since: None, retires_at };
        record.rotation = Some(rotation);
        let before = Timestamp::from_micros(retires_at.as_micros() - 1);
        assert_eq!(authenticate(&record, &token, &pepper, before).unwrap().ends_at(), retires_at);
        assert_eq!(authenticate(&record, &token, &pepper, retires_at).unwrap_err(), Denial::Retired);
        // It never gets older than without.
        record.rotation = Some(Rotation { retires_at: record.expires_at.plus(overlap), ..rotation });
        assert_eq!(authenticate(&record, &token, &pepper, record.expires_at).unwrap_err(), Denial::Expired);
    }

    #[test]
    fn an_access_token_does_not_open_a_record_of_the_other_kind() {
        let (mut record, token, pepper) = issued();
        record.client = Some(Id::new(record.created_at, &SeededEntropy::new(5)));
        assert_eq!(authenticate(&record, &token, &pepper, record.created_at).unwrap_err(), Denial::Unknown);
    }

    #[test]
    fn a_scope_is_given_only_for_what_the_credential_may_do() {
        let (mut record, token, pepper) = issued();
        record.scopes = "users:read users:update".parse().unwrap();
        let authenticated = authenticate(&record, &token, &pepper, record.created_at).unwrap();
        let of = |action| Permission::new(Subject::Users, action);
        assert!(authenticated.read(of(Action::Read)).is_ok() && authenticated.write(of(Action::Update)).is_ok());
        let missing = of(Action::Delete);
        assert_eq!(authenticated.write(missing).unwrap_err(), Forbidden { missing });
    }

    #[test]
    fn a_token_with_networks_is_refused_elsewhere_unless_that_is_only_observed() {
        let (mut record, token, pepper) = issued();
        let elsewhere = "198.51.100.1".parse().unwrap();
        let mut seen = |observe| {
            record.networks = Some(AllowedNetworks { networks: "203.0.113.0/24".parse().unwrap(), observe });
            let authenticated = authenticate(&record, &token, &pepper, record.created_at).unwrap();
            assert_eq!(authenticated.admit_from("203.0.113.9".parse().unwrap()), Ok(Origin::Inside));
            authenticated.admit_from(elsewhere)
        };
        assert_eq!(seen(false), Err(Denial::OutsideNetworks));
        assert_eq!(seen(true), Ok(Origin::Observed));
    }
}
