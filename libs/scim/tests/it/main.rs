//! The examples of the RFCs, the shapes that recorded clients send, and hostile input, through the public API.
#![allow(clippy::unwrap_used)] // a test may fail anywhere

mod bodies;
mod catalogue;
mod clients;
mod discovery;
mod hostile;
mod patches;
mod projections;
mod rfc7643;
mod rfc7644;
mod support;
