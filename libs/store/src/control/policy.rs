//! What a tenant decided about its credentials.

use std::time::Duration;

use async_trait::async_trait;
use rollcall_access::Actor;
use rollcall_base::{DAY, Id, marker::Tenant};
use sea_orm::{ConnectionTrait, EntityTrait, QueryResult, QuerySelect, sea_query::LockType};
use serde_json::{Value, json};

use super::{
    AuditAction, AuditRecord, TenantStore,
    audit::{self, AuditEntry, AuditWriter},
};
use crate::{StoreError, door::Mutation, entity::tenant, statement::Sql, transaction::Transaction};

/// What a tenant decided about its credentials. It holds for what is issued and rotated from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantPolicy {
    /// How many days a token lives if nobody says otherwise.
    pub token_days: u32,
    /// How many days one may live at most.
    pub longest_token_days: u32,
    /// How long a token goes on after the one in its place was used first.
    pub rotation_overlap: Duration,
    /// How long it goes on at most.
    pub rotation_deadline: Duration,
}

impl Default for TenantPolicy {
    fn default() -> Self {
        Self { token_days: 365, longest_token_days: 730, rotation_overlap: DAY, rotation_deadline: 30 * DAY }
    }
}

/// What is to be changed of a policy; `None` stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyChange {
    /// [`TenantPolicy::token_days`].
    pub token_days: Option<u32>,
    /// [`TenantPolicy::longest_token_days`].
    pub longest_token_days: Option<u32>,
    /// [`TenantPolicy::rotation_overlap`].
    pub rotation_overlap: Option<Duration>,
    /// [`TenantPolicy::rotation_deadline`].
    pub rotation_deadline: Option<Duration>,
}

impl PolicyChange {
    fn of(self, before: TenantPolicy) -> TenantPolicy {
        TenantPolicy {
            token_days: self.token_days.unwrap_or(before.token_days),
            longest_token_days: self.longest_token_days.unwrap_or(before.longest_token_days),
            rotation_overlap: self.rotation_overlap.unwrap_or(before.rotation_overlap),
            rotation_deadline: self.rotation_deadline.unwrap_or(before.rotation_deadline),
        }
    }
}

impl TenantPolicy {
    fn detail(&self) -> Value {
        json!({
            "token_days": self.token_days,
            "longest_token_days": self.longest_token_days,
            "rotation_overlap_seconds": self.rotation_overlap.as_secs(),
            "rotation_deadline_seconds": self.rotation_deadline.as_secs(),
        })
    }
}

impl TenantStore {
    /// The tenant's policy; the defaults if it decided nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn policy(&self) -> Result<TenantPolicy, StoreError> {
        let rows = self.inner.rows(select(self.tenant).build(self.inner.backend())).await?;
        Ok(rows.first().map(policy).transpose()?.unwrap_or_default())
    }

    /// Changes the policy for what is to come, if `is_right` of what comes of it, and returns it; otherwise what that said. Of
    /// two changes at the same time one is made upon the other.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn change_policy(
        &self,
        change: PolicyChange,
        is_right: fn(&TenantPolicy) -> Result<(), &'static str>,
    ) -> Result<Result<TenantPolicy, &'static str>, StoreError> {
        let audit = AuditWriter::new(&self.inner);
        let change = ChangePolicy { tenant: self.tenant, actor: self.actor.clone(), change, is_right, audit };
        Ok(self.inner.write(change).await?.map(|(policy, written)| {
            audit::tell(&written);
            policy
        }))
    }
}

fn select(tenant: Id<Tenant>) -> Sql {
    Sql::new(
        "SELECT token_days, longest_token_days, rotation_overlap_seconds, rotation_deadline_seconds FROM tenant_policy \
         WHERE tenant_id = ",
    )
    .id(tenant)
}

fn policy(row: &QueryResult) -> Result<TenantPolicy, StoreError> {
    let days = |column| -> Result<u32, StoreError> {
        u32::try_from(row.try_get::<i32>("", column)?).map_err(|_| StoreError::internal("a policy's days are negative"))
    };
    let span = |column| -> Result<Duration, StoreError> {
        let seconds = u64::try_from(row.try_get::<i64>("", column)?);
        Ok(Duration::from_secs(seconds.map_err(|_| StoreError::internal("a policy's span is negative"))?))
    };
    Ok(TenantPolicy {
        token_days: days("token_days")?,
        longest_token_days: days("longest_token_days")?,
        rotation_overlap: span("rotation_overlap_seconds")?,
        rotation_deadline: span("rotation_deadline_seconds")?,
    })
}

struct ChangePolicy {
    tenant: Id<Tenant>,
    actor: Actor,
    change: PolicyChange,
    is_right: fn(&TenantPolicy) -> Result<(), &'static str>,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for ChangePolicy {
    type Output = Result<(TenantPolicy, Vec<AuditRecord>), &'static str>;

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        let backend = transaction.get_database_backend();
        // There may be no row of its policy yet: who else changes it waits at the tenant's.
        let tenant = tenant::Entity::find_by_id(self.tenant.as_uuid()).lock(LockType::NoKeyUpdate);
        tenant.one(transaction).await?.ok_or(StoreError::NotFound)?;
        let before = transaction.query_one_raw(select(self.tenant).build(backend)).await?;
        let before = before.as_ref().map(policy).transpose()?.unwrap_or_default();
        let after = self.change.of(before);
        if let Err(wrong) = (self.is_right)(&after) {
            return Ok(Err(wrong));
        }
        if before == after {
            return Ok(Ok((after, Vec::new())));
        }
        let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
        let sql = Sql::new(
            "INSERT INTO tenant_policy (tenant_id, token_days, longest_token_days, rotation_overlap_seconds, \
             rotation_deadline_seconds) VALUES (",
        )
        .id(self.tenant)
        .text(", ")
        .value(days(after.token_days))
        .text(", ")
        .value(days(after.longest_token_days))
        .text(", ")
        .value(seconds(after.rotation_overlap))
        .text(", ")
        .value(seconds(after.rotation_deadline))
        .text(
            ") ON CONFLICT (tenant_id) DO UPDATE SET token_days = excluded.token_days, \
             longest_token_days = excluded.longest_token_days, \
             rotation_overlap_seconds = excluded.rotation_overlap_seconds, \
             rotation_deadline_seconds = excluded.rotation_deadline_seconds",
        );
        transaction.execute_raw(sql.build(backend)).await?;
        let entry = AuditEntry {
            tenant: self.tenant,
            directory: None,
            action: AuditAction::PolicyChanged,
            subject: None,
            once: None,
            detail: json!({ "before": before.detail(), "after": after.detail() }),
        };
        Ok(Ok((after, self.audit.write(transaction, &self.actor, vec![entry]).await?)))
    }
}
