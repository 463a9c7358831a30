//! What can go wrong, told apart by what the caller should do about it.

use std::{error::Error, sync::Arc};

use rollcall_access::StepRefused;
use rollcall_scim::ScimError;

/// The cause of an error, for the log. Shared, because one failed commit fails every write in its group.
pub type Source = Arc<dyn Error + Send + Sync>;

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The request cannot be carried out as it stands; the client is told why.
    #[error(transparent)]
    Rejected(#[from] ScimError),
    /// The directory has no such live resource.
    #[error("the directory has no such resource")]
    NotFound,
    /// The resource has another version than the client asks for (If-Match).
    #[error("the resource has another version than the one asked for")]
    PreconditionFailed,
    /// The database cannot be reached, is full, or is too busy: try again later (503). Nothing was changed.
    #[error("the database is unavailable at the moment")]
    Unavailable(#[source] Source),
    /// The database was lost while the change was being committed, and it could not be found out whether it was made:
    /// try again later (503). Sending the same again is safe.
    #[error("the database was lost during the commit; the change may have been made")]
    OutcomeUnknown(#[source] Source),
    /// A fault of this program or of the stored data.
    #[error("the database gave an unexpected answer")]
    Internal(#[source] Source),
    /// There is no schema yet, or an older one.
    #[error("The database is not prepared for this version of rollcall: run `rollcall migrate` first.")]
    NotMigrated,
    /// Another run took the migration lease over, so this one has changed nothing.
    #[error(
        "Another `rollcall migrate` took over because this one was not heard of for too long; nothing was changed by this \
         one. Run it again."
    )]
    LeaseLost,
    /// The database or the migration lease was lost while the migration was being committed.
    #[error(
        "The database was lost while the migration was being committed; it may have been made. Run `rollcall migrate` \
         again: it applies what is missing, or finds that nothing is."
    )]
    MigrationInDoubt(#[source] Source),
    /// A newer version of the program has migrated the database.
    #[error(
        "The database was prepared by a newer version of rollcall ({migration}): start that version, or restore the \
         backup that was made before the upgrade."
    )]
    NewerSchema {
        /// The first migration that this program does not know.
        migration: String,
    },
    /// The database file is not one, or is broken.
    #[error(
        "The database file {path} is damaged or is no SQLite database: restore it from a backup, or move it away to \
         start with an empty one."
    )]
    Damaged {
        /// The file.
        path: String,
        /// What SQLite says.
        #[source]
        source: Source,
    },
    /// The database file or its folder cannot be written.
    #[error("The database file {path} cannot be opened for writing: let this user write the file and its folder.")]
    Unwritable {
        /// The file.
        path: String,
        /// What the system says.
        #[source]
        source: Source,
    },
    /// The database's address is not understood, or names a database that is not supported.
    #[error("The database URL is not understood: use sqlite:///path/to/file.db or postgres://user@host/database.")]
    BadUrl,
}

/// Why administered data was not changed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// Another one has it already.
    #[error("the {field} is taken")]
    Taken {
        /// What must be unique: `slug`, `directory_id` or `directory_name`.
        field: &'static str,
    },
    /// A directory cannot take this step from where it stands.
    #[error(transparent)]
    Refused(#[from] StepRefused),
    /// Somebody else does the same at the moment.
    #[error("a full sync of this directory is under way already; wait until it is done")]
    UnderWay,
    /// Anything else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A fault of this program, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(pub(crate) String);

impl StoreError {
    pub(crate) fn internal(what: impl Into<String>) -> Self {
        Self::Internal(Arc::new(Fault(what.into())))
    }

    pub(crate) fn unavailable(what: impl Into<String>) -> Self {
        Self::Unavailable(Arc::new(Fault(what.into())))
    }
}
