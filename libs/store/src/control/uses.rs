//! What credentials were used for, and what was refused.

mod hours;
mod lately;
mod read;
mod refusals;
mod reports;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, Directory, OAuthClient},
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

pub(crate) use hours::{add_by_hour, count};
pub use lately::UsedCredential;
pub use reports::ReportId;

use super::{
    AuditRecord, VerificationStore,
    audit::{self, AuditWriter},
    retirement,
};
use crate::{
    StoreError,
    door::Mutation,
    statement::{BATCH, Sql},
    transaction::Transaction,
};

/// Requests with one credential from one place within an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialUse {
    /// Its directory.
    pub directory: Id<Directory>,
    /// The credential.
    pub credential: Id<Credential>,
    /// The client's address.
    pub address: String,
    /// Its User-Agent.
    pub agent: String,
    /// It came from outside the credential's networks, which is only observed.
    pub outside: bool,
    /// Requests that look.
    pub reads: u32,
    /// Requests that change.
    pub writes: u32,
    /// The first of them.
    pub first_at: Timestamp,
    /// The last of them.
    pub last_at: Timestamp,
}

/// Requests that were refused for one reason, from one address, within a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedUse {
    /// The directory whose admin should know.
    pub directory: Id<Directory>,
    /// The credential, if one of the directory was used.
    pub credential: Option<Id<Credential>>,
    /// The OAuth client that asked for an access token, or whose access token the credential is.
    pub client: Option<Id<OAuthClient>>,
    /// Why, as a word that stays the same.
    pub reason: String,
    /// The client's address.
    pub address: String,
    /// Its User-Agent.
    pub agent: String,
    /// How often.
    pub times: u32,
    /// The first of them.
    pub first_at: Timestamp,
    /// The last of them.
    pub last_at: Timestamp,
}

/// When a credential was used first and last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// The first request with it.
    pub first_at: Timestamp,
    /// The last one.
    pub at: Timestamp,
    /// The address that one came from.
    pub address: String,
    /// Its User-Agent.
    pub agent: String,
}

/// What one process saw of credentials' use.
#[derive(Debug, Clone, Default)]
pub struct UseReport {
    /// What it is known by when it is sent again; none: it counts each time.
    pub id: Option<ReportId>,
    /// Requests that were let through.
    pub uses: Vec<CredentialUse>,
    /// Requests that were not.
    pub refusals: Vec<RefusedUse>,
}

/// What a report of use brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordedUses {
    /// It had come before, and changed nothing.
    pub had_been: bool,
    /// Those that had never been used before: all of them, if another process says the same at the same moment.
    pub first: Vec<CredentialUse>,
    /// Tokens whose retirement began.
    pub retiring: Vec<Id<Credential>>,
}

/// What a credential was used for from one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceOfUse {
    /// The client's address.
    pub address: String,
    /// Its User-Agent.
    pub agent: String,
    /// Some of it came from outside the credential's networks, which is only observed.
    pub outside: bool,
    /// Requests that look.
    pub reads: u64,
    /// Requests that change.
    pub writes: u64,
    /// The first of them, to the hour.
    pub first_at: Timestamp,
    /// The last of them.
    pub last_at: Timestamp,
}

/// The most rows that a directory's refused uses of one day make; what comes from further addresses is added up without one.
pub const MOST_REFUSALS_A_DAY: u64 = 500;

/// The most places of a credential's use that one hour has; what comes from further ones is added up without a place.
pub const MOST_PLACES_AN_HOUR: u64 = 200;

impl VerificationStore {
    /// Adds what a report brings to what is known of credentials' use, wholly or not at all; one that came before adds
    /// nothing. Where a credential is used for the first time, the retirement of those whose place it takes begins with it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn record(&self, report: UseReport) -> Result<RecordedUses, StoreError> {
        if report.uses.is_empty() && report.refusals.is_empty() {
            return Ok(RecordedUses::default());
        }
        let (recorded, written) = self.0.write(Record(report, AuditWriter::new(&self.0))).await?;
        audit::tell(&written);
        Ok(recorded)
    }
}

struct Record(UseReport, AuditWriter);

#[async_trait]
impl Mutation for Record {
    type Output = (RecordedUses, Vec<AuditRecord>);

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        let Self(report, audit) = self;
        if let Some(id) = report.id
            && !reports::is_new(transaction, id, audit.at()).await?
        {
            return Ok((RecordedUses { had_been: true, ..RecordedUses::default() }, Vec::new()));
        }
        let recorded = record_uses(transaction, &report.uses, audit).await?;
        refusals::record(transaction, &report.refusals).await?;
        Ok(recorded)
    }
}

type UseKey = (Uuid, Uuid);

async fn record_uses(
    transaction: &Transaction,
    uses: &[CredentialUse],
    audit: &AuditWriter,
) -> Result<(RecordedUses, Vec<AuditRecord>), StoreError> {
    // One row a key: a statement cannot change a row twice. In the keys' order, so that two processes that say the
    // same do not wait for each other in a circle.
    let mut by_credential: BTreeMap<UseKey, CredentialUse> = BTreeMap::new();
    for used in uses {
        let key = (used.directory.as_uuid(), used.credential.as_uuid());
        by_credential.entry(key).and_modify(|known| known.add(used)).or_insert_with(|| used.clone());
    }
    let credentials: Vec<_> = by_credential.values().collect();
    let known = known(transaction, &credentials).await?;
    for some in credentials.chunks(BATCH / 10) {
        transaction.execute_raw(last_used(some).build(transaction.get_database_backend())).await?;
    }
    add_by_hour(transaction, uses).await?;
    let is_new = |used: &&&CredentialUse| !known.contains(&(used.directory.as_uuid(), used.credential.as_uuid()));
    let first: Vec<_> = credentials.iter().filter(is_new).map(|used| (*used).clone()).collect();
    let (retiring, written) = retirement::begin(transaction, &first, audit).await?;
    Ok((RecordedUses { had_been: false, first, retiring }, written))
}

impl CredentialUse {
    /// Adds the uses of another report.
    fn add(&mut self, other: &Self) {
        self.reads = self.reads.saturating_add(other.reads);
        self.writes = self.writes.saturating_add(other.writes);
        self.outside |= other.outside;
        self.first_at = self.first_at.min(other.first_at);
        if other.last_at >= self.last_at {
            self.last_at = other.last_at;
            self.address.clone_from(&other.address);
            self.agent.clone_from(&other.agent);
        }
    }
}

/// When a credential was last used, if it ever was.
pub(crate) async fn last_used_at(
    transaction: &Transaction,
    directory: Id<Directory>,
    credential: Id<Credential>,
) -> Result<Option<Timestamp>, StoreError> {
    let sql = Sql::new("SELECT last_used_at FROM credential_use WHERE directory_id = ").id(directory);
    let sql = sql.text(" AND credential_id = ").id(credential).build(transaction.get_database_backend());
    let row = transaction.query_one_raw(sql).await?;
    row.map(|row| Ok(Timestamp::from_micros(row.try_get("", "last_used_at")?))).transpose()
}

/// Those that were used before.
async fn known(transaction: &Transaction, uses: &[&CredentialUse]) -> Result<BTreeSet<UseKey>, StoreError> {
    let mut known = BTreeSet::new();
    for some in uses.chunks(BATCH / 2) {
        let sql = Sql::new(
            "SELECT directory_id, credential_id FROM credential_use WHERE (directory_id, credential_id) IN (VALUES ",
        )
        .rows(some, |sql, used| sql.id(used.directory).text(", ").id(used.credential))
        .text(")");
        for row in transaction.query_all_raw(sql.build(transaction.get_database_backend())).await? {
            known.insert((row.try_get("", "directory_id")?, row.try_get("", "credential_id")?));
        }
    }
    Ok(known)
}

fn last_used(uses: &[&CredentialUse]) -> Sql {
    let sql = Sql::new(
        "INSERT INTO credential_use (directory_id, credential_id, first_used_at, last_used_at, last_address, last_agent) \
         VALUES ",
    );
    let sql = sql.rows(uses, |sql, used| {
        let sql = sql.id(used.directory).text(", ").id(used.credential).text(", ").value(used.first_at.as_micros());
        let sql = sql.text(", ").value(used.last_at.as_micros()).text(", ").value(used.address.clone());
        sql.text(", ").value(used.agent.clone())
    });
    // Reports may arrive late.
    sql.text(
        " ON CONFLICT (directory_id, credential_id) DO UPDATE SET last_used_at = excluded.last_used_at, \
         last_address = excluded.last_address, last_agent = excluded.last_agent \
         WHERE excluded.last_used_at >= credential_use.last_used_at",
    )
}
