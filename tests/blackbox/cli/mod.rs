//! The command line.

mod changes;
mod commands;
mod names;
mod startup;
mod tokens;
