//! What a full sync comes to.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rollcall_access::{Actor, DirectoryStep, StepRefused};
use rollcall_base::{
    Id, Timestamp,
    marker::{Directory, Tenant},
};
use rollcall_scim::schema::{GROUP, KindId, USER};
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{Compared, FullSynced, Release};
use crate::{
    AuditRecord, StoreError,
    control::{
        audit::AuditWriter,
        directory_life::{locked, take},
    },
    door::Mutation,
    statement::Sql,
    transaction::Transaction,
};

/// Repairs, and has the directory be synced.
pub(super) struct Finish {
    pub(super) tenant: Id<Tenant>,
    pub(super) directory: Id<Directory>,
    pub(super) lease: Timestamp,
    pub(super) compared: Compared,
    pub(super) memberships: u64,
    pub(super) began_at: Timestamp,
    pub(super) actor: Actor,
    pub(super) audit: AuditWriter,
}

/// Why it came to nothing.
pub(super) enum Ended {
    Refused(StepRefused),
    TakenOver,
}

#[async_trait]
impl Mutation for Finish {
    type Output = Result<(FullSynced, Vec<AuditRecord>), Ended>;

    async fn run(&self, transaction: &Transaction) -> Result<Self::Output, StoreError> {
        let row = locked(transaction, Some(self.tenant), self.directory).await?.ok_or(StoreError::NotFound)?;
        let release = Release { directory: self.directory, lease: self.lease };
        if !release.run(transaction).await? {
            return Ok(Err(Ended::TakenOver));
        }
        let wrong = self.compared.iter().map(|(kind, (counted, kept))| (KindId(*kind), counted - kept));
        let repaired: BTreeMap<KindId, i64> = wrong.filter(|(_, by)| *by != 0).collect();
        let of = |kind: KindId| self.compared.get(&kind.0).map_or(0, |(counted, _)| counted.unsigned_abs());
        let done_at = self.audit.at();
        let mut detail = json!({
            "users": of(USER),
            "groups": of(GROUP),
            "memberships": self.memberships,
            "took_ms": done_at.since(self.began_at).as_millis() as u64,
        });
        if !repaired.is_empty() {
            let list: Vec<_> = repaired.iter().map(|(kind, by)| json!({ "kind": kind.0, "by": by })).collect();
            detail["repaired"] = list.into();
        }
        let (taken, lines) = match take(transaction, &row, DirectoryStep::FullSync, detail).await? {
            Ok(taken) => taken,
            Err(refused) => return Ok(Err(Ended::Refused(refused))),
        };
        for (kind, by) in &repaired {
            // What is wrong stays so, whatever is numbered meanwhile: it is added.
            let sql = Sql::new("INSERT INTO tally (directory_id, kind, live) VALUES (").id(self.directory);
            let sql = sql.text(", ").value(kind.0).text(", ").value(*by);
            let sql = sql.text(") ON CONFLICT (directory_id, kind) DO UPDATE SET live = tally.live + excluded.live");
            transaction.execute_raw(sql.build(transaction.get_database_backend())).await?;
        }
        let done = FullSynced {
            before: taken.before,
            after: taken.after,
            users: of(USER),
            groups: of(GROUP),
            memberships: self.memberships,
            repaired,
            began_at: self.began_at,
            done_at,
        };
        Ok(Ok((done, self.audit.write(transaction, &self.actor, lines).await?)))
    }
}
