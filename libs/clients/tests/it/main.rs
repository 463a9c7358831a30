//! What profiles and guides must hold, whatever their files say.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that cannot go on may stop

mod facts;
mod guides;
mod traffic;
