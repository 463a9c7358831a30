//! One file for each group of commands.

mod directory;
mod key;
mod migrate;
mod simulate;
mod tenant;
mod token;

use rollcall_runtime::{Config, Overrides};

use crate::{
    cli::{self, Arguments, Command},
    failure::Failure,
    installation::Installation,
    output::Output,
    serve,
};

pub(crate) use simulate::feed;

/// Does what the command line says.
pub(crate) async fn run(arguments: Arguments, output: &Output) -> Result<(), Failure> {
    let command = arguments.command.unwrap_or_else(|| Command::All(cli::All::default()));
    if let Command::Simulate(simulate) = command {
        return simulate::run(simulate, output).await;
    }
    let listen = match &command {
        Command::All(all) => all.listen,
        _ => None,
    };
    let overrides = Overrides { data_dir: arguments.data_dir, listen };
    let config = Config::load(arguments.config.as_deref(), &overrides)?;
    match command {
        Command::All(all) => serve::run(config, all.demo, output).await,
        Command::Migrate => migrate::run(&config, output).await,
        Command::Config(cli::Config::Check) => output.configuration(&config),
        Command::Tenant(command @ cli::Tenant::Create { .. }) => {
            tenant::run(command, &Installation::open_or_create(config).await?, output).await
        }
        Command::Tenant(command) => tenant::run(command, &Installation::open(config).await?, output).await,
        Command::Directory(command) => directory::run(command, &Installation::open(config).await?, output).await,
        Command::Token(command) => token::run(command, &Installation::open(config).await?, output).await,
        Command::Key(command) => key::run(command, &Installation::open(config).await?, output).await,
        Command::Simulate(_) => Ok(()),
    }
}
