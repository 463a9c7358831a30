//! OAuth clients, a credential's scopes, networks and rotation, its use, policies, the audit.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0002_credentials"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, TABLES).await
    }
}

/// As in the first migration: times are microseconds since 1970; hours and days are counted from then.
pub(crate) const TABLES: &str = include_str!("m0002_credentials.sql");
