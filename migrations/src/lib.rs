//! Schema migrations for PostgreSQL and SQLite.
