//! The connections that read. A read that was cut off, or was in another transaction's way, is simply read again.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{Stream, TryStreamExt};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement, StreamTrait,
    TransactionTrait,
};

use crate::{
    StoreConfig,
    dialect::{failure, postgres::Doubt},
};

/// How often a read is tried in all.
const TRIES: u32 = 4;
/// The pause before the second try; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Reads.
pub(crate) struct Reader {
    connection: DatabaseConnection,
    /// None on SQLite, where no connection is lost.
    server: Option<Server>,
}

struct Server {
    doubt: Arc<Doubt>,
    /// How long one answer may take.
    answer_within: Duration,
    /// A pooler in transaction mode may send a statement's parsing and its execution to two servers, unless a
    /// transaction holds them together.
    in_transactions: bool,
}

impl Reader {
    /// On a file.
    pub(crate) const fn of_file(connection: DatabaseConnection) -> Self {
        Self { connection, server: None }
    }

    /// On a server.
    pub(crate) fn of_server(connection: DatabaseConnection, doubt: Arc<Doubt>, config: &StoreConfig) -> Self {
        let in_transactions = config.statement_cache == 0;
        Self { connection, server: Some(Server { doubt, answer_within: config.answer_within(), in_transactions }) }
    }

    /// The connections themselves.
    pub(crate) const fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Runs `read`, which must do nothing but read, and again if it was cut off.
    async fn again<T, R>(&self, read: impl Fn() -> R + Send + Sync) -> Result<T, DbErr>
    where
        R: Future<Output = Result<T, DbErr>> + Send,
    {
        let Some(server) = &self.server else { return read().await };
        let mut tried = 1;
        loop {
            let Ok(answer) = tokio::time::timeout(server.answer_within, read()).await else {
                server.doubt.raise();
                return Err(failure::too_late("no answer to a question came in time"));
            };
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if failure::is_lost(&error) {
                server.doubt.raise();
            } else if !failure::is_contention(&error) {
                return Err(error);
            }
            if tried == TRIES {
                return Err(error);
            }
            tracing::debug!(tried, error = ?error, "a read is tried again");
            tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(tried - 1)).await;
            tried += 1;
        }
    }

    /// All rows, none as soon as their `column` has more than `most` bytes together: what comes after that is not read.
    pub(crate) async fn within_bytes(
        &self,
        statement: Statement,
        column: &str,
        most: usize,
    ) -> Result<Option<Vec<QueryResult>>, DbErr> {
        self.again(|| self.within_bytes_once(statement.clone(), column, most)).await
    }

    async fn within_bytes_once(
        &self,
        statement: Statement,
        column: &str,
        most: usize,
    ) -> Result<Option<Vec<QueryResult>>, DbErr> {
        if !self.in_transactions() {
            return collect(self.connection.stream_raw(statement).await?, column, most).await;
        }
        let transaction = self.connection.begin().await?;
        let rows = collect(transaction.stream_raw(statement).await?, column, most).await?;
        transaction.commit().await?;
        Ok(rows)
    }

    async fn all_once(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if !self.in_transactions() {
            return self.connection.query_all_raw(statement).await;
        }
        let transaction = self.connection.begin().await?;
        let rows = transaction.query_all_raw(statement).await?;
        transaction.commit().await?;
        Ok(rows)
    }

    fn in_transactions(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.in_transactions)
    }
}

async fn collect(
    mut rows: impl Stream<Item = Result<QueryResult, DbErr>> + Unpin,
    column: &str,
    most: usize,
) -> Result<Option<Vec<QueryResult>>, DbErr> {
    let (mut kept, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        bytes += row.try_get::<String>("", column)?.len();
        if bytes > most {
            return Ok(None);
        }
        kept.push(row);
    }
    Ok(Some(kept))
}

#[async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.connection.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        // Not a read: the door is for that.
        Err(DbErr::Custom(format!("a reader was asked to execute: {}", statement.sql)))
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        Err(DbErr::Custom(format!("a reader was asked to execute: {sql}")))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if self.in_transactions() {
            return Ok(self.query_all_raw(statement).await?.into_iter().next());
        }
        self.again(|| self.connection.query_one_raw(statement.clone())).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.again(|| self.all_once(statement.clone())).await
    }
}
