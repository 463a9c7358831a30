//! What a database's error means for the caller.

use std::sync::Arc;

use sea_orm::{DbErr, RuntimeErr};
use sqlx::Error as SqlxError;

use crate::StoreError;

/// Two transactions were in each other's way: the same again may succeed.
#[derive(Debug, thiserror::Error)]
#[error("two transactions were in each other's way")]
pub(crate) struct Contention(#[source] DbErr);

/// The connection was lost, or its server accepts no writes any more: on another connection the same may succeed.
#[derive(Debug, thiserror::Error)]
#[error("the connection to the database was lost")]
pub(crate) struct Lost(#[source] DbErr);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    TryAgain,
    Lost,
    Unavailable,
    Unwritable,
    Damaged,
    MissingTable,
    Fault,
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match meaning(&error) {
            Meaning::TryAgain => Self::Unavailable(Arc::new(Contention(error))),
            Meaning::Lost => Self::Unavailable(Arc::new(Lost(error))),
            Meaning::Unavailable | Meaning::Unwritable => Self::Unavailable(Arc::new(error)),
            Meaning::Damaged | Meaning::MissingTable | Meaning::Fault => Self::Internal(Arc::new(error)),
        }
    }
}

impl From<SqlxError> for StoreError {
    fn from(error: SqlxError) -> Self {
        DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))).into()
    }
}

impl StoreError {
    /// For a transaction that found out by itself that another one was in its way.
    pub(crate) fn contention() -> Self {
        Self::Unavailable(Arc::new(Contention(DbErr::RecordNotInserted)))
    }

    /// Whether the whole transaction should be tried again.
    pub(crate) fn is_contention(&self) -> bool {
        matches!(self, Self::Unavailable(source) if source.downcast_ref::<Contention>().is_some())
    }

    /// Whether a lock was waited for in vain.
    pub(crate) fn is_lock_timeout(&self) -> bool {
        matches!(self, Self::Unavailable(source) if source.downcast_ref().is_some_and(is_lock_timeout))
    }

    /// Whether the connection was lost on the way.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Unavailable(source) if source.downcast_ref::<Lost>().is_some())
    }
}

/// Whether two transactions were in each other's way.
pub(crate) fn is_contention(error: &DbErr) -> bool {
    meaning(error) == Meaning::TryAgain
}

/// Whether the connection was lost.
pub(crate) fn is_lost(error: &DbErr) -> bool {
    meaning(error) == Meaning::Lost
}

/// Whether a COMMIT that failed with this error certainly changed nothing. Anything else, a server that goes down or
/// an answer that does not come, leaves open whether the commit was made.
pub(crate) fn is_certain_rollback(error: &DbErr) -> bool {
    let DbErr::Query(RuntimeErr::SqlxError(inner)) = error else { return false };
    let SqlxError::Database(database) = &**inner else { return false };
    let code = database.code().unwrap_or_default();
    // 40003 is "statement completion unknown".
    code != "40003" && ["23", "25", "40"].iter().any(|class| code.starts_with(class))
}

/// The database said nothing for too long.
pub(crate) fn too_late(what: &str) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(what.to_owned()))
}

/// Whether a lock was waited for in vain.
pub(crate) fn is_lock_timeout(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner))) = error else {
        return false;
    };
    matches!(&**inner, SqlxError::Database(database) if database.code().as_deref() == Some("55P03"))
}

/// Whether a table is missing.
pub(crate) fn is_missing_table(error: &DbErr) -> bool {
    matches!(meaning(error), Meaning::MissingTable)
}

/// Whether the file is no database or a broken one.
pub(crate) fn is_damage(error: &DbErr) -> bool {
    matches!(meaning(error), Meaning::Damaged)
}

/// Whether the file or its folder cannot be written.
pub(crate) fn is_unwritable(error: &DbErr) -> bool {
    matches!(meaning(error), Meaning::Unwritable)
}

fn meaning(error: &DbErr) -> Meaning {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(RuntimeErr::Internal(_)) => Meaning::Unavailable,
        DbErr::Conn(RuntimeErr::SqlxError(inner))
        | DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner)) => of_driver(inner),
        _ => Meaning::Fault,
    }
}

fn of_driver(error: &SqlxError) -> Meaning {
    match error {
        SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::Protocol(_) => Meaning::Lost,
        SqlxError::PoolTimedOut | SqlxError::PoolClosed | SqlxError::WorkerCrashed => Meaning::Unavailable,
        SqlxError::Database(database) => {
            let code = database.code().unwrap_or_default();
            if database.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
                of_sqlite(&code, database.message())
            } else {
                of_postgres(&code)
            }
        }
        _ => Meaning::Fault,
    }
}

/// <https://www.sqlite.org/rescode.html>; the low byte of an extended code is the primary one.
fn of_sqlite(code: &str, message: &str) -> Meaning {
    match code.parse::<u32>().unwrap_or(0) & 0xFF {
        5 | 6 | 7 | 9 | 10 | 13 => Meaning::Unavailable, // busy, locked, memory, interrupt, I/O, full
        8 | 14 => Meaning::Unwritable,                   // read-only, cannot open
        11 | 26 => Meaning::Damaged,                     // corrupt, not a database
        1 if message.starts_with("no such table") => Meaning::MissingTable,
        _ => Meaning::Fault,
    }
}

/// PostgreSQL's appendix A. A foreign key that fails is a member who was deleted between two statements: the second
/// try sees that and says so.
fn of_postgres(code: &str) -> Meaning {
    match code {
        "40001" | "40P01" | "23503" => Meaning::TryAgain,
        "42P01" => Meaning::MissingTable,
        // Read-only; ended by an administrator, by a crash, because the server starts or stops; ended as idle, in a
        // transaction or outside of one.
        "25006" | "57P01" | "57P02" | "57P03" | "25P03" | "57P05" => Meaning::Lost,
        _ if code.starts_with("08") => Meaning::Lost,
        "57014" | "55P03" | "25P04" => Meaning::Unavailable, // statement, lock and transaction timeout
        "3D000" => Meaning::Unavailable,                     // no such database: it is being restored, say
        // 28 is a password that the server does not take: it is being changed, say.
        _ if ["28", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => Meaning::Unavailable,
        _ => Meaning::Fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_or_its_keeper_will_put_right_is_no_fault_of_this_program() {
        for code in ["57P05", "25P03", "57P01", "08006"] {
            assert!(of_postgres(code) == Meaning::Lost, "{code}");
        }
        for code in ["28P01", "28000", "3D000", "25P04", "55P03", "53300"] {
            assert!(of_postgres(code) == Meaning::Unavailable, "{code}");
        }
        assert!(of_postgres("22P02") == Meaning::Fault);
    }
}
