//! `make bench`: how Rollcall compares with the least that could do the same work on the same database.

mod cpu;
mod error;
mod flood;
mod floor;
mod load;
mod report;
mod rows;
mod run;
mod seed;
mod site;
mod sync;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::run::Options;

/// Measures Rollcall beside a floor; `make bench` starts it with a private PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "rollcall-bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fill databases, start everything, measure, write the table
    Run(Box<Options>),
    /// Serve the floor alone
    Floor {
        /// The database
        #[arg(long)]
        url: String,
        /// Where to listen
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Print a finished run's table again
    Show {
        /// Its raw.json
        raw: PathBuf,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(options) => load::runtime().and_then(|runtime| runtime.block_on(run::run(*options))),
        Command::Floor { url, listen } => floor::serve(&url, listen),
        Command::Show { raw } => report::show(&raw),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            error::say(&failure);
            ExitCode::FAILURE
        }
    }
}
