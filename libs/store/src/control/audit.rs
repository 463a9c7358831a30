//! What happened to a tenant's directories and credentials: one table that is only ever added to. Each line is written in
//! the transaction of what it tells of, so that neither is there without the other.

use std::sync::Arc;

use rollcall_access::Actor;
use rollcall_base::{
    Entropy, Id, Timestamp,
    marker::{Audit, Credential, Directory, Tenant},
};
use sea_orm::{ConnectionTrait, QueryResult};
use serde_json::Value;
use uuid::Uuid;

use super::TenantStore;
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
    /// An OAuth client's end is near.
    ClientExpiryWarning "oauth_client.expiry_warning",
    /// An OAuth client's time is over.
    ClientExpired "oauth_client.expired",
    /// A deleted user or group was brought back.
    ResourceRestored "resource.restored",
    /// The tenant's policy was changed.
    PolicyChanged "tenant.policy_changed",
}

/// A line of the audit.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// Its id: lines are in the order of their ids.
    pub id: Id<Audit>,
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

/// Which lines are asked for.
#[derive(Debug, Clone)]
pub struct AuditQuery {
    /// Those of this moment and later.
    pub since: Timestamp,
    /// Those about this directory.
    pub directory: Option<Id<Directory>>,
    /// Those after this line, the first of them; without it, the last ones.
    pub after: Option<Id<Audit>>,
    /// Those before this line.
    pub before: Option<Id<Audit>>,
    /// At most so many.
    pub limit: u32,
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

impl TenantStore {
    /// Lines of the tenant's audit, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        // An id begins with its moment: the index on it leads to where reading begins.
        let millis = u64::try_from(query.since.as_micros() / 1_000).unwrap_or(0);
        let first = uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid();
        let mut sql =
            Sql::new("SELECT id, directory_id, at, actor, action, subject, detail FROM audit WHERE tenant_id = ")
                .id(self.tenant)
                .text(" AND id >= ")
                .value(first)
                .text(" AND at >= ")
                .value(query.since.as_micros());
        if let Some(after) = query.after {
            sql = sql.text(" AND id > ").id(after);
        }
        if let Some(before) = query.before {
            sql = sql.text(" AND id < ").id(before);
        }
        if let Some(directory) = query.directory {
            sql = sql.text(" AND directory_id = ").id(directory);
        }
        let forwards = query.after.is_some();
        let order =
            if forwards { " ORDER BY tenant_id, id LIMIT " } else { " ORDER BY tenant_id DESC, id DESC LIMIT " };
        let rows = self.inner.rows(sql.text(order).value(i64::from(query.limit)).build(self.inner.backend())).await?;
        let mut records = rows.iter().map(|row| self.record(row)).collect::<Result<Vec<_>, _>>()?;
        if !forwards {
            records.reverse();
        }
        Ok(records)
    }

    fn record(&self, row: &QueryResult) -> Result<AuditRecord, StoreError> {
        let detail: String = row.try_get("", "detail")?;
        let detail = serde_json::from_str(&detail)
            .map_err(|error| StoreError::internal(format!("a line of the audit is not JSON: {error}")))?;
        Ok(AuditRecord {
            id: Id::from_uuid(row.try_get("", "id")?),
            tenant: self.tenant,
            directory: row.try_get::<Option<Uuid>>("", "directory_id")?.map(Id::from_uuid),
            at: Timestamp::from_micros(row.try_get("", "at")?),
            actor: row.try_get("", "actor")?,
            action: row.try_get("", "action")?,
            subject: row.try_get("", "subject")?,
            detail,
        })
    }
}
