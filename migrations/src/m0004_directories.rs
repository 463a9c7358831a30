//! A directory's stages and policies, its client's contact, what was tolerated, former names, deleted resources' names.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0004_directories"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::dialect::run(manager, TABLES).await
    }
}

/// As in the first migration: times are microseconds since 1970; days are counted from then.
pub(crate) const TABLES: &str = include_str!("m0004_directories.sql");
