//! SQLite: one task writes. It takes what is waiting, runs each in a savepoint of one transaction, commits once, and
//! only then tells each caller. So a flood of small writes costs one flush to disk a group and not one each.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::{
    sync::{Mutex, mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Interval, MissedTickBehavior},
};

use super::{Mutation, run_caught};
use crate::{StoreError, dialect::sqlite, transaction::Transaction};

/// How many writes may wait.
const QUEUE: usize = 1024;
/// How often to look whether another process has written.
const LOOK_ELSEWHERE: Duration = Duration::from_millis(250);

/// When a group takes no further write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GroupLimits {
    pub(crate) operations: usize,
    pub(crate) bytes: usize,
    pub(crate) span: Duration,
}

pub(crate) struct GroupedDoor {
    queue: mpsc::Sender<Entry>,
    patience: Duration,
    writer: Mutex<Option<JoinHandle<()>>>,
}

enum Entry {
    Write(Box<dyn Job>),
    Close,
}

impl GroupedDoor {
    /// Starts the task that writes. `elsewhere` counts up when another process has written.
    pub(crate) fn start(
        connection: DatabaseConnection,
        limits: GroupLimits,
        patience: Duration,
        elsewhere: watch::Sender<u64>,
    ) -> Self {
        let (queue, entries) = mpsc::channel(QUEUE);
        let writer = Writer { connection, limits, entries, elsewhere, data_version: None };
        Self { queue, patience, writer: Mutex::new(Some(tokio::spawn(writer.run()))) }
    }

    pub(crate) async fn write<M: Mutation>(&self, mutation: M) -> Result<M::Output, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Entry::Write(Box::new(Pending { mutation, outcome: None, reply }));
        self.queue.send_timeout(job, self.patience).await.map_err(|error| match error {
            mpsc::error::SendTimeoutError::Timeout(_) => StoreError::unavailable("too many writes are waiting"),
            mpsc::error::SendTimeoutError::Closed(_) => StoreError::unavailable("the store is closed"),
        })?;
        answer.await.unwrap_or_else(|_| Err(StoreError::unavailable("the store was closed before the write")))
    }

    pub(crate) async fn close(&self) {
        if let Some(writer) = self.writer.lock().await.take() {
            let _ = self.queue.send(Entry::Close).await;
            let _ = writer.await;
        }
    }
}

/// A mutation and whoever waits for it.
#[async_trait]
trait Job: Send {
    fn bytes(&self) -> usize;
    /// Runs and keeps the outcome; false if it failed.
    async fn run(&mut self, transaction: &Transaction) -> bool;
    /// Tells the caller. `failed`: the whole group came to nothing.
    fn settle(self: Box<Self>, failed: Option<StoreError>);
}

struct Pending<M: Mutation> {
    mutation: M,
    outcome: Option<Result<M::Output, StoreError>>,
    reply: oneshot::Sender<Result<M::Output, StoreError>>,
}

#[async_trait]
impl<M: Mutation> Job for Pending<M> {
    fn bytes(&self) -> usize {
        self.mutation.bytes()
    }

    async fn run(&mut self, transaction: &Transaction) -> bool {
        let outcome = run_caught(&self.mutation, transaction).await;
        let done = outcome.is_ok();
        self.outcome = Some(outcome);
        done
    }

    fn settle(self: Box<Self>, failed: Option<StoreError>) {
        let outcome = match (self.outcome, failed) {
            // What was refused was refused, whatever became of the others.
            (Some(Err(error)), _) | (_, Some(error)) => Err(error),
            (Some(done), None) => done,
            (None, None) => Err(StoreError::internal("a write was never run")),
        };
        // A caller who went away wants no answer; the write stands.
        let _ = self.reply.send(outcome);
    }
}

struct Writer {
    connection: DatabaseConnection,
    limits: GroupLimits,
    entries: mpsc::Receiver<Entry>,
    elsewhere: watch::Sender<u64>,
    data_version: Option<i64>,
}

impl Writer {
    async fn run(mut self) {
        let mut look = tokio::time::interval(LOOK_ELSEWHERE);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while let Some(first) = self.next(&mut look).await {
            let mut group = Vec::new();
            let outcome = self.group(first, &mut group).await;
            if outcome.is_err() {
                // Those that waited behind would only wait for the same error, one after the other.
                while let Ok(entry) = self.entries.try_recv() {
                    match entry {
                        Entry::Write(job) => group.push(job),
                        Entry::Close => self.entries.close(),
                    }
                }
            }
            for job in group {
                job.settle(outcome.as_ref().err().cloned());
            }
        }
        self.entries.close();
        // A courtesy to the next start: what the log holds is safe in it too.
        let _ = self.connection.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await;
        let _ = self.connection.close_by_ref().await;
    }

    /// The next write; none once the store is closed. In between, looks whether another process has written.
    async fn next(&mut self, look: &mut Interval) -> Option<Box<dyn Job>> {
        loop {
            tokio::select! {
                entry = self.entries.recv() => match entry {
                    Some(Entry::Write(job)) => return Some(job),
                    Some(Entry::Close) | None => return None,
                },
                _ = look.tick() => self.look_elsewhere().await,
            }
        }
    }

    /// Runs `first` and what waits behind it, and commits. An error is the whole group's.
    async fn group(&mut self, first: Box<dyn Job>, group: &mut Vec<Box<dyn Job>>) -> Result<(), StoreError> {
        let began = Instant::now();
        let mut bytes = first.bytes();
        group.push(first);
        let transaction = Transaction::File(sqlite::begin_immediate(&self.connection).await?);
        let mut at = 0;
        while at < group.len() {
            run_in_savepoint(&mut group[at], &transaction).await?;
            at += 1;
            let full = group.len() >= self.limits.operations
                || bytes >= self.limits.bytes
                || began.elapsed() >= self.limits.span;
            if at == group.len() && !full && !self.entries.is_closed() {
                match self.entries.try_recv() {
                    Ok(Entry::Write(job)) => {
                        bytes += job.bytes();
                        group.push(job);
                    }
                    // What is in the queue by now is still written.
                    Ok(Entry::Close) => self.entries.close(),
                    Err(_) => {}
                }
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// `PRAGMA data_version` changes when another connection has committed, and only then; no file is read for it
    /// beyond the log's index.
    async fn look_elsewhere(&mut self) {
        use sea_orm::{DbBackend, Statement};
        let asked = self.connection.query_one_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA data_version"));
        let Ok(Some(row)) = asked.await else { return };
        let Ok(version) = row.try_get_by_index::<i64>(0) else { return };
        if self.data_version.replace(version).is_some_and(|before| before != version) {
            self.elsewhere.send_modify(|count| *count += 1);
        }
    }
}

/// The error is one of the transaction as a whole: a full disk rolls everything back, and then there is no savepoint
/// to go back to.
async fn run_in_savepoint(job: &mut Box<dyn Job>, transaction: &Transaction) -> Result<(), StoreError> {
    transaction.execute_unprepared("SAVEPOINT one").await?;
    let end = if job.run(transaction).await { "RELEASE one" } else { "ROLLBACK TO one" };
    match transaction.execute_unprepared(end).await {
        // The savepoint that was gone back to stays; the next one of its name hides it, and the commit ends both.
        Ok(_) => Ok(()),
        Err(error) => Err(StoreError::Unavailable(Arc::new(error))),
    }
}
