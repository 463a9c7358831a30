//! Migrations go forward only: what was released is never changed, and nothing takes away what the version before it
//! still uses.

use std::fmt::Write as _;

use sea_orm_migration::MigratorTrait;
use sha2::{Digest, Sha256};

use crate::{Migrator, m0001_directories, m0002_credentials, m0003_ledger, m0004_directories};

/// Each migration's name, its text, and the SHA-256 of that, noted when it was released. A new one is added at the end.
const RELEASED: &[(&str, &str, &str)] = &[
    (
        "m0001_directories",
        m0001_directories::TABLES,
        "d4c69089ec452a2dd93d145c4f5e677b22d4a9b71ae80d2d18ced7fb89909975",
    ),
    (
        "m0002_credentials",
        m0002_credentials::TABLES,
        "23b08582ed983cfdba66a30e8e3223ebd9113ea2d192d8995902d968c7502556",
    ),
    ("m0003_ledger", m0003_ledger::TABLES, "c28bf2610202ca04221a286977d91c1eb7cced63627cea1f438322288e5cac36"),
    (
        "m0004_directories",
        m0004_directories::TABLES,
        "fb5b1df993ec9eea85a36b6040a664fcda2c1c6c03dc50864ef5a66381a36633",
    ),
];

/// What breaks a version that is still running.
const CONTRACTS: &[&str] = &["DROP ", "RENAME ", "ALTER COLUMN", "SET NOT NULL", "TRUNCATE "];

#[test]
fn a_released_migration_is_as_it_was() {
    let names: Vec<String> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let noted: Vec<&str> = RELEASED.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, noted, "each migration is noted in released.rs, in their order");
    for (name, text, digest) in RELEASED {
        let now = Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        assert_eq!(&now, digest, "{name} was released: leave it, and add another migration");
    }
}

#[test]
fn what_the_version_before_uses_is_taken_away_only_by_a_migration_that_says_so() {
    for (name, text, _) in RELEASED {
        let found = CONTRACTS.iter().find(|contract| text.to_uppercase().contains(**contract));
        assert!(
            name.contains("contract") || found.is_none(),
            "{name} says {found:?}: do it a version later, in a migration with \"contract\" in its name"
        );
    }
}
