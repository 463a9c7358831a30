//! A directory's policies as they are written down.

use async_trait::async_trait;
use rollcall_access::{Actor, DirectoryPolicies, OnDuplicateGroupName, PolicyChanges};
use rollcall_base::{
    Id,
    marker::{Directory, Tenant},
};
use rollcall_scim::schema::GROUP;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Map, Value, json};

use super::{
    AuditAction, AuditRecord, TenantStore,
    audit::{self, AuditEntry, AuditWriter},
    directory_life::locked,
    rows,
};
use crate::{
    StoreError, directory::DISPLAY_NAME_CLAIM, door::Mutation, entity::directory, statement::Sql,
    transaction::Transaction,
};

/// The most names of groups that are told by name.
const MOST_TOLD: u32 = 20;
/// Claims that are given up at once.
const RELEASED_AT_ONCE: i64 = 1_000;

/// What became of a directory's policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoliciesChanged {
    /// What held.
    pub before: DirectoryPolicies,
    /// What holds.
    pub after: DirectoryPolicies,
    /// If groups' names are to be their own from now on: those that several groups have already.
    pub duplicates: Option<DuplicateNames>,
}

/// Names that several live groups have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DuplicateNames {
    /// How many names.
    pub names: u64,
    /// The first of them, in order, each with how many groups have it.
    pub first: Vec<(String, u64)>,
}

impl TenantStore {
    /// Changes some of a directory's policies; the others stay, whatever somebody else makes of them at the same time. If
    /// groups' names are to be their own from now on, each name is claimed for the oldest group that has it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the directory is not the tenant's.
    pub async fn change_policies(
        &self,
        directory: Id<Directory>,
        changes: PolicyChanges,
    ) -> Result<PoliciesChanged, StoreError> {
        let audit = AuditWriter::new(&self.inner);
        let change = ChangePolicies { tenant: self.tenant, directory, changes, actor: self.actor.clone(), audit };
        let (changed, written) = self.inner.write(change).await?;
        audit::tell(&written);
        if changed.after.duplicate_group_name == OnDuplicateGroupName::Allow {
            // Asked for again, it goes on where it was cut off.
            while self.inner.write(ReleaseNames { tenant: self.tenant, directory }).await? > 0 {}
        }
        Ok(changed)
    }
}

struct ChangePolicies {
    tenant: Id<Tenant>,
    directory: Id<Directory>,
    changes: PolicyChanges,
    actor: Actor,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for ChangePolicies {
    type Output = (PoliciesChanged, Vec<AuditRecord>);

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        let row = locked(transaction, Some(self.tenant), self.directory).await?.ok_or(StoreError::NotFound)?;
        let before = rows::policies(row.policies.as_deref())?;
        let after = self.changes.applied_to(before);
        let mut lines = Vec::new();
        if before != after {
            let mut stored: Map<String, Value> = match row.policies.as_deref().map(serde_json::from_str).transpose() {
                Ok(stored) => stored.unwrap_or_default(),
                Err(error) => return Err(StoreError::internal(format!("stored policies: {error}"))),
            };
            self.changes.write_to(&mut stored);
            directory::Entity::update_many()
                .col_expr(directory::Column::Policies, Expr::value(Value::Object(stored).to_string()))
                .filter(directory::Column::Id.eq(row.id))
                .exec(transaction)
                .await?;
            let (from, to) = difference(before, after);
            let detail = json!({ "before": from, "after": to });
            let place = (self.tenant, self.directory);
            lines.push(AuditEntry::of_directory(place, AuditAction::DirectoryPoliciesChanged, detail));
        }
        let duplicates = match (before.duplicate_group_name, after.duplicate_group_name) {
            (OnDuplicateGroupName::Allow, OnDuplicateGroupName::Refuse) => {
                claim_names(transaction, self.directory).await?;
                Some(duplicate_names(transaction, self.directory).await?)
            }
            (_, OnDuplicateGroupName::Refuse) if self.changes.duplicate_group_name.is_some() => {
                Some(duplicate_names(transaction, self.directory).await?)
            }
            _ => None,
        };
        let written = self.audit.write(transaction, &self.actor, lines).await?;
        Ok((PoliciesChanged { before, after, duplicates }, written))
    }
}

/// What of the policies is another, before and after.
fn difference(before: DirectoryPolicies, after: DirectoryPolicies) -> (Map<String, Value>, Map<String, Value>) {
    let map = |policies: DirectoryPolicies| match serde_json::to_value(policies) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let (mut before, mut after) = (map(before), map(after));
    let same: Vec<String> =
        before.iter().filter(|(name, word)| after.get(*name) == Some(word)).map(|(name, _)| name.clone()).collect();
    for name in same {
        before.remove(&name);
        after.remove(&name);
    }
    (before, after)
}

/// Claims each name for the oldest group that has it.
async fn claim_names(transaction: &Transaction, directory: Id<Directory>) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    // What is left of an earlier time may name groups that are called otherwise by now.
    let stale = Sql::new("DELETE FROM claim WHERE directory_id = ").id(directory);
    let stale = stale.text(" AND attribute_id = ").value(DISPLAY_NAME_CLAIM);
    transaction.execute_raw(stale.build(backend)).await?;
    // Ids are in the order of creation. The constant stands in the statement by value: PostgreSQL takes a parameter in a
    // SELECT's list for text.
    let claim =
        Sql::new("INSERT INTO claim (directory_id, attribute_id, value_key, resource_id) SELECT directory_id, ")
            .text(&format!("{DISPLAY_NAME_CLAIM}"))
            .text(", name_key, id FROM resource WHERE directory_id = ")
            .id(directory)
            .text(" AND kind = ")
            .value(GROUP.0)
            .text(" AND name_key <> '' ORDER BY id ON CONFLICT DO NOTHING");
    transaction.execute_raw(claim.build(backend)).await?;
    Ok(())
}

async fn duplicate_names(transaction: &Transaction, directory: Id<Directory>) -> Result<DuplicateNames, StoreError> {
    let backend = transaction.get_database_backend();
    let several =
        Sql::new("SELECT MIN(display) AS display, COUNT(*) AS groups_with_it FROM resource WHERE directory_id = ")
            .id(directory)
            .text(" AND kind = ")
            .value(GROUP.0)
            .text(" AND name_key <> '' GROUP BY name_key HAVING COUNT(*) > 1");
    let all = Sql::new("SELECT COUNT(*) AS n FROM (").part(&several).text(") several");
    let row = transaction.query_one_raw(all.build(backend)).await?;
    let names = row.map(|row| row.try_get::<i64>("", "n")).transpose()?.unwrap_or(0).unsigned_abs();
    let some = several.text(" ORDER BY name_key LIMIT ").value(i64::from(MOST_TOLD));
    let rows = transaction.query_all_raw(some.build(backend)).await?;
    let first = rows.iter().map(|row| -> Result<_, StoreError> {
        let groups: i64 = row.try_get("", "groups_with_it")?;
        Ok((row.try_get::<Option<String>>("", "display")?.unwrap_or_default(), groups.unsigned_abs()))
    });
    Ok(DuplicateNames { names, first: first.collect::<Result<_, _>>()? })
}

/// Gives up some of the claims of names, unless somebody has decided otherwise since. Returns how many.
struct ReleaseNames {
    tenant: Id<Tenant>,
    directory: Id<Directory>,
}

#[async_trait]
impl Mutation for ReleaseNames {
    type Output = u64;

    async fn run(&self, transaction: &Transaction) -> Result<u64, StoreError> {
        let row = locked(transaction, Some(self.tenant), self.directory).await?.ok_or(StoreError::NotFound)?;
        if rows::policies(row.policies.as_deref())?.duplicate_group_name == OnDuplicateGroupName::Refuse {
            return Ok(0);
        }
        let of_names = |sql: Sql| {
            sql.text(" WHERE directory_id = ").value(row.id).text(" AND attribute_id = ").value(DISPLAY_NAME_CLAIM)
        };
        let some = of_names(Sql::new("SELECT value_key FROM claim")).text(" LIMIT ").value(RELEASED_AT_ONCE);
        let sql = of_names(Sql::new("DELETE FROM claim")).text(" AND value_key IN (").part(&some).text(")");
        Ok(transaction.execute_raw(sql.build(transaction.get_database_backend())).await?.rows_affected())
    }
}
