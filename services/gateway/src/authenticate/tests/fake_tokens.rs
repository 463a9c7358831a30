//! A token service without a service.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use rollcall_access::{
    Authenticated, BearerToken, CredentialRecord, Denial, DirectoryPolicies, DirectoryState, Scopes, TokenKind,
};
use rollcall_base::{Id, Secret32, SeededEntropy, marker};
use rollcall_tokens::{Caller, DirectoryRecord, GrantError, GrantedToken, TokenRequest, Tokens, Uses, VerifyError};

use super::NOW;

/// A token service that holds what a test put into it.
pub(crate) struct FakeTokens {
    pepper: Secret32,
    credentials: Mutex<HashMap<Id<marker::Credential>, CredentialRecord>>,
    pub(super) directories: Mutex<Vec<(String, Arc<DirectoryRecord>)>>,
    pub(super) outage: Mutex<Option<VerifyError>>,
    pub(super) asked: AtomicUsize,
    /// The keys that were asked for, and who asked.
    pub(super) resolved: Mutex<Vec<(String, Caller)>>,
    pub(super) reported: Mutex<Vec<Uses>>,
    pub(super) entropy: SeededEntropy,
}

impl FakeTokens {
    pub(crate) fn new() -> Arc<Self> {
        let entropy = SeededEntropy::new(1);
        Arc::new(Self {
            pepper: Secret32::random(&entropy),
            credentials: Mutex::default(),
            directories: Mutex::default(),
            outage: Mutex::default(),
            asked: AtomicUsize::new(0),
            resolved: Mutex::default(),
            reported: Mutex::default(),
            entropy,
        })
    }

    pub(crate) fn directory(&self, slug: &str, directory_id: &str, name: &str, state: &str) -> Arc<DirectoryRecord> {
        let record = Arc::new(DirectoryRecord {
            id: Id::new(NOW, &self.entropy),
            tenant: Id::new(NOW, &self.entropy),
            tenant_slug: slug.to_owned(),
            directory_id: directory_id.to_owned(),
            directory_name: name.to_owned(),
            client_kind: "okta".to_owned(),
            client_profile: None,
            life: state.parse::<DirectoryState>().unwrap().into(),
            policies: DirectoryPolicies::default(),
            created_at: NOW,
        });
        self.directories.lock().unwrap().push(("".to_owned(), Arc::clone(&record)));
        record
    }

    /// All uses that were reported.
    pub(crate) fn reported(&self) -> Vec<Uses> {
        self.reported.lock().unwrap().clone()
    }

    pub(crate) fn token(&self, directory: &DirectoryRecord, change: impl FnOnce(&mut CredentialRecord)) -> String {
        let token = BearerToken::generate(TokenKind::Static, Id::new(NOW, &self.entropy), &self.entropy);
        let mut record = CredentialRecord {
            id: token.id(),
            tenant: directory.tenant,
            directory: directory.id,
            data_key: Id::new(NOW, &self.entropy),
            hash: token.hash(&self.pepper),
            client: None,
            scopes: Scopes::ALL,
            networks: None,
            label: String::new(),
            created_at: NOW,
            expires_at: NOW.plus(Duration::from_secs(60)),
            revoked_at: None,
            rotation: None,
        };
        change(&mut record);
        self.credentials.lock().unwrap().insert(token.id(), record);
        token.to_text().expose().to_owned()
    }
}

#[async_trait]
impl Tokens for FakeTokens {
    async fn verify(&self, token: &BearerToken, _: IpAddr) -> Result<Authenticated, VerifyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some(outage) = self.outage.lock().unwrap().clone() {
            return Err(outage);
        }
        let record = self.credentials.lock().unwrap().get(&token.id()).cloned().ok_or(Denial::Unknown)?;
        Ok(rollcall_access::authenticate(&record, token, &self.pepper, NOW)?)
    }

    async fn grant_token(&self, _: TokenRequest) -> Result<GrantedToken, GrantError> {
        unreachable!("no SCIM request asks for an access token")
    }

    async fn report(&self, uses: Uses) -> Result<(), VerifyError> {
        self.reported.lock().unwrap().push(uses);
        Ok(())
    }

    async fn directory(&self, id: Id<marker::Directory>) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        Ok(self.directories.lock().unwrap().iter().find(|(_, known)| known.id == id).map(|(_, known)| known.clone()))
    }

    async fn resolve(
        &self,
        tenant: &str,
        key: &str,
        caller: Option<Caller>,
    ) -> Result<Option<Arc<DirectoryRecord>>, VerifyError> {
        self.resolved.lock().unwrap().push((key.to_owned(), caller.unwrap()));
        let directories = self.directories.lock().unwrap();
        let named = directories.iter().find(|(old_key, known)| {
            tenant.eq_ignore_ascii_case(&known.tenant_slug)
                && [old_key, &known.directory_id, &known.directory_name]
                    .iter()
                    .any(|name| !name.is_empty() && key.eq_ignore_ascii_case(name))
        });
        Ok(named.map(|(_, known)| known.clone()))
    }
}
