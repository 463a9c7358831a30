//! A transaction on either database.

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use crate::dialect::postgres;

/// What a write runs in.
pub(crate) enum Transaction {
    /// On a SQLite file.
    File(DatabaseTransaction),
    /// On a PostgreSQL server.
    Server(postgres::Transaction),
}

impl Transaction {
    /// Commits.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self {
            Self::File(transaction) => transaction.commit().await,
            Self::Server(transaction) => transaction.commit().await,
        }
    }

    /// Rolls back.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        match self {
            Self::File(transaction) => transaction.rollback().await,
            Self::Server(transaction) => transaction.rollback().await,
        }
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::File(_) => DbBackend::Sqlite,
            Self::Server(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::File(transaction) => transaction.execute_raw(statement).await,
            Self::Server(transaction) => transaction.execute(&statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::File(transaction) => transaction.execute_unprepared(sql).await,
            Self::Server(transaction) => transaction.execute(&Statement::from_string(DbBackend::Postgres, sql)).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::File(transaction) => transaction.query_one_raw(statement).await,
            Self::Server(transaction) => Ok(transaction.rows(&statement).await?.into_iter().next()),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::File(transaction) => transaction.query_all_raw(statement).await,
            Self::Server(transaction) => transaction.rows(&statement).await,
        }
    }
}
