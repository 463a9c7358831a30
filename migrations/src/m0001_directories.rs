//! Tenants, directories, credentials, resources, members, events.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0001_directories"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, TABLES).await
    }
}

/// Times are microseconds since 1970, ids are UUIDs, documents are JSON as text (their key order counts).
pub(crate) const TABLES: &str = include_str!("m0001_directories.sql");
