//! That the schema can be distributed by `directory_id`, and uses nothing that distributed engines lack, read from
//! PostgreSQL's own catalog.

use std::collections::BTreeSet;

use rollcall_migrations::tables::{OF_DIRECTORIES, REFERENCE};
use rollcall_store::Store;
use rollcall_testkit::Database;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

async fn texts(raw: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = raw.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// Made by migrating an empty database, as an installation's is.
async fn migrated() -> (Database, DatabaseConnection) {
    let database = Database::empty_postgres().await;
    Store::migrate(&database.config).await.unwrap();
    let raw = database.raw().await;
    (database, raw)
}

#[tokio::test]
async fn every_table_is_of_directories_or_a_named_reference_table() {
    let (_database, raw) = migrated().await;
    let tables = texts(&raw, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'").await;
    let tables: BTreeSet<&str> = tables.iter().map(String::as_str).collect();
    assert_eq!(tables, OF_DIRECTORIES.iter().chain(REFERENCE).copied().collect());
}

#[tokio::test]
async fn every_key_of_directory_data_begins_with_the_directory() {
    let (_database, raw) = migrated().await;
    let of_directories = list(OF_DIRECTORIES);
    let first = "(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[0])";
    let keys = format!(
        "FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid \
                        WHERE t.relname IN ({of_directories}) AND i.indisunique"
    );
    let all = texts(&raw, &format!("SELECT n.relname::text {keys}")).await;
    assert!(all.len() > OF_DIRECTORIES.len(), "{all:?}");
    let others = texts(&raw, &format!("SELECT n.relname::text {keys} AND {first} <> 'directory_id'")).await;
    assert!(others.is_empty(), "unique without directory_id as the first column: {others:?}");
    let without = format!(
        "SELECT t.relname::text FROM pg_class t WHERE t.relname IN ({of_directories}) AND NOT EXISTS \
         (SELECT 1 FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)"
    );
    assert!(texts(&raw, &without).await.is_empty(), "each has a primary key");
    let nullable = format!(
        "SELECT t.relname::text FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'directory_id' \
         WHERE t.relname IN ({of_directories}) AND (NOT a.attnotnull OR a.atttypid <> 'uuid'::regtype)"
    );
    assert!(texts(&raw, &nullable).await.is_empty(), "directory_id is everywhere the same, and never absent");
}

#[tokio::test]
async fn every_foreign_key_of_directory_data_stays_within_the_directory() {
    let (_database, raw) = migrated().await;
    let keys = format!(
        "FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class r ON r.oid = c.confrelid \
         WHERE c.contype = 'f' AND (t.relname IN ({0}) OR r.relname IN ({0}))",
        list(OF_DIRECTORIES)
    );
    assert!(texts(&raw, &format!("SELECT c.conname::text {keys}")).await.len() >= 4);
    let column = |table: &str, columns: &str| {
        format!("(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = {table} AND a.attnum = {columns}[1])")
    };
    let leaving = format!(
        "SELECT c.conname::text {keys} AND NOT (t.relname IN ({0}) AND r.relname IN ({0}) AND {1} = 'directory_id' \
         AND {2} = 'directory_id')",
        list(OF_DIRECTORIES),
        column("c.conrelid", "c.conkey"),
        column("c.confrelid", "c.confkey"),
    );
    let leaving = texts(&raw, &leaving).await;
    assert!(leaving.is_empty(), "these lead out of the directory: {leaving:?}");
}

#[tokio::test]
async fn nothing_is_used_that_a_distributed_engine_lacks() {
    let (_database, raw) = migrated().await;
    for (what, sql) in [
        ("sequences", "SELECT sequencename::text FROM pg_sequences"),
        ("triggers", "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal"),
        ("rules", "SELECT rulename::text FROM pg_rules WHERE schemaname = 'public'"),
        ("views", "SELECT viewname::text FROM pg_views WHERE schemaname = 'public'"),
        ("functions", "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"),
        (
            "own types",
            "SELECT typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')",
        ),
        ("deferrable constraints", "SELECT conname::text FROM pg_constraint WHERE condeferrable"),
        ("exclusion constraints", "SELECT conname::text FROM pg_constraint WHERE contype = 'x'"),
        ("extensions", "SELECT extname::text FROM pg_extension WHERE extname <> 'plpgsql'"),
        ("row policies", "SELECT policyname::text FROM pg_policies"),
        ("inherited tables", "SELECT inhrelid::regclass::text FROM pg_inherits"),
        (
            "generated or identity columns",
            "SELECT attname::text FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid \
          WHERE t.relnamespace = 'public'::regnamespace AND (a.attidentity <> '' OR a.attgenerated <> '')",
        ),
        (
            "indexes that are no B-trees",
            "SELECT c.relname::text FROM pg_class c JOIN pg_am m ON m.oid = c.relam \
          WHERE c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace AND m.amname <> 'btree'",
        ),
        (
            "indexes on expressions",
            "SELECT indexrelid::regclass::text FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid \
          WHERE t.relnamespace = 'public'::regnamespace AND i.indexprs IS NOT NULL",
        ),
    ] {
        let found = texts(&raw, sql).await;
        assert!(found.is_empty(), "{what}: {found:?}");
    }
}
