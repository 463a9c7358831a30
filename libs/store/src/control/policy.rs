//! What a tenant decided about its credentials.

use std::time::Duration;

use async_trait::async_trait;
use rollcall_access::Actor;
use rollcall_base::{Id, marker::Tenant};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult};
use serde_json::{Value, json};

use super::{
    AuditAction, AuditRecord, TenantStore,
    audit::{self, AuditEntry, AuditWriter},
};
use crate::{StoreError, door::Mutation, statement::Sql};

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
        const HOUR: Duration = Duration::from_secs(60 * 60);
        Self {
            token_days: 365,
            longest_token_days: 730,
            rotation_overlap: 24 * HOUR,
            rotation_deadline: 30 * 24 * HOUR,
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

    /// Has another policy hold from now on. Whether its bounds make sense is the caller's check.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_policy(&self, policy: TenantPolicy) -> Result<(), StoreError> {
        let audit = AuditWriter::new(&self.inner);
        let set = SetPolicy { tenant: self.tenant, actor: self.actor.clone(), policy, audit };
        audit::tell(&self.inner.write(set).await?);
        Ok(())
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

struct SetPolicy {
    tenant: Id<Tenant>,
    actor: Actor,
    policy: TenantPolicy,
    audit: AuditWriter,
}

#[async_trait]
impl Mutation for SetPolicy {
    type Output = Vec<AuditRecord>;

    async fn run(&self, transaction: &DatabaseTransaction) -> Result<Vec<AuditRecord>, StoreError> {
        let backend = transaction.get_database_backend();
        let before = transaction.query_one_raw(select(self.tenant).build(backend)).await?;
        let before = before.as_ref().map(policy).transpose()?.unwrap_or_default();
        if before == self.policy {
            return Ok(Vec::new());
        }
        let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        let days = |days: u32| i32::try_from(days).unwrap_or(i32::MAX);
        let sql = Sql::new(
            "INSERT INTO tenant_policy (tenant_id, token_days, longest_token_days, rotation_overlap_seconds, \
             rotation_deadline_seconds) VALUES (",
        )
        .id(self.tenant)
        .text(", ")
        .value(days(self.policy.token_days))
        .text(", ")
        .value(days(self.policy.longest_token_days))
        .text(", ")
        .value(seconds(self.policy.rotation_overlap))
        .text(", ")
        .value(seconds(self.policy.rotation_deadline))
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
            detail: json!({ "before": before.detail(), "after": self.policy.detail() }),
        };
        self.audit.write(transaction, &self.actor, vec![entry]).await
    }
}
