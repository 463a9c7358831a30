//! What is administered: tenants, directories, credentials, data keys, policies; and the audit of it.

pub(crate) mod audit;
mod changes;
mod clients;
mod contact;
mod data_keys;
pub(crate) mod directory_life;
mod directory_policies;
mod full_sync;
mod operator;
mod policy;
mod records;
mod retirement;
mod revocation;
mod rotation;
pub(crate) mod rows;
mod tenant;
pub(crate) mod uses;
mod verification;

pub use audit::{AuditAction, AuditQuery, AuditRecord};
pub use changes::{ChangeBy, ChangesBy};
pub use clients::{AccessTokens, ClientUse, Granted};
pub use contact::{DirectoryActivity, DirectoryContact};
pub use directory_life::StepTaken;
pub use directory_policies::{DuplicateNames, PoliciesChanged};
pub use full_sync::{Counting, FullSynced};
pub use operator::OperatorStore;
pub use policy::TenantPolicy;
pub use records::{DirectoryRecord, NewDirectory, TenantRecord, WrappedKey};
pub use revocation::Revocation;
pub use rotation::{Kept, NewRotation, NotKept, NotRotated, RotatedCredential};
pub use tenant::TenantStore;
pub use uses::{
    CredentialUse, LastUse, MOST_PLACES_AN_HOUR, MOST_REFUSALS_A_DAY, PlaceOfUse, RecordedUses, RefusedUse,
};
pub use verification::VerificationStore;
