//! sea-orm entities, repositories, and filters as SQL. The only crate, with the migrations, that knows SQL.
//!
//! A [`Store`] is opened once a process. Rows are reached only through a scope of `rollcall_access`:
//! [`Store::directory`] for the people and groups of one directory, [`Store::tenant`] and [`Store::operator`] for
//! what is administered, [`Store::verification`] for tokens, [`Store::jobs`] for background work.

mod config;
mod control;
#[cfg(feature = "counting")]
mod counting;
mod dialect;
mod directory;
mod door;
mod entity;
mod error;
mod filter;
mod jobs;
mod keys;
mod list;
mod migrate;
mod reader;
mod resource;
mod statement;
mod store;
mod transaction;

pub use config::StoreConfig;
pub use control::{
    AccessTokens, AuditAction, AuditCursor, AuditQuery, AuditRecord, ChangeBy, ChangesBy, ClientUse, Counting,
    CredentialUse, DirectoryActivity, DirectoryChange, DirectoryContact, DirectoryOverview, DirectoryRecord,
    DuplicateNames, Freed, FullSynced, Granted, Holder, Kept, LastUse, MOST_PLACES_AN_HOUR, MOST_REFUSALS_A_DAY,
    NetworksNotSet, NewDirectory, NewRotation, NotKept, NotRotated, OperatorStore, PlaceOfUse, PoliciesChanged,
    PolicyChange, RecordedUses, RefusedUse, ReportId, Revocation, RotatedCredential, StepTaken, TenantPolicy,
    TenantRecord, TenantStore, UseReport, UsedCredential, VerificationStore, Within, WrappedKey,
};
#[cfg(feature = "counting")]
pub use counting::Counted;
pub use directory::{
    DELETED_KEPT, DeletedResource, DirectoryStore, DuplicateName, Found, QualityReport, Restorable, Restoration,
    Restored, SharedExternalId, SkippedMember, TakenName,
};
pub use error::{ControlError, Source, StoreError};
pub use jobs::{Climbed, JobStore, MOST_NAMES_A_DAY, Operation, Sequenced, ToleratedUse, UNMAPPED};
#[cfg(feature = "counting")]
pub use jobs::{EventRecord, Renamed};
pub use migrate::Progress;
pub use resource::{
    Arrival, Change, ChangeFn, Created, GroupRef, KnownUser, ListQuery, Listing, Member, Memberships, NewResource,
    PageKey, Position, Precondition, Sort, StoredResource, Target, Updated, UserKey,
};
pub use store::Store;
