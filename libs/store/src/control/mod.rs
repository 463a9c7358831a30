//! What is administered: tenants, directories, credentials, data keys, policies; and the audit of it.

pub(crate) mod audit;
mod changes;
mod clients;
mod data_keys;
mod operator;
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

pub use audit::{AuditAction, AuditQuery, AuditRecord};
pub use changes::{ChangeBy, ChangesBy};
pub use clients::{AccessTokens, ClientUse, Granted};
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
