//! The cache on this process's memory, and on every kind of Redis.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod failover;
mod forged;
mod leases;
mod outage;
mod rights;
mod scene;
mod shapes;
mod together;
