//! Statements on a connection, and transactions.

use futures_util::TryStreamExt as _;
use sea_orm::{DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    AssertSqlSafe, Error as SqlxError, Executor as _, Postgres,
    postgres::{PgDatabaseError, PgRow, PgSeverity},
    query::Query,
};
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
fn is_over<T>(answer: &Result<T, SqlxError>) -> bool {
    match answer {
        Ok(_) => true,
        // After a fatal error the server closes the connection.
        Err(SqlxError::Database(error)) => error
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|error| !matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)),
        Err(_) => false,
    }
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

    /// A connection, as soon as there is one.
    pub(crate) async fn lease(&self) -> Result<Lease, DbErr> {
        self.pool.take().await.map_err(of_connection)
    }

    /// All rows, on a connection of this pool's; none as soon as `goes_on` says no of one.
    pub(crate) async fn rows_while(
        &self,
        mut lease: Lease,
        statement: &Statement,
        goes_on: impl FnMut(&QueryResult) -> Result<bool, DbErr> + Send,
    ) -> Result<Option<Vec<QueryResult>>, DbErr> {
        self.note(statement);
        let rows = read_while(&mut lease, statement, goes_on).await;
        if let Some(ended) = rows? {
            lease.ended(&ended);
            return ended.map(Some).map_err(of_query);
        }
        Ok(None)
    }

    /// All rows, on a connection of this pool's.
    pub(crate) async fn rows(&self, mut lease: Lease, statement: &Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.note(statement);
        let answer = lease.connection().map_err(of_connection)?.fetch_all(query(statement)).await;
        lease.ended(&answer);
        results(answer)
    }

    fn note(&self, _statement: &Statement) {
        #[cfg(feature = "counting")]
        self.counters.note(_statement);
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Transaction, DbErr> {
        self.begin_on(self.lease().await?).await
    }

    /// Begins a transaction on a connection of this pool's.
    pub(crate) async fn begin_on(&self, mut lease: Lease) -> Result<Transaction, DbErr> {
        lease.connection().map_err(of_connection)?.execute("BEGIN").await.map_err(of_query)?;
        Ok(Transaction {
            lease: Mutex::new(lease),
            #[cfg(feature = "counting")]
            counters: std::sync::Arc::clone(&self.counters),
        })
    }
}

/// All rows, or what the server said in their place; `None` as soon as `goes_on` says no: then there is more to come on the
/// connection.
async fn read_while(
    lease: &mut Lease,
    statement: &Statement,
    mut goes_on: impl FnMut(&QueryResult) -> Result<bool, DbErr> + Send,
) -> Result<Option<Result<Vec<QueryResult>, SqlxError>>, DbErr> {
    let mut kept = Vec::new();
    let mut rows = lease.connection().map_err(of_connection)?.fetch(query(statement));
    loop {
        let row = match rows.try_next().await {
            Ok(Some(row)) => QueryResult::from(row),
            Ok(None) => return Ok(Some(Ok(kept))),
            Err(error) => return Ok(Some(Err(error))),
        };
        if !goes_on(&row)? {
            return Ok(None);
        }
        kept.push(row);
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

    /// All rows, none as soon as `goes_on` says no of one: then the transaction is of no use any more.
    pub(crate) async fn rows_while(
        &self,
        statement: &Statement,
        goes_on: impl FnMut(&QueryResult) -> Result<bool, DbErr> + Send,
    ) -> Result<Option<Vec<QueryResult>>, DbErr> {
        self.note(statement);
        let mut lease = self.lease.lock().await;
        read_while(&mut lease, statement, goes_on).await?.transpose().map_err(of_query)
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
