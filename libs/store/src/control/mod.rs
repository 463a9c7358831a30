//! What is administered: tenants, directories, credentials, data keys.

mod clients;
mod data_keys;
mod operator;
mod records;
mod rows;
mod tenant;
mod uses;
mod verification;

pub use clients::{AccessTokens, ClientUse, Granted};
pub use operator::OperatorStore;
pub use records::{DirectoryRecord, NewDirectory, TenantRecord, WrappedKey};
pub use tenant::TenantStore;
pub use uses::{CredentialUse, LastUse, MOST_REFUSALS_A_DAY, RefusedUse};
pub use verification::VerificationStore;
