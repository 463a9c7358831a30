//! The one executable: `rollcall all` serves everything in one process; the other commands set it up.

// Futures in futures in futures: how deep they are in one another is counted when their sizes are.
#![recursion_limit = "256"]

mod cli;
mod commands;
mod demo;
mod failure;
mod installation;
mod keys;
mod output;
mod serve;
mod tiers;

use std::process::ExitCode;

use clap::Parser;

use crate::{cli::Arguments, output::Output};

#[actix_web::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::not_understood(&error),
    };
    let output = Output::new(arguments.output);
    // One cryptographic provider for TLS in both directions; a second call has nothing to do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match commands::run(arguments, &output).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::FAILURE
        }
    }
}
