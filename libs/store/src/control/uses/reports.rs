//! Reports of use come until somebody answers, and count once.

use rollcall_base::{Id, Timestamp, marker::Reporter};
use sea_orm::ConnectionTrait;

use crate::{StoreError, statement::Sql, transaction::Transaction};

/// What a report of use is known by. A process sends its reports one after the other, and each until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportId {
    /// Who reports.
    pub reporter: Id<Reporter>,
    /// Its reports are 1, 2, 3 …
    pub seq: u64,
}

/// Whether a report has not come before; notes that it has. Two that arrive at the same time wait for one another at the
/// reporter's row.
pub(super) async fn is_new(transaction: &Transaction, id: ReportId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = Sql::new("INSERT INTO use_reporter (id, last_seq, at) VALUES (")
        .id(id.reporter)
        .text(", ")
        .value(i64::try_from(id.seq).unwrap_or(i64::MAX))
        .text(", ")
        .value(now.as_micros())
        .text(
            ") ON CONFLICT (id) DO UPDATE SET last_seq = excluded.last_seq, at = excluded.at \
             WHERE use_reporter.last_seq < excluded.last_seq",
        );
    Ok(transaction.execute_raw(sql.build(transaction.get_database_backend())).await?.rows_affected() > 0)
}
