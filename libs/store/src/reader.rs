//! The connections that read. A read that was cut off, or was in another transaction's way, is simply read again.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{Stream, TryStreamExt};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement, StreamTrait};

use crate::{
    StoreConfig,
    dialect::{
        failure,
        postgres::{Asker, Doubt, Lease},
    },
};

/// How often a read is tried in all.
const TRIES: u32 = 4;
/// The pause before the second try; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Reads.
pub(crate) enum Reader {
    /// A file, of which no connection is lost.
    File(DatabaseConnection),
    /// A server.
    Server(ServerReader),
}

/// Reads from a server.
pub(crate) struct ServerReader {
    asker: Asker,
    doubt: Arc<Doubt>,
    /// How long one answer may take.
    answer_within: Duration,
    /// A pooler in transaction mode may send a statement's parsing and its execution to two servers, unless a
    /// transaction holds them together.
    in_transactions: bool,
}

/// A question: all rows, or none if their `column` has more than so many bytes together.
#[derive(Clone)]
struct Question {
    statement: Statement,
    within: Option<(String, usize)>,
}

impl Reader {
    /// On a server.
    pub(crate) fn of_server(asker: Asker, doubt: Arc<Doubt>, config: &StoreConfig) -> Self {
        let in_transactions = config.statement_cache == 0;
        Self::Server(ServerReader { asker, doubt, answer_within: config.answer_within(), in_transactions })
    }

    /// All rows, none as soon as their `column` has more than `most` bytes together: what comes after that is not read.
    pub(crate) async fn within_bytes(
        &self,
        statement: Statement,
        column: &str,
        most: usize,
    ) -> Result<Option<Vec<QueryResult>>, DbErr> {
        match self {
            Self::File(connection) => collect(connection.stream_raw(statement).await?, column, most).await,
            Self::Server(server) => server.ask(Question { statement, within: Some((column.to_owned(), most)) }).await,
        }
    }

    /// Closes the connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::File(connection) => {
                if let Err(error) = connection.close_by_ref().await {
                    tracing::warn!(error = ?error, "the database connections did not close cleanly");
                }
            }
            Self::Server(server) => server.asker.pool().close().await,
        }
    }
}

impl ServerReader {
    /// Asks, and again if it was cut off.
    async fn ask(&self, question: Question) -> Result<Option<Vec<QueryResult>>, DbErr> {
        let mut tried = 1;
        loop {
            let error = match self.ask_once(question.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if failure::is_lost(&error) {
                self.doubt.raise();
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

    /// In a task of its own, once there is a connection: a client that goes away leaves no connection in the middle of an answer,
    /// which would cost the connection, and nobody in the line for one.
    async fn ask_once(&self, question: Question) -> Result<Option<Vec<QueryResult>>, DbErr> {
        let lease = self.asker.lease().await?;
        let (asker, doubt) = (self.asker.clone(), Arc::clone(&self.doubt));
        let (within, in_transactions) = (self.answer_within, self.in_transactions);
        let asked = tokio::spawn(async move {
            let answer = async {
                if in_transactions {
                    question.ask_in_transaction(&asker, lease).await
                } else {
                    question.ask(&asker, lease).await
                }
            };
            tokio::time::timeout(within, answer).await.unwrap_or_else(|_| {
                doubt.raise();
                Err(failure::too_late("no answer to a question came in time"))
            })
        });
        asked.await.unwrap_or_else(|error| Err(DbErr::Custom(format!("a read did not end: {error}"))))
    }
}

impl Question {
    async fn ask(&self, asker: &Asker, lease: Lease) -> Result<Option<Vec<QueryResult>>, DbErr> {
        match &self.within {
            None => asker.rows(lease, &self.statement).await.map(Some),
            Some((column, most)) => asker.rows_while(lease, &self.statement, fits(column, *most)).await,
        }
    }

    async fn ask_in_transaction(&self, asker: &Asker, lease: Lease) -> Result<Option<Vec<QueryResult>>, DbErr> {
        let transaction = asker.begin_on(lease).await?;
        let rows = match &self.within {
            None => Some(transaction.rows(&self.statement).await?),
            Some((column, most)) => transaction.rows_while(&self.statement, fits(column, *most)).await?,
        };
        if rows.is_some() {
            transaction.commit().await?;
        }
        Ok(rows)
    }
}

/// Whether a row and those before it have at most `most` bytes in their `column`.
fn fits(column: &str, most: usize) -> impl FnMut(&QueryResult) -> Result<bool, DbErr> + Send {
    let mut bytes = 0;
    move |row| {
        bytes += row.try_get::<String>("", column)?.len();
        Ok(bytes <= most)
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
        match self {
            Self::File(_) => DbBackend::Sqlite,
            Self::Server(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        // Not a read: the door is for that.
        Err(DbErr::Custom(format!("a reader was asked to execute: {}", statement.sql)))
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        Err(DbErr::Custom(format!("a reader was asked to execute: {sql}")))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::File(connection) => connection.query_one_raw(statement).await,
            Self::Server(_) => Ok(self.query_all_raw(statement).await?.into_iter().next()),
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::File(connection) => connection.query_all_raw(statement).await,
            Self::Server(server) => Ok(server.ask(Question { statement, within: None }).await?.unwrap_or_default()),
        }
    }
}
