//! What happened to a tenant's directories and credentials: one table that is only ever added to. Each line is written in
//! the transaction of what it tells of, so that neither is there without the other. Its number it gets afterwards
//! ([`crate::JobStore::number_audit`]), so that no change waits for another one's.

mod read;

use std::sync::Arc;

use rollcall_access::Actor;
use rollcall_base::{
    Entropy, Id, Timestamp,
    marker::{Audit, Credential, Directory, Tenant},
};
use sea_orm::ConnectionTrait;
use serde_json::Value;

pub use self::read::{AuditCursor, AuditQuery};
use crate::{StoreError, statement::Sql, store::Inner, transaction::Transaction};

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident $word:literal,)+) => {
        /// What a line of the audit tells of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum AuditAction { $($(#[$doc])* $name,)+ }

        impl AuditAction {
            /// A word that stays the same.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
        }
    };
}

actions! {
    /// A token was issued.
    TokenIssued "token.issued",
    /// A token was issued in the place of another.
    TokenRotated "token.rotated",
    /// The one in a token's place is in use: the token has until its overlap is over.
    TokenRetirementBegun "token.retirement_begun",
    /// Another token took its place.
    TokenRetired "token.retired",
    /// A token that was to retire, or had, stays.
    TokenKept "token.kept",
    /// A token's end is near.
    TokenExpiryWarning "token.expiry_warning",
    /// A token's time is over.
    TokenExpired "token.expired",
    /// A token was revoked.
    TokenRevoked "token.revoked",
    /// Where a token may be used from was changed.
    TokenNetworksChanged "token.networks_changed",
    /// An OAuth client was created.
    ClientCreated "oauth_client.created",
    /// An OAuth client was revoked, with its access tokens.
    ClientRevoked "oauth_client.revoked",
    /// Where an OAuth client and its access tokens may be used from was changed.
    ClientNetworksChanged "oauth_client.networks_changed",
    /// An OAuth client had too many access tokens: its oldest were revoked.
    ClientTokensRetired "oauth_client.tokens_retired",
    /// An OAuth client's end is near.
    ClientExpiryWarning "oauth_client.expiry_warning",
    /// An OAuth client's time is over.
    ClientExpired "oauth_client.expired",
    /// What a directory is called was changed, or which client feeds it.
    DirectoryChanged "directory.changed",
    /// A former Directory ID or Name no longer leads to its directory.
    DirectoryKeyFreed "directory.key_freed",
    /// A deleted user or group was brought back.
    ResourceRestored "resource.restored",
    /// The tenant's policy was changed.
    PolicyChanged "tenant.policy_changed",
    /// A directory was created.
    DirectoryCreated "directory.created",
    /// A directory's setup was said to be done.
    DirectorySubmitted "directory.submitted",
    /// A directory's first change came.
    DirectoryReceiving "directory.receiving",
    /// A directory's full sync was done.
    DirectorySynced "directory.synced",
    /// A directory's changes are put off.
    DirectoryFrozen "directory.frozen",
    /// A directory's changes are taken again.
    DirectoryThawed "directory.thawed",
    /// All of a directory's requests are put off.
    DirectoryDisabled "directory.disabled",
    /// A directory's requests are served again.
    DirectoryEnabled "directory.enabled",
    /// A directory was given up.
    DirectoryArchived "directory.archived",
    /// A directory's policies were changed.
    DirectoryPoliciesChanged "directory.policies_changed",
}

/// A line of the audit.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// Its id. Ids are in the order in which lines were written, not in that of their commits.
    pub id: Id<Audit>,
    /// Its place in its tenant's audit: 1, 2, 3 …; none yet, for a moment after it was written.
    pub seq: Option<i64>,
    /// The tenant.
    pub tenant: Id<Tenant>,
    /// The directory, if it is about one.
    pub directory: Option<Id<Directory>>,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// What, as [`AuditAction::as_str`] says it; another version may know more words.
    pub action: String,
    /// What it was done to, such as `credential:ID` or `oauth_client:ID`.
    pub subject: Option<String>,
    /// More of it. Never a secret.
    pub detail: Value,
}

/// A line to be written.
pub(crate) struct AuditEntry {
    pub(crate) tenant: Id<Tenant>,
    pub(crate) directory: Option<Id<Directory>>,
    pub(crate) action: AuditAction,
    pub(crate) subject: Option<String>,
    /// Of several lines of a tenant with the same one, the first stands.
    pub(crate) once: Option<String>,
    pub(crate) detail: Value,
}

impl AuditEntry {
    /// A line about a credential.
    pub(crate) fn about(
        (tenant, directory): (Id<Tenant>, Id<Directory>),
        credential: Id<Credential>,
        action: AuditAction,
        detail: Value,
    ) -> Self {
        Self::of((tenant, directory), format!("credential:{credential}"), action, detail)
    }

    /// A line about something of a directory.
    pub(crate) fn of(
        (tenant, directory): (Id<Tenant>, Id<Directory>),
        subject: String,
        action: AuditAction,
        detail: Value,
    ) -> Self {
        Self { tenant, directory: Some(directory), action, subject: Some(subject), once: None, detail }
    }

    /// A line about a directory as a whole.
    pub(crate) fn of_directory(
        (tenant, directory): (Id<Tenant>, Id<Directory>),
        action: AuditAction,
        detail: Value,
    ) -> Self {
        Self::of((tenant, directory), format!("directory:{directory}"), action, detail)
    }

    pub(crate) fn once(self, key: String) -> Self {
        Self { once: Some(key), ..self }
    }
}

/// Writes lines of one moment.
pub(crate) struct AuditWriter {
    at: Timestamp,
    entropy: Arc<dyn Entropy>,
}

impl AuditWriter {
    pub(crate) fn new(inner: &Inner) -> Self {
        Self { at: inner.clock.now(), entropy: Arc::clone(&inner.entropy) }
    }

    pub(crate) const fn at(&self) -> Timestamp {
        self.at
    }

    /// Writes what `actor` did, and returns the lines that had not been written before.
    pub(crate) async fn write(
        &self,
        transaction: &Transaction,
        actor: &Actor,
        entries: Vec<AuditEntry>,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let mut ids: Vec<Id<Audit>> = entries.iter().map(|_| Id::new(self.at, &*self.entropy)).collect();
        // Within a millisecond they are in no order yet.
        ids.sort_unstable();
        let mut written = Vec::new();
        for (id, entry) in ids.into_iter().zip(entries) {
            let record = AuditRecord {
                id,
                seq: None,
                tenant: entry.tenant,
                directory: entry.directory,
                at: self.at,
                actor: actor.to_string(),
                action: entry.action.as_str().to_owned(),
                subject: entry.subject,
                detail: entry.detail,
            };
            let sql = insert(&record, entry.once).build(transaction.get_database_backend());
            if transaction.execute_raw(sql).await?.rows_affected() == 1 {
                written.push(record);
            }
        }
        Ok(written)
    }
}

fn insert(record: &AuditRecord, once: Option<String>) -> Sql {
    Sql::new("INSERT INTO audit (id, tenant_id, directory_id, at, actor, action, subject, once, detail) VALUES (")
        .id(record.id)
        .text(", ")
        .id(record.tenant)
        .text(", ")
        .value(record.directory.map(Id::as_uuid))
        .text(", ")
        .value(record.at.as_micros())
        .text(", ")
        .value(record.actor.clone())
        .text(", ")
        .value(record.action.clone())
        .text(", ")
        .value(record.subject.clone())
        .text(", ")
        .value(once)
        .text(", ")
        .value(record.detail.to_string())
        .text(") ON CONFLICT DO NOTHING")
}

/// Says in the log what was committed: the target `audit` can be sent elsewhere.
pub(crate) fn tell(written: &[AuditRecord]) {
    for record in written {
        tracing::info!(
            target: "audit",
            audit_id = %record.id,
            tenant = %record.tenant,
            directory = record.directory.map(tracing::field::display),
            actor = record.actor,
            action = record.action,
            subject = record.subject,
            detail = %record.detail,
            "audit"
        );
    }
}
