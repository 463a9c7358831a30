//! What a caller may touch, as values that only this crate can make, and the format of the tokens they come from.

mod credential;
mod scope;
mod token;

pub use credential::{Authenticated, CredentialRecord, Denial, Forbidden, Rights, authenticate};
pub use scope::{Access, Actor, DirectoryScope, JobScope, OperatorScope, Read, TenantScope, Write};
pub use token::{BearerToken, MalformedToken, TokenHash};
