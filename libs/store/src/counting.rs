//! For tests: how many statements ran and how many rows were read, so that a cost can be asserted.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use sea_orm::{DatabaseConnection, Statement};

/// Sums since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Statements, without those that begin and end transactions.
    pub statements: u64,
    /// Rows that reading statements gave.
    pub rows: u64,
}

impl std::ops::Sub for Counted {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { statements: self.statements - earlier.statements, rows: self.rows - earlier.rows }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    statements: AtomicU64,
    rows: AtomicU64,
    recent: Mutex<Vec<Statement>>,
}

/// How many statements are remembered.
const RECENT: usize = 64;

impl Counters {
    pub(crate) fn watch(self: &Arc<Self>, connection: &mut DatabaseConnection) {
        let counters = self.clone();
        connection.set_metric_callback(move |info| {
            // The writer's look at what other processes do is nobody's cost.
            if !info.statement.sql.starts_with("PRAGMA") {
                counters.note(info.statement);
            }
        });
    }

    pub(crate) fn note(&self, statement: &Statement) {
        self.statements.fetch_add(1, Ordering::SeqCst);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == RECENT {
            recent.remove(0);
        }
        recent.push(statement.clone());
    }

    pub(crate) fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::SeqCst);
    }

    /// Takes what was run lately, oldest first.
    pub(crate) fn take_recent(&self) -> Vec<Statement> {
        std::mem::take(&mut self.recent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn now(&self) -> Counted {
        Counted { statements: self.statements.load(Ordering::SeqCst), rows: self.rows.load(Ordering::SeqCst) }
    }
}
