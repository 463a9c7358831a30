//! Erasing access tokens that expired long ago, in bites. What is known of their use goes over to their client.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rollcall_base::{Id, Timestamp};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{
    CredentialUse, StoreError,
    control::uses,
    door::Mutation,
    statement::{BATCH, Sql},
    transaction::Transaction,
};

pub(super) struct PurgeAccessTokens {
    pub(super) before: Timestamp,
    pub(super) limit: u32,
}

/// What can be erased: of OAuth clients alone, whose tokens come by themselves.
pub(super) fn expired(columns: &str, before: Timestamp, limit: u32) -> Sql {
    Sql::new("SELECT ")
        .text(columns)
        .text(" FROM credential WHERE oauth_client_id IS NOT NULL AND expires_at < ")
        .value(before.as_micros())
        .text(" ORDER BY expires_at LIMIT ")
        .value(i64::from(limit))
}

/// An access token that is to be erased.
struct Expired {
    id: Uuid,
    client: Uuid,
    expires_at: i64,
}

#[async_trait]
impl Mutation for PurgeAccessTokens {
    type Output = usize;

    async fn run(&self, transaction: &Transaction) -> Result<usize, StoreError> {
        let backend = transaction.get_database_backend();
        let rows = expired("directory_id, id, oauth_client_id, expires_at", self.before, self.limit).build(backend);
        let mut by_directory: BTreeMap<Uuid, Vec<Expired>> = BTreeMap::new();
        for row in transaction.query_all_raw(rows).await? {
            let expired = Expired {
                id: row.try_get("", "id")?,
                client: row.try_get("", "oauth_client_id")?,
                expires_at: row.try_get("", "expires_at")?,
            };
            by_directory.entry(row.try_get("", "directory_id")?).or_default().push(expired);
        }
        for (directory, tokens) in &by_directory {
            for some in tokens.chunks(BATCH / 5) {
                hand_over(transaction, *directory, some).await?;
                erase(transaction, *directory, some).await?;
            }
        }
        Ok(by_directory.values().map(Vec::len).sum())
    }
}

/// Notes whose tokens they were, and adds what they were used for to what is known of their clients.
async fn hand_over(transaction: &Transaction, directory: Uuid, tokens: &[Expired]) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    let mut note =
        Sql::new("INSERT INTO past_access_token (directory_id, credential_id, oauth_client_id, expires_at) VALUES ");
    for (at, token) in tokens.iter().enumerate() {
        note = note.text(if at == 0 { "(" } else { ", (" }).value(directory).text(", ").value(token.id);
        note = note.text(", ").value(token.client).text(", ").value(token.expires_at).text(")");
    }
    transaction.execute_raw(note.text(" ON CONFLICT DO NOTHING").build(backend)).await?;
    let clients: BTreeMap<Uuid, Uuid> = tokens.iter().map(|token| (token.id, token.client)).collect();
    let ids: Vec<Uuid> = tokens.iter().map(|token| token.id).collect();
    let used = Sql::new(
        "SELECT credential_id, hour, address, agent, outside, reads, writes, last_at FROM credential_activity \
         WHERE directory_id = ",
    );
    let used = used.value(directory).text(" AND credential_id IN ").ids(&ids);
    let mut uses = Vec::new();
    for row in transaction.query_all_raw(used.build(backend)).await? {
        let last_at = Timestamp::from_micros(row.try_get("", "last_at")?);
        let Some(client) = clients.get(&row.try_get::<Uuid>("", "credential_id")?) else { continue };
        uses.push(CredentialUse {
            directory: Id::from_uuid(directory),
            // A client's uses stand where a token's do, under its own id.
            credential: Id::from_uuid(*client),
            address: row.try_get("", "address")?,
            agent: row.try_get("", "agent")?,
            outside: row.try_get("", "outside")?,
            reads: uses::count(&row, "reads")?,
            writes: uses::count(&row, "writes")?,
            first_at: last_at,
            last_at,
        });
    }
    uses::add_by_hour(transaction, &uses).await
}

async fn erase(transaction: &Transaction, directory: Uuid, tokens: &[Expired]) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    let ids: Vec<Uuid> = tokens.iter().map(|token| token.id).collect();
    for table in ["credential_use", "credential_activity"] {
        let of_directory = Sql::new("DELETE FROM ").text(table).text(" WHERE directory_id = ").value(directory);
        let erase = of_directory.text(" AND credential_id IN ").ids(&ids);
        transaction.execute_raw(erase.build(backend)).await?;
    }
    let erase = Sql::new("DELETE FROM credential WHERE id IN ").ids(&ids);
    transaction.execute_raw(erase.build(backend)).await?;
    Ok(())
}
