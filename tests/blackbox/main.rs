//! The real executable over real HTTP. The files mirror what is tested: `scim/` the URL tree below a Base URL, `cli/` the
//! command line, and one file each for what holds everywhere.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on may stop

mod cli;
mod crash;
mod directory;
mod isolation;
mod kms;
mod redis;
mod scim;
mod server;
mod simulate;
mod split;
mod telemetry;
