//! What PostgreSQL and SQLite spell differently.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

/// Runs the statements of `sql`, each ended by `;`, with its `{words}` replaced.
///
/// # Errors
/// What the database says.
pub(crate) async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let text = spell(&without_comments(sql), manager.get_database_backend());
    for statement in text.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}

fn without_comments(sql: &str) -> String {
    sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}

fn spell(sql: &str, backend: DbBackend) -> String {
    let postgres = backend == DbBackend::Postgres;
    let word = |on_postgres: &'static str, on_sqlite: &'static str| if postgres { on_postgres } else { on_sqlite };
    sql.replace("{id}", word("uuid", "blob"))
        .replace("{bytes}", word("bytea", "blob"))
        // Keys are compared byte by byte, whatever language the database was made for; SQLite does so anyway.
        .replace("{key}", word("text COLLATE \"C\"", "text"))
        // Rows that are nothing but their key lie in the key's order.
        .replace("{key order}", word("", "WITHOUT ROWID"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_left_unspelled() {
        for backend in [DbBackend::Postgres, DbBackend::Sqlite] {
            let text = spell(crate::m0001_directories::TABLES, backend);
            assert!(!text.contains(['{', '}']), "{text}");
        }
    }
}
