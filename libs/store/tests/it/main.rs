//! The store's behaviour, each test on both databases.

// The lint knows functions marked as tests, not what a macro makes into one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod audit;
mod catalog;
mod clients;
mod control;
mod differential;
mod directory_life;
mod directory_policies;
mod door;
mod erasing;
mod events;
mod failover;
mod ladder;
mod lists;
mod members;
mod migrating;
mod networks;
mod opening;
mod outages;
mod plans;
mod policies;
mod renaming;
mod reports_of_many;
mod resources;
mod restoring;
mod serializable;
mod settings;
mod statements;
mod together;
mod tolerated;
mod uses;
