//! When directories' clients were last heard of.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rollcall_base::{Id, Timestamp, marker::Directory};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::VerificationStore;
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
    let sql =
        Sql::new("INSERT INTO directory_contact (directory_id, first_at, last_at, last_address, last_agent) VALUES ");
    let sql = sql.rows(contacts, |sql, contact| {
        let sql = sql.id(contact.directory).text(", ").value(contact.first_at.as_micros());
        let sql = sql.text(", ").value(contact.last_at.as_micros()).text(", ").value(contact.address.clone());
        sql.text(", ").value(contact.agent.clone())
    });
    // Reports may arrive late.
    sql.text(
        " ON CONFLICT (directory_id) DO UPDATE SET last_at = excluded.last_at, last_address = excluded.last_address, \
         last_agent = excluded.last_agent WHERE excluded.last_at >= directory_contact.last_at",
    )
}
