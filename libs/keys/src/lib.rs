//! Wrapping of data keys: the [`KeyService`] trait; [`LocalKeyring`], which does it with a file on this machine;
//! [`AwsKms`], which has AWS KMS do it; and [`MeteredKeys`], which counts either and raises the alarm.
//!
//! A data key is made once per tenant and purpose, stored wrapped beside the data that it protects, and unwrapped by
//! the one service that uses it. Whoever has only the database has nothing.

mod aws;
mod keyring;
mod metered;
mod seal;
mod service;

pub use aws::{AwsKms, AwsKmsConfig};
pub use keyring::{KeyringError, LocalKeyring};
pub use metered::MeteredKeys;
pub use service::{DataKey, KeyContext, KeyError, KeyService};
