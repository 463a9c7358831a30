//! What is administered: tenants, directories, credentials, data keys, policies; and the audit of it.

mod access_tokens;
pub(crate) mod audit;
mod changes;
mod clients;
mod contact;
mod data_keys;
mod directory_change;
pub(crate) mod directory_life;
mod directory_policies;
mod full_sync;
mod holder;
mod networks;
mod operator;
mod overview;
mod policy;
mod records;
mod retirement;
mod revocation;
mod rotation;
pub(crate) mod rows;
mod tenant;
mod tolerated;
pub(crate) mod uses;
mod verification;

pub use access_tokens::Granted;
pub use audit::{AuditAction, AuditCursor, AuditQuery, AuditRecord};
pub use changes::{ChangeBy, ChangesBy};
pub use clients::{AccessTokens, ClientUse};
pub use contact::DirectoryContact;
pub use directory_change::{DirectoryChange, Freed};
pub use directory_life::StepTaken;
pub use directory_policies::{DuplicateNames, PoliciesChanged};
pub use full_sync::{Counting, FullSynced};
pub use holder::Holder;
pub use networks::NetworksNotSet;
pub use operator::OperatorStore;
pub use overview::{DirectoryActivity, DirectoryOverview, Within};
pub use policy::{PolicyChange, TenantPolicy};
pub use records::{DirectoryRecord, NewDirectory, TenantRecord, WrappedKey};
pub use revocation::Revocation;
pub use rotation::{Kept, NewRotation, NotKept, NotRotated, RotatedCredential};
pub use tenant::TenantStore;
pub use uses::{
    CredentialUse, LastUse, MOST_PLACES_AN_HOUR, MOST_REFUSALS_A_DAY, PlaceOfUse, RecordedUses, RefusedUse, ReportId,
    UseReport, UsedCredential,
};
pub use verification::VerificationStore;
