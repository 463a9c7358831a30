//! Wrapping of data keys: the KeyService trait and the local keyring file.
