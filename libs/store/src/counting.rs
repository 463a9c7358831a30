//! For tests: how many statements ran and how many rows were read, so that a cost can be asserted.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sea_orm::DatabaseConnection;

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
}

impl Counters {
    pub(crate) fn watch(self: &Arc<Self>, connection: &mut DatabaseConnection) {
        let counters = self.clone();
        connection.set_metric_callback(move |info| {
            // The writer's look at what other processes do is nobody's cost.
            if !info.statement.sql.starts_with("PRAGMA") {
                counters.statements.fetch_add(1, Ordering::SeqCst);
            }
        });
    }

    pub(crate) fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Counted {
        Counted { statements: self.statements.load(Ordering::SeqCst), rows: self.rows.load(Ordering::SeqCst) }
    }
}
