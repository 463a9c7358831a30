//! The store's behaviour, each test on both databases.

// The lint knows functions marked as tests, not what a macro makes into one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod control;
mod differential;
mod door;
mod events;
mod lists;
mod members;
mod opening;
mod plans;
mod resources;
mod together;
