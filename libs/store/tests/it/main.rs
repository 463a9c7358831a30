//! The store's behaviour, each test on both databases.

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
