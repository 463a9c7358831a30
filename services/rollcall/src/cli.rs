//! The command line.

mod audit;
mod client;
mod credential;
mod directory;
mod oauth_client;
mod resource;
mod simulate;
mod token;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use audit::{Audit, Policy, Since};
pub(crate) use client::{Client, Guide};
pub(crate) use credential::{Listed, NewNetworks, Owner};
pub(crate) use directory::{Archive, Directory, DirectoryChoice, DirectoryPolicy};
pub(crate) use oauth_client::{OauthClient, OauthClientChoice};
pub(crate) use resource::Resource;
pub(crate) use simulate::Simulate;
pub(crate) use token::{Token, TokenChoice};

/// Rollcall takes identity in: identity providers push users and groups to it over SCIM 2.0.
#[derive(Debug, Parser)]
#[command(name = "rollcall", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Where the embedded database and the keyring are [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A configuration file; `rollcall config check` shows what holds
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t = OutputForm::Text)]
    pub(crate) output: OutputForm,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputForm {
    /// For people.
    Text,
    /// For scripts: one JSON value; its names are stable.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve everything in one process (the default)
    All(All),
    /// Serve the public edge alone: who is asking, and on to the other services
    Gateway(Role),
    /// Serve the token service alone: the only one that has the keys
    Tokens(Role),
    /// Do the background work alone: number events, erase what was deleted
    Worker(Role),
    /// Bring the database's schema up to date
    Migrate,
    /// Look at the configuration
    #[command(subcommand)]
    Config(Config),
    /// What bounds requests, directories, tenants and addresses
    #[command(subcommand)]
    Limits(Limits),
    /// Tenants: customers
    #[command(subcommand)]
    Tenant(Tenant),
    /// Directories: IdP connections of a tenant. Without a command: serve the directory service alone
    Directory(DirectoryOrRole),
    /// Users and groups that clients deleted
    #[command(subcommand)]
    Resource(Resource),
    /// Bearer tokens of a directory
    #[command(subcommand)]
    Token(Token),
    /// What happened to a tenant's directories and tokens
    #[command(subcommand)]
    Audit(Audit),
    /// OAuth clients of a directory: they get access tokens by themselves
    #[command(subcommand)]
    OauthClient(OauthClient),
    /// Data keys: what a tenant's token hashes are made under
    #[command(subcommand)]
    Key(Key),
    /// What is known of the clients that can be connected, and a check of what is typed for them
    #[command(subcommand)]
    Client(Client),
    /// How to connect a client, step by step, with a directory's own values
    Guide(Guide),
    /// Send a directory what an identity provider would send, and check what arrives
    Simulate(Simulate),
}

#[derive(Debug, Default, Args)]
pub(crate) struct All {
    /// Listen here instead of at the first listener's address
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,
    /// On the first start make a demo tenant and feed it
    #[arg(long)]
    pub(crate) demo: bool,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address and a port are needed, such as 127.0.0.1:8080 or [::]:443".to_owned())
}

/// One service of a split installation.
#[derive(Debug, Default, Args)]
pub(crate) struct Role {
    /// Listen here instead of at the first listener's address
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DirectoryOrRole {
    #[command(subcommand)]
    pub(crate) command: Option<Directory>,
    #[command(flatten)]
    pub(crate) role: Role,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print what holds, with secrets hidden, or say what is wrong
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Limits {
    /// Print every limit that holds with this configuration, and what a client gets beyond it
    Show,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tenant {
    /// Add a tenant
    Create {
        /// Stands in URLs: 1 to 40 lower-case letters, digits, hyphens
        #[arg(long)]
        slug: String,
        /// For people
        #[arg(long)]
        name: String,
    },
    /// List the tenants
    List,
    /// What a tenant decided about its tokens: show it, or change it for those to come
    Policy(Policy),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a new data key for a tenant; its tokens go on working and move over when they are next used
    Rotate {
        /// The tenant's slug
        #[arg(long)]
        tenant: String,
    },
    /// Wrap a tenant's data keys anew, after keys.key_id or the key behind its alias was changed
    Rewrap {
        /// The tenant's slug
        #[arg(long)]
        tenant: String,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
