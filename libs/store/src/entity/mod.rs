//! The tables. Private to the crate: whoever wants rows asks a store that a scope opened.

// The derive macros want `pub` items; the module itself is not reachable from outside.
#![allow(unreachable_pub)]

pub(crate) mod attribute;
pub(crate) mod claim;
pub(crate) mod credential;
pub(crate) mod data_key;
pub(crate) mod directory;
pub(crate) mod directory_key;
pub(crate) mod event;
pub(crate) mod event_member;
pub(crate) mod member_set;
pub(crate) mod oauth_client;
pub(crate) mod outbox;
pub(crate) mod resource;
pub(crate) mod tenant;
