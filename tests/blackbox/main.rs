//! The real executable over real HTTP. The files mirror what is tested: `scim/` the URL tree below a Base URL, `cli/` the
//! command line, and one file each for what holds everywhere.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on may stop

mod balancer;
mod cli;
mod crash;
mod directory;
mod guides;
mod http2;
mod isolation;
mod kms;
mod limits;
mod lookup;
mod oauth;
mod place;
mod policies;
mod quirks;
mod redis;
mod restore;
mod rolling;
mod scim;
mod scopes;
mod server;
mod services;
mod shape;
mod simulate;
mod soak;
mod split;
mod states;
mod telemetry;
mod tls;
