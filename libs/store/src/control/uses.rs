//! What credentials were used for, and what was refused.

mod read;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use rollcall_base::{
    Id, Timestamp,
    marker::{Credential, Directory},
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

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

/// What reports of use brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordedUses {
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

const HOUR: i64 = 60 * 60 * 1_000_000;
const DAY: i64 = 24 * HOUR;

impl VerificationStore {
    /// Adds to what is known of credentials' use. Where one is used for the first time, the retirement of those whose place
    /// it takes begins with it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn record_uses(&self, uses: Vec<CredentialUse>) -> Result<RecordedUses, StoreError> {
        if uses.is_empty() {
            return Ok(RecordedUses::default());
        }
        let (recorded, written) = self.0.write(RecordUses(uses, AuditWriter::new(&self.0))).await?;
        audit::tell(&written);
        Ok(recorded)
    }

    /// Adds to what is known of refused uses.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn record_refusals(&self, refusals: Vec<RefusedUse>) -> Result<(), StoreError> {
        if refusals.is_empty() {
            return Ok(());
        }
        self.0.write(RecordRefusals(refusals)).await
    }
}

struct RecordUses(Vec<CredentialUse>, AuditWriter);

type UseKey = (Uuid, Uuid);

#[async_trait]
impl Mutation for RecordUses {
    type Output = (RecordedUses, Vec<AuditRecord>);

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        // One row a key: a statement cannot change a row twice. In the keys' order, so that two processes that say the
        // same do not wait for each other in a circle.
        let mut by_credential: BTreeMap<UseKey, CredentialUse> = BTreeMap::new();
        let mut by_hour: BTreeMap<(Uuid, Uuid, i64, &str, &str), CredentialUse> = BTreeMap::new();
        for used in &self.0 {
            let key = (used.directory.as_uuid(), used.credential.as_uuid());
            by_credential.entry(key).and_modify(|known| known.add(used)).or_insert_with(|| used.clone());
            let hour = used.last_at.as_micros() / HOUR;
            let key = (key.0, key.1, hour, used.address.as_str(), used.agent.as_str());
            by_hour.entry(key).and_modify(|known| known.add(used)).or_insert_with(|| used.clone());
        }
        let (credentials, hours): (Vec<_>, Vec<_>) = (by_credential.values().collect(), by_hour.values().collect());
        let known = known(transaction, &credentials).await?;
        for some in credentials.chunks(BATCH / 10) {
            transaction.execute_raw(last_used(some).build(transaction.get_database_backend())).await?;
        }
        let hours = in_few_places(transaction, &hours).await?;
        for some in hours.iter().collect::<Vec<_>>().chunks(BATCH / 10) {
            transaction.execute_raw(used_by_hour(some).build(transaction.get_database_backend())).await?;
        }
        let is_new = |used: &&&CredentialUse| !known.contains(&(used.directory.as_uuid(), used.credential.as_uuid()));
        let first: Vec<_> = credentials.iter().filter(is_new).map(|used| (*used).clone()).collect();
        let (retiring, written) = retirement::begin(transaction, &first, &self.1).await?;
        Ok((RecordedUses { first, retiring }, written))
    }
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
    let mut by_directory: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for used in uses {
        by_directory.entry(used.directory.as_uuid()).or_default().push(used.credential.as_uuid());
    }
    for (directory, credentials) in by_directory {
        for some in credentials.chunks(BATCH) {
            let sql = Sql::new("SELECT credential_id FROM credential_use WHERE directory_id = ").value(directory);
            let sql = sql.text(" AND credential_id IN ").ids(some);
            for row in transaction.query_all_raw(sql.build(transaction.get_database_backend())).await? {
                known.insert((directory, row.try_get("", "credential_id")?));
            }
        }
    }
    Ok(known)
}

fn last_used(uses: &[&CredentialUse]) -> Sql {
    let mut sql = Sql::new(
        "INSERT INTO credential_use (directory_id, credential_id, first_used_at, last_used_at, last_address, last_agent) \
         VALUES ",
    );
    for (at, used) in uses.iter().enumerate() {
        sql = sql.text(if at == 0 { "(" } else { ", (" }).id(used.directory).text(", ").id(used.credential);
        sql = sql.text(", ").value(used.first_at.as_micros()).text(", ").value(used.last_at.as_micros());
        sql = sql.text(", ").value(used.address.clone()).text(", ").value(used.agent.clone()).text(")");
    }
    // Reports may arrive late.
    sql.text(
        " ON CONFLICT (directory_id, credential_id) DO UPDATE SET last_used_at = excluded.last_used_at, \
         last_address = excluded.last_address, last_agent = excluded.last_agent \
         WHERE excluded.last_used_at >= credential_use.last_used_at",
    )
}

/// The same uses, without their places where the hour has as many as it may: whoever changes his User-Agent with each
/// request fills no disk.
async fn in_few_places(transaction: &Transaction, uses: &[&CredentialUse]) -> Result<Vec<CredentialUse>, StoreError> {
    let hour_of = |used: &CredentialUse| (used.directory, used.credential, used.last_at.as_micros() / HOUR);
    let mut rows = BTreeMap::new();
    let mut few: Vec<CredentialUse> = Vec::new();
    for used in uses {
        let (directory, credential, hour) = hour_of(used);
        let known = match rows.get(&(directory, credential, hour)) {
            Some(known) => *known,
            None => {
                let sql = Sql::new("SELECT COUNT(*) AS n FROM credential_activity WHERE directory_id = ").id(directory);
                let sql = sql.text(" AND credential_id = ").id(credential).text(" AND hour = ").value(hour);
                let row = transaction.query_one_raw(sql.build(transaction.get_database_backend())).await?;
                row.map(|row| row.try_get::<i64>("", "n")).transpose()?.unwrap_or(0).unsigned_abs()
            }
        };
        rows.insert((directory, credential, hour), known + 1);
        if known < MOST_PLACES_AN_HOUR {
            few.push((*used).clone());
            continue;
        }
        let without = CredentialUse { address: String::new(), agent: String::new(), ..(*used).clone() };
        let is_same = |one: &&mut CredentialUse| one.address.is_empty() && hour_of(one) == hour_of(&without);
        match few.iter_mut().find(is_same) {
            Some(sum) => sum.add(&without),
            None => few.push(without),
        }
    }
    Ok(few)
}

fn used_by_hour(uses: &[&CredentialUse]) -> Sql {
    let mut sql = Sql::new(
        "INSERT INTO credential_activity (directory_id, credential_id, hour, address, agent, outside, reads, writes, \
         last_at) VALUES ",
    );
    for (at, used) in uses.iter().enumerate() {
        sql = sql.text(if at == 0 { "(" } else { ", (" }).id(used.directory).text(", ").id(used.credential);
        sql = sql.text(", ").value(used.last_at.as_micros() / HOUR).text(", ").value(used.address.clone());
        sql = sql.text(", ").value(used.agent.clone()).text(", ").value(used.outside);
        sql = sql.text(", ").value(i64::from(used.reads)).text(", ").value(i64::from(used.writes));
        sql = sql.text(", ").value(used.last_at.as_micros()).text(")");
    }
    sql.text(
        " ON CONFLICT (directory_id, credential_id, hour, address, agent) DO UPDATE SET \
         reads = credential_activity.reads + excluded.reads, writes = credential_activity.writes + excluded.writes, \
         outside = credential_activity.outside OR excluded.outside, \
         last_at = CASE WHEN excluded.last_at > credential_activity.last_at THEN excluded.last_at \
         ELSE credential_activity.last_at END",
    )
}

struct RecordRefusals(Vec<RefusedUse>);

#[async_trait]
impl Mutation for RecordRefusals {
    type Output = ();

    async fn run(&self, transaction: &Transaction) -> Result<(), StoreError> {
        let backend = transaction.get_database_backend();
        let mut refusals: Vec<&RefusedUse> = self.0.iter().collect();
        refusals.sort_by(|a, b| key(a).cmp(&key(b)));
        let mut rows: BTreeMap<(Uuid, i64), u64> = BTreeMap::new();
        for refused in refusals {
            let (directory, day, ..) = key(refused);
            let count = match rows.get(&(directory, day)) {
                Some(count) => *count,
                None => {
                    let sql = Sql::new("SELECT COUNT(*) AS n FROM refused_use WHERE directory_id = ").value(directory);
                    let sql = sql.text(" AND day = ").value(day).build(backend);
                    let row = transaction.query_one_raw(sql).await?;
                    row.map(|row| row.try_get::<i64>("", "n")).transpose()?.unwrap_or(0).unsigned_abs()
                }
            };
            // A stranger with many addresses fills no disk.
            let full = count >= MOST_REFUSALS_A_DAY;
            transaction.execute_raw(add_refusal(refused, full).build(backend)).await?;
            rows.insert((directory, day), count + 1);
        }
        Ok(())
    }
}

fn key(refused: &RefusedUse) -> (Uuid, i64, &str, Uuid, &str) {
    let credential = refused.credential.map_or(Uuid::nil(), Id::as_uuid);
    (
        refused.directory.as_uuid(),
        refused.last_at.as_micros() / DAY,
        refused.reason.as_str(),
        credential,
        refused.address.as_str(),
    )
}

fn add_refusal(refused: &RefusedUse, without_address: bool) -> Sql {
    let (directory, day, reason, credential, address) = key(refused);
    let (address, agent) = if without_address { ("", "") } else { (address, refused.agent.as_str()) };
    Sql::new(
        "INSERT INTO refused_use (directory_id, day, reason, credential_id, address, agent, times, first_at, last_at) \
         VALUES (",
    )
    .value(directory)
    .text(", ")
    .value(day)
    .text(", ")
    .value(reason)
    .text(", ")
    .value(credential)
    .text(", ")
    .value(address)
    .text(", ")
    .value(agent)
    .text(", ")
    .value(i64::from(refused.times))
    .text(", ")
    .value(refused.first_at.as_micros())
    .text(", ")
    .value(refused.last_at.as_micros())
    .text(
        ") ON CONFLICT (directory_id, day, reason, credential_id, address) DO UPDATE SET \
         times = refused_use.times + excluded.times, agent = excluded.agent, \
         last_at = CASE WHEN excluded.last_at > refused_use.last_at THEN excluded.last_at ELSE refused_use.last_at END",
    )
}
