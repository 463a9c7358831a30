//! A tenant with a directory on one of the databases, processes on it, and a clock that all of them share.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use prometheus::Registry;
use rollcall_access::{
    Action, BearerToken, CredentialRecord, CredentialState, Denial, OperatorScope, Permission, Subject, TenantScope,
    TokenKind,
};
use rollcall_base::{Clock, Id, ManualClock, Secret32, SystemEntropy, Timestamp, marker};
use rollcall_keys::LocalKeyring;
use rollcall_store::Store;
use rollcall_testkit::{Database, TestDirectory};
use rollcall_tokens::{
    AuditQuery, AuditRecord, DirectoryRecord, GoodUses, Issued, LocalTokens, NewToken, Renewal, RotatedToken, Source,
    Span, TokenStatus, Tokens, TokensConfig, Uses, VerifyError, jobs::ExpiryLadder,
};
use tempfile::TempDir;

use crate::{house::in_process, parse};

pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(crate) const OKTA: (&str, &str) = ("198.51.100.7", "Okta SCIM Client 1.0");
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(crate) struct Life {
    pub(crate) database: Database,
    pub(crate) made: TestDirectory,
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) scope: TenantScope,
    pub(crate) directory: DirectoryRecord,
    folder: TempDir,
}

impl Life {
    pub(crate) async fn on(database: Database) -> Self {
        let made = database.directory().await;
        Self {
            store: made.store.clone(),
            clock: Arc::clone(&made.clock),
            scope: OperatorScope::from_local_configuration().tenant(made.tenant.id),
            directory: made.record.clone(),
            folder: tempfile::tempdir().unwrap(),
            database,
            made,
        }
    }

    /// A process that nobody tells anything.
    pub(crate) fn process(&self) -> LocalTokens {
        let keyring = self.folder.path().join("keyring.json");
        let keyring = LocalKeyring::open_or_create(&keyring, Arc::new(SystemEntropy)).unwrap();
        LocalTokens::new(
            self.store.clone(),
            Arc::new(keyring),
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Arc::new(SystemEntropy),
            TokensConfig::default(),
            &in_process(),
        )
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves on to `at`, if that is later.
    pub(crate) fn until(&self, at: Timestamp) {
        self.clock.advance(at.since(self.now()));
    }

    pub(crate) async fn issue(&self, tokens: &LocalTokens, days: u32) -> Issued {
        tokens.issue(&self.scope, &self.directory, NewToken::living(DAY * days)).await.unwrap()
    }

    /// One that lives as long as the tenant's policy says.
    pub(crate) async fn issue_usual(&self, tokens: &LocalTokens) -> Issued {
        let new = NewToken { lifetime: None, ..NewToken::living(DAY) };
        tokens.issue(&self.scope, &self.directory, new).await.unwrap()
    }

    /// Creates users with a token, some of whose changes have no number yet. Returns them, the latest first.
    pub(crate) async fn changed_with(&self, id: Id<marker::Credential>, users: u32) -> Vec<Id<marker::Resource>> {
        let record = self.store.tenant(&self.scope).credential(id).await.unwrap().unwrap();
        let token = BearerToken::generate(TokenKind::Static, id, &SystemEntropy);
        let pepper = Secret32::random(&SystemEntropy);
        // The same credential under a secret that is known here.
        let known = CredentialRecord { hash: token.hash(&pepper), ..record };
        let authenticated = rollcall_access::authenticate(&known, &token, &pepper, self.now()).unwrap();
        let scope = authenticated.write(Permission::new(Subject::Users, Action::Create)).unwrap();
        let mut made = Vec::new();
        for number in 0..users {
            self.clock.advance(Duration::from_secs(60));
            let new = self.made.new_user(serde_json::json!({ "userName": format!("{number}@{id}") }));
            made.insert(0, self.store.directory(&scope).create(new).await.unwrap().resource.id);
            if number + 1 < users {
                while self.made.sequence(100).await.unwrap() > 0 {}
            }
        }
        made
    }

    pub(crate) async fn rotate(&self, tokens: &LocalTokens, id: Id<marker::Credential>) -> RotatedToken {
        tokens.rotate(&self.scope, id, Renewal::default()).await.unwrap()
    }

    /// A gateway reports that a token was used now.
    pub(crate) async fn used(&self, tokens: &LocalTokens, id: Id<marker::Credential>, (reads, writes): (u32, u32)) {
        tokens.report(self.use_of(id, (reads, writes), OKTA)).await.unwrap();
    }

    pub(crate) fn use_of(
        &self,
        credential: Id<marker::Credential>,
        (reads, writes): (u32, u32),
        (address, agent): (&str, &str),
    ) -> Uses {
        let from = Source::new(address.parse().unwrap(), agent);
        let span = Span::of(self.now().as_micros());
        let directory = self.directory.id;
        let good = vec![GoodUses { directory, credential, from, outside: false, reads, writes, span }];
        Uses { good, ..Uses::default() }
    }

    pub(crate) async fn status(&self, tokens: &LocalTokens, id: Id<marker::Credential>) -> TokenStatus {
        tokens.status(&self.scope, id).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self, tokens: &LocalTokens, id: Id<marker::Credential>) -> CredentialState {
        self.status(tokens, id).await.state
    }

    /// When a token retires, if it does.
    pub(crate) async fn retires_at(&self, tokens: &LocalTokens, id: Id<marker::Credential>) -> Option<Timestamp> {
        self.status(tokens, id).await.record.rotation.map(|rotation| rotation.retires_at)
    }

    /// What the audit says, but for directories, which are not what is told here.
    pub(crate) async fn audit(&self) -> Vec<AuditRecord> {
        let query =
            AuditQuery { since: Timestamp::from_micros(0), directory: None, after: None, before: None, limit: 1_000 };
        let lines = self.store.tenant(&self.scope).audit(&query).await.unwrap();
        lines.into_iter().filter(|line| !line.action.starts_with("directory.")).collect()
    }

    /// The words of the audit's lines about a token, without its issue.
    pub(crate) async fn told_of(&self, id: Id<marker::Credential>) -> Vec<String> {
        let subject = format!("credential:{id}");
        let lines = self.audit().await.into_iter().filter(|line| line.subject.as_ref() == Some(&subject));
        lines.map(|line| line.action).filter(|action| action != "token.issued").collect()
    }

    /// An id as the database spells it.
    fn spelled(&self, id: &impl ToString) -> String {
        match self.database.is_postgres() {
            true => format!("'{}'", id.to_string()),
            false => format!("x'{}'", id.to_string().replace('-', "")),
        }
    }

    /// A row for an OAuth client that lives for so many days.
    pub(crate) async fn oauth_client(&self, id: Id<marker::OAuthClient>, days: u32) {
        let (id, tenant) = (self.spelled(&id), self.spelled(&self.scope.tenant()));
        let (directory, now) = (self.spelled(&self.directory.id), self.now());
        let insert = format!(
            "INSERT INTO oauth_client (id, tenant_id, directory_id, secret_hash, scopes, observes_networks, label, created_at, \
             expires_at) VALUES ({id}, {tenant}, {directory}, '', 1, FALSE, '', {}, {})",
            now.as_micros(),
            now.plus(DAY * days).as_micros()
        );
        self.database.execute(&insert).await;
    }

    pub(crate) fn oauth_client_revoked(&self, id: Id<marker::OAuthClient>) -> String {
        format!("UPDATE oauth_client SET revoked_at = {} WHERE id = {}", self.now().as_micros(), self.spelled(&id))
    }

    pub(crate) fn worker(&self) -> (ExpiryLadder, Registry) {
        let registry = Registry::new();
        (ExpiryLadder::new(&self.store, &registry).unwrap(), registry)
    }
}

/// Whether a process takes a token.
pub(crate) async fn is_good(tokens: &LocalTokens, issued: &Issued) -> bool {
    refusal(tokens, &parse(&issued.token)).await.is_none()
}

pub(crate) async fn refusal(tokens: &dyn Tokens, token: &BearerToken) -> Option<Denial> {
    match tokens.verify(token, HERE).await {
        Ok(_) => None,
        Err(VerifyError::Denied(denial)) => Some(denial),
        Err(other) => panic!("{other:?}"),
    }
}
