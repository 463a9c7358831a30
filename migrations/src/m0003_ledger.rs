//! The audit's numbers, reports of use that count once, and whose access tokens were that are erased.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0003_ledger"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, TABLES).await
    }
}

/// As in the migrations before.
pub(crate) const TABLES: &str = include_str!("m0003_ledger.sql");
