//! Schema migrations for PostgreSQL and SQLite, from one source: each migration is SQL in which `{words}` stand for
//! what the two spell differently ([`dialect`]).

mod dialect;
mod m0001_directories;
mod m0002_credentials;
mod m0003_ledger;
mod m0004_directories;
#[cfg(test)]
mod released;
pub mod tables;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::{MigrationTrait, async_trait};

/// Brings a database to this program's schema.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_directories::Migration),
            Box::new(m0002_credentials::Migration),
            Box::new(m0003_ledger::Migration),
            Box::new(m0004_directories::Migration),
        ]
    }
}

/// The names of all migrations that this program knows, oldest first.
pub fn names() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}
