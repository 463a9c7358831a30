//! The command line.

mod changes;
mod clients;
mod commands;
mod names;
mod startup;
mod tokens;
