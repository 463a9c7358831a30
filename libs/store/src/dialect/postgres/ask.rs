//! Statements on a connection, and transactions.

use futures_util::TryStreamExt as _;
use sea_orm::{DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Error as SqlxError, Executor as _, Postgres, postgres::PgRow, query::Query};
use tokio::sync::Mutex;

use super::pool::{Lease, Pool};
#[cfg(feature = "counting")]
use crate::counting::Counters;

/// Asks on whichever connection is free. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Asker {
    pool: Pool,
    #[cfg(feature = "counting")]
    counters: std::sync::Arc<Counters>,
}

/// A transaction. Dropped without an end, it is rolled back with its connection.
pub(crate) struct Transaction {
    lease: Mutex<Lease>,
    #[cfg(feature = "counting")]
    counters: std::sync::Arc<Counters>,
}

fn query(statement: &Statement) -> Query<'_, Postgres, SqlxValues> {
    let values = statement.values.clone().unwrap_or(Values(Vec::new()));
    // The store's own text; values are apart from it.
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}

fn of_query(error: SqlxError) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn of_execution(error: SqlxError) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn of_connection(error: SqlxError) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}

/// Whether the server refused a statement and waits for the next one.
const fn is_over<T>(answer: &Result<T, SqlxError>) -> bool {
    matches!(answer, Ok(_) | Err(SqlxError::Database(_)))
}

impl Asker {
    pub(super) fn new(pool: Pool) -> Self {
        Self {
            pool,
            #[cfg(feature = "counting")]
            counters: std::sync::Arc::default(),
        }
    }

    /// Counts in `counters` from now on.
    #[cfg(feature = "counting")]
    pub(crate) fn count_in(&mut self, counters: std::sync::Arc<Counters>) {
        self.counters = counters;
    }

    /// The connections themselves.
    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// All rows, none as soon as `goes_on` says no of one.
    pub(crate) async fn rows_while(
        &self,
        statement: &Statement,
        mut goes_on: impl FnMut(&QueryResult) -> Result<bool, DbErr> + Send,
    ) -> Result<Option<Vec<QueryResult>>, DbErr> {
        let mut lease = self.lease(statement).await?;
        let mut kept = Vec::new();
        let connection = lease.connection().map_err(of_connection)?;
        let mut rows = connection.fetch(query(statement));
        let ended = loop {
            let row = match rows.try_next().await {
                Ok(Some(row)) => QueryResult::from(row),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            if !goes_on(&row)? {
                return Ok(None);
            }
            kept.push(row);
        };
        drop(rows);
        lease.ended(&ended);
        ended.map_err(of_query)?;
        Ok(Some(kept))
    }

    /// All rows.
    pub(crate) async fn rows(&self, statement: &Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut lease = self.lease(statement).await?;
        let answer = lease.connection().map_err(of_connection)?.fetch_all(query(statement)).await;
        lease.ended(&answer);
        results(answer)
    }

    async fn lease(&self, _statement: &Statement) -> Result<Lease, DbErr> {
        #[cfg(feature = "counting")]
        self.counters.note(_statement);
        self.pool.take().await.map_err(of_connection)
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Transaction, DbErr> {
        let mut lease = self.pool.take().await.map_err(of_connection)?;
        lease.connection().map_err(of_connection)?.execute("BEGIN").await.map_err(of_query)?;
        Ok(Transaction {
            lease: Mutex::new(lease),
            #[cfg(feature = "counting")]
            counters: std::sync::Arc::clone(&self.counters),
        })
    }
}

impl Lease {
    /// Notes how a statement outside of a transaction ended.
    fn ended<T>(&mut self, answer: &Result<T, SqlxError>) {
        if is_over(answer) {
            self.is_done();
        }
    }
}

fn results(rows: Result<Vec<PgRow>, SqlxError>) -> Result<Vec<QueryResult>, DbErr> {
    Ok(rows.map_err(of_query)?.into_iter().map(QueryResult::from).collect())
}

impl Transaction {
    /// All rows.
    pub(crate) async fn rows(&self, statement: &Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.note(statement);
        let mut lease = self.lease.lock().await;
        results(lease.connection().map_err(of_connection)?.fetch_all(query(statement)).await)
    }

    /// Runs a statement that gives no rows.
    pub(crate) async fn execute(&self, statement: &Statement) -> Result<ExecResult, DbErr> {
        self.note(statement);
        let mut lease = self.lease.lock().await;
        let done = lease.connection().map_err(of_connection)?.execute(query(statement)).await;
        done.map(ExecResult::from).map_err(of_execution)
    }

    /// Commits. What an error means is the caller's to find out.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        self.end("COMMIT").await
    }

    /// Rolls back.
    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        self.end("ROLLBACK").await
    }

    async fn end(self, how: &'static str) -> Result<(), DbErr> {
        let mut lease = self.lease.into_inner();
        let ended = lease.connection().map_err(of_connection)?.execute(how).await;
        lease.ended(&ended);
        ended.map(drop).map_err(of_query)
    }

    fn note(&self, _statement: &Statement) {
        #[cfg(feature = "counting")]
        self.counters.note(_statement);
    }
}
