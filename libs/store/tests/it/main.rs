//! The store's behaviour, each test on both databases.

mod control;
mod door;
mod events;
mod lists;
mod members;
mod opening;
mod resources;
mod together;
