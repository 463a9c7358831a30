//! When a directory's client was last heard of, and when it last changed anything.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rollcall_base::{Id, Timestamp, marker::Directory};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{LastUse, TenantStore, VerificationStore};
use crate::{
    StoreError,
    door::Mutation,
    statement::{BATCH, Sql},
    transaction::Transaction,
};

/// Requests of a directory's client, of whichever token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryContact {
    /// The directory.
    pub directory: Id<Directory>,
    /// The client's address.
    pub address: String,
    /// Its User-Agent.
    pub agent: String,
    /// The first of them.
    pub first_at: Timestamp,
    /// The last of them.
    pub last_at: Timestamp,
}

/// What is known of a directory's client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirectoryActivity {
    /// When the first change was accepted, as far as it was numbered.
    pub first_change_at: Option<Timestamp>,
    /// When the last change was accepted: the SCIM change timestamp.
    pub last_change_at: Option<Timestamp>,
    /// When a request with a good token came last.
    pub contact: Option<LastUse>,
}

impl TenantStore {
    /// What is known of a directory's client.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn directory_activity(&self, directory: Id<Directory>) -> Result<DirectoryActivity, StoreError> {
        self.owns(directory).await?;
        // Counters of the time before these columns lead to the event that says it.
        let at = |number: &str| {
            Sql::new(", (SELECT e.at FROM event e WHERE e.directory_id = c.directory_id AND e.seq = ")
                .text(number)
                .text("))")
        };
        let sql = Sql::new("SELECT MIN(x.first_at) AS first_at, MAX(x.last_at) AS last_at FROM (")
            .text("SELECT COALESCE(c.first_change_at")
            .part(&at("1"))
            .text(" AS first_at, COALESCE(c.last_change_at")
            .part(&at("c.last_seq"))
            .text(" AS last_at FROM event_counter c WHERE c.directory_id = ")
            .id(directory)
            .text(" UNION ALL SELECT NULL, MAX(o.at) FROM outbox o WHERE o.directory_id = ")
            .id(directory)
            .text(") x");
        let rows = self.inner.rows(sql.build(self.inner.backend())).await?;
        let row = rows.first().ok_or_else(|| StoreError::internal("an aggregate without a row"))?;
        let moment = |column| -> Result<_, StoreError> {
            Ok(row.try_get::<Option<i64>>("", column)?.map(Timestamp::from_micros))
        };
        let contact =
            Sql::new("SELECT first_at, last_at, last_address, last_agent FROM directory_contact WHERE directory_id = ");
        let contact = self.inner.rows(contact.id(directory).build(self.inner.backend())).await?;
        let contact = contact.first().map(|row| -> Result<_, StoreError> {
            Ok(LastUse {
                first_at: Timestamp::from_micros(row.try_get("", "first_at")?),
                at: Timestamp::from_micros(row.try_get("", "last_at")?),
                address: row.try_get("", "last_address")?,
                agent: row.try_get("", "last_agent")?,
            })
        });
        Ok(DirectoryActivity {
            first_change_at: moment("first_at")?,
            last_change_at: moment("last_at")?,
            contact: contact.transpose()?,
        })
    }
}

impl VerificationStore {
    /// Adds to what is known of directories' clients.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn record_contacts(&self, contacts: Vec<DirectoryContact>) -> Result<(), StoreError> {
        if contacts.is_empty() {
            return Ok(());
        }
        self.0.write(RecordContacts(contacts)).await
    }
}

struct RecordContacts(Vec<DirectoryContact>);

#[async_trait]
impl Mutation for RecordContacts {
    type Output = ();

    async fn run(&self, transaction: &Transaction) -> Result<(), StoreError> {
        // One row a directory, in their order: two processes that say the same do not wait for each other in a circle.
        let mut by_directory: BTreeMap<Uuid, DirectoryContact> = BTreeMap::new();
        for contact in &self.0 {
            let known = by_directory.entry(contact.directory.as_uuid()).or_insert_with(|| contact.clone());
            let first_at = known.first_at.min(contact.first_at);
            if contact.last_at > known.last_at {
                known.clone_from(contact);
            }
            known.first_at = first_at;
        }
        let contacts: Vec<_> = by_directory.into_values().collect();
        for some in contacts.chunks(BATCH / 5) {
            transaction.execute_raw(upsert(some).build(transaction.get_database_backend())).await?;
        }
        Ok(())
    }
}

fn upsert(contacts: &[DirectoryContact]) -> Sql {
    let mut sql =
        Sql::new("INSERT INTO directory_contact (directory_id, first_at, last_at, last_address, last_agent) VALUES ");
    for (at, contact) in contacts.iter().enumerate() {
        sql = sql.text(if at == 0 { "(" } else { ", (" }).id(contact.directory);
        sql = sql.text(", ").value(contact.first_at.as_micros()).text(", ").value(contact.last_at.as_micros());
        sql = sql.text(", ").value(contact.address.clone()).text(", ").value(contact.agent.clone()).text(")");
    }
    // Reports may arrive late.
    sql.text(
        " ON CONFLICT (directory_id) DO UPDATE SET last_at = excluded.last_at, last_address = excluded.last_address, \
         last_agent = excluded.last_agent WHERE excluded.last_at >= directory_contact.last_at",
    )
}
