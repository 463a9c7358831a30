//! A directory with an OAuth client.

use super::*;

/// A directory with an OAuth client, and what it takes to make more.
pub(crate) struct Scene {
    pub(crate) directory: TestDirectory,
    pub(crate) scope: TenantScope,
    pub(super) entropy: SeededEntropy,
    pub(super) data_key: Id<marker::DataKey>,
    pub(crate) client: OAuthClientRecord,
}

impl Scene {
    pub(crate) async fn new(directory: TestDirectory, seed: u64) -> Self {
        let (entropy, now) = (SeededEntropy::new(seed), directory.clock.now());
        let scope = OperatorScope::from_local_configuration().tenant(directory.tenant.id);
        let key = WrappedKey {
            id: Id::new(now, &entropy),
            tenant: directory.tenant.id,
            purpose: "p".to_owned(),
            wrapped: Vec::new(),
            created_at: now,
        };
        let data_key = directory.store.tenant(&scope).insert_data_key(key).await.unwrap().id;
        let client = OAuthClientRecord {
            id: Id::new(now, &entropy),
            tenant: directory.tenant.id,
            directory: directory.record.id,
            secret_hash: SecretHash::new("$argon2id$…".to_owned()),
            scopes: "users:read groups:write".parse().unwrap(),
            networks: None,
            label: "Entra".to_owned(),
            created_at: now,
            expires_at: now.plus(1000 * HOUR),
            revoked_at: None,
        };
        directory.store.tenant(&scope).insert_client(&client).await.unwrap();
        Self { directory, scope, entropy, data_key, client }
    }

    pub(super) fn token(&self, client: Option<Id<marker::OAuthClient>>, at: Timestamp) -> CredentialRecord {
        let kind = if client.is_some() { TokenKind::Access } else { TokenKind::Static };
        let token = BearerToken::generate(kind, Id::new(at, &self.entropy), &self.entropy);
        CredentialRecord {
            id: token.id(),
            tenant: self.client.tenant,
            directory: self.client.directory,
            data_key: self.data_key,
            hash: token.hash(&Secret32::from_bytes([1; 32])),
            client,
            scopes: Scopes::READ,
            networks: None,
            label: String::new(),
            created_at: at,
            expires_at: at.plus(HOUR),
            revoked_at: None,
            rotation: None,
        }
    }

    /// A token of the client, kept.
    pub(crate) async fn grant(
        &self,
        at: Timestamp,
        most: u64,
    ) -> (Id<marker::Credential>, Vec<Id<marker::Credential>>) {
        let record = self.token(Some(self.client.id), at);
        match self.directory.store.tenant(&self.scope).insert_access_token(&record, most).await.unwrap() {
            Granted::Kept(retired) => (record.id, retired),
            Granted::ClientIsGone => panic!("the client is live"),
        }
    }

    pub(super) async fn revoked_at(&self, id: Id<marker::Credential>) -> Option<Timestamp> {
        let verification = self.directory.store.verification(&JobScope::of_service("test"));
        verification.credential(id).await.unwrap().unwrap().revoked_at
    }
}
