//! The HTTP server, over real connections.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod limits;
mod log;
mod operations;
mod running;
mod stop;
mod tls;
