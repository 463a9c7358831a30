//! Wrapping of data keys: the [`KeyService`] trait, and [`LocalKeyring`], which does it with a file on this machine.
//!
//! A data key is made once per tenant and purpose, stored wrapped beside the data that it protects, and unwrapped by
//! the one service that uses it. Whoever has only the database has nothing.

mod keyring;
mod seal;
mod service;

pub use keyring::{KeyringError, LocalKeyring};
pub use service::{DataKey, KeyContext, KeyError, KeyService};
