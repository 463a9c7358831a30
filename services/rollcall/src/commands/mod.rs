//! One file for each group of commands.

mod activity;
mod audit;
mod client;
mod credential;
mod directory;
mod guide;
mod key;
mod limits;
mod migrate;
mod oauth_client;
mod policy;
mod resource;
mod simulate;
mod tenant;
mod token;

use rollcall_runtime::{Config, Overrides};

use crate::{
    cli::{self, Arguments, Command},
    failure::Failure,
    installation::Installation,
    output::Output,
    serve::{self, Role},
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
        Command::Gateway(role) | Command::Tokens(role) | Command::Worker(role) => role.listen,
        Command::Directory(directory) => directory.role.listen,
        _ => None,
    };
    let overrides = Overrides { data_dir: arguments.data_dir, listen };
    let mut config = Config::load(arguments.config.as_deref(), &overrides)?;
    if let Some(name) = application_name(&command) {
        config.database.application_name.get_or_insert_with(|| name.to_owned());
    }
    match command {
        Command::All(all) => serve::all(config, all.demo, output).await,
        Command::Gateway(_) => serve::role(config, Role::Gateway, output).await,
        Command::Tokens(_) => serve::role(config, Role::Tokens, output).await,
        Command::Worker(_) => serve::role(config, Role::Worker, output).await,
        Command::Migrate => migrate::run(&config, output).await,
        Command::Config(cli::Config::Check) => output.configuration(&config),
        Command::Limits(command) => {
            limits::run(&command, &config, output);
            Ok(())
        }
        Command::Tenant(command @ cli::Tenant::Create { .. }) => {
            tenant::run(command, &Installation::open_or_create(config).await?, output).await
        }
        Command::Tenant(command) => tenant::run(command, &Installation::open(config).await?, output).await,
        Command::Directory(cli::DirectoryOrRole { command: None, .. }) => {
            serve::role(config, Role::Directory, output).await
        }
        Command::Directory(cli::DirectoryOrRole { command: Some(command), .. }) => {
            directory::run(command, &Installation::open(config).await?, output).await
        }
        Command::Resource(command) => resource::run(command, &Installation::open(config).await?, output).await,
        Command::Token(command) => token::run(command, &Installation::open(config).await?, output).await,
        Command::Audit(command) => audit::run(command, &Installation::open(config).await?, output).await,
        Command::OauthClient(command) => oauth_client::run(command, &Installation::open(config).await?, output).await,
        Command::Client(command) => client::run(command, &config, output),
        Command::Guide(guide) => guide::run(guide, config, output).await,
        Command::Key(command) => key::run(command, &Installation::open(config).await?, output).await,
        Command::Simulate(_) => Ok(()),
    }
}

/// What a database server calls the connections of a command.
const fn application_name(command: &Command) -> Option<&'static str> {
    match command {
        Command::All(_) => Some("rollcall-all"),
        Command::Tokens(_) => Some("rollcall-tokens"),
        Command::Directory(cli::DirectoryOrRole { command: None, .. }) => Some("rollcall-directory"),
        Command::Worker(_) => Some("rollcall-worker"),
        Command::Migrate => Some("rollcall-migrate"),
        Command::Gateway(_) | Command::Config(_) | Command::Limits(_) | Command::Client(_) | Command::Simulate(_) => {
            None
        }
        _ => Some("rollcall-admin"),
    }
}
