//! The command line.

mod audit;
mod client;
mod directory;
mod resource;
mod simulate;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use rollcall_access::{Networks, Scopes};
use rollcall_clients::Profile;

pub(crate) use audit::{Audit, Policy, Since};
use client::named as client_named;
pub(crate) use client::{Client, Guide};
pub(crate) use directory::{Archive, DirectoryPolicy};
pub(crate) use resource::Resource;
pub(crate) use simulate::Simulate;

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
pub(crate) enum Directory {
    /// Add a directory and print its Base URL
    Create {
        /// The tenant's slug
        #[arg(long)]
        tenant: String,
        /// entra-id, ping-federate, okta, cyberark, pingone, sase-5g, other, or another name of `rollcall client list`
        #[arg(long, value_name = "CLIENT", value_parser = client_named)]
        client: &'static Profile,
        /// From the IdP (an Entra tenant ID, say): 1 to 40 letters, digits, hyphens
        #[arg(long)]
        directory_id: String,
        /// Mostly the primary domain: lower-case letters, digits, dots, hyphens, underscores
        #[arg(long)]
        directory_name: String,
        /// Take ID and Name as they are typed, and put nothing right
        #[arg(long)]
        as_given: bool,
        /// Begin as a draft: clients can be set up and tested, consumers see nothing until it is submitted
        #[arg(long)]
        draft: bool,
    },
    /// List a tenant's directories, or all
    List {
        /// The tenant's slug
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Show one directory
    Show(DirectoryChoice),
    /// Give it another Directory ID or Name, or another client; URLs with the former ones go on working
    Change {
        #[command(flatten)]
        directory: DirectoryChoice,
        /// A name of `rollcall client list`
        #[arg(long, value_name = "CLIENT", value_parser = client_named)]
        client: Option<&'static Profile>,
        /// 1 to 40 letters, digits, hyphens
        #[arg(long = "new-directory-id", value_name = "ID")]
        directory_id: Option<String>,
        /// Lower-case letters, digits, dots, hyphens, underscores
        #[arg(long = "new-directory-name", value_name = "NAME")]
        directory_name: Option<String>,
    },
    /// Have a former Directory ID or Name no longer lead to it, so that another directory may take it
    FreeKey {
        #[command(flatten)]
        directory: DirectoryChoice,
        /// The former ID or Name
        #[arg(long)]
        key: String,
    },
    /// Say that a draft is set up: from now on consumers see it, and it takes as much as comes
    Submit(DirectoryChoice),
    /// Put changes off: reads are answered, changes get 503 and come again
    Freeze(DirectoryChoice),
    /// Take changes again
    Thaw(DirectoryChoice),
    /// Put everything off: all requests get 503
    Disable(DirectoryChoice),
    /// Serve again; what was frozen before is frozen again
    Enable(DirectoryChoice),
    /// Give a directory up, for good: all requests get 401
    Archive(Archive),
    /// Count what is there anew, repair what is kept of the number, and note that a full sync was done
    FullSync(DirectoryChoice),
    /// What is done with what comes in: show it, or change some of it
    Policy(DirectoryPolicy),
    /// What may want mending in a directory's data: names that several groups have, users without an e-mail address …
    Report(DirectoryChoice),
    /// What a directory's client does beside the RFCs and is tolerated: how often, when last, and what it means
    Quirks {
        #[command(flatten)]
        directory: DirectoryChoice,
        /// 1 to 400
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=400))]
        days: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DirectoryChoice {
    /// The tenant's slug
    #[arg(long)]
    pub(crate) tenant: String,
    /// The Directory ID or Directory Name, in any case
    #[arg(long)]
    pub(crate) directory: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Issue a token and print it, this once
    Issue {
        #[command(flatten)]
        directory: DirectoryChoice,
        /// For a service that only asks, lookups say: it may change nothing
        #[arg(long, conflicts_with = "scopes")]
        read_only: bool,
        /// What it may do, such as "users:read groups:write" [default: everything]
        #[arg(long, value_parser = str::parse::<Scopes>)]
        scopes: Option<Scopes>,
        /// Where it may be used from, such as "203.0.113.0/24,2001:db8::/32" [default: anywhere]
        #[arg(long, value_name = "RANGES", value_parser = str::parse::<Networks>)]
        networks: Option<Networks>,
        /// Let uses from elsewhere through and note them
        #[arg(long, requires = "networks")]
        observe_networks: bool,
        /// 1 to 730 [default: as the tenant's policy says, 365]
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
        /// To tell several tokens of a directory apart
        #[arg(long, default_value = "")]
        label: String,
    },
    /// List the tokens of a directory or of a whole tenant, without their secrets
    List {
        /// The tenant's slug
        #[arg(long)]
        tenant: String,
        /// The Directory ID or Directory Name, in any case
        #[arg(long)]
        directory: Option<String>,
    },
    /// Show one token
    Show(TokenChoice),
    /// Issue a token beside another one, which retires after the new one was used, or at a deadline
    Rotate {
        #[command(flatten)]
        token: TokenChoice,
        /// To tell several tokens of a directory apart [default: the old one's]
        #[arg(long)]
        label: Option<String>,
        /// 1 to 730 [default: as the tenant's policy says, 365]
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
    },
    /// Undo a rotation: the old token stays, even if it has retired
    Keep(TokenChoice),
    /// Change where a token may be used from
    Networks {
        #[command(flatten)]
        token: TokenChoice,
        /// From these ranges alone, such as "203.0.113.0/24,2001:db8::/32"
        #[arg(long, value_name = "RANGES", value_parser = str::parse::<Networks>, required_unless_present = "clear")]
        set: Option<Networks>,
        /// Let uses from elsewhere through and note them
        #[arg(long, requires = "set")]
        observe: bool,
        /// From anywhere
        #[arg(long, conflicts_with = "set")]
        clear: bool,
    },
    /// What a token did: changes, requests, refused uses
    Activity {
        #[command(flatten)]
        token: TokenChoice,
        /// A moment (2026-11-21T08:00:00Z) or how long ago it was (7d) [default: when it was issued]
        #[arg(long, value_name = "TIME", value_parser = str::parse::<Since>)]
        since: Option<Since>,
    },
    /// The refused uses of a directory's tokens and URLs, with what is the matter
    Refusals {
        #[command(flatten)]
        directory: DirectoryChoice,
        /// A moment (2026-11-21T08:00:00Z) or how long ago it was (7d)
        #[arg(long, value_name = "TIME", default_value = "7d", value_parser = str::parse::<Since>)]
        since: Since,
    },
    /// Refuse a token from now on
    Revoke {
        #[command(flatten)]
        token: TokenChoice,
        /// Somebody else has it: say what it did
        #[arg(long)]
        leaked: bool,
        /// What it did since then: a moment or how long ago it was [default: when it was issued]
        #[arg(long, requires = "leaked", value_name = "TIME", value_parser = str::parse::<Since>)]
        since: Option<Since>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TokenChoice {
    /// As `issue` and `list` print it
    #[arg(long)]
    pub(crate) token_id: String,
    /// The tenant's slug; if given, the token must be this tenant's
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// The Directory ID or Directory Name; if given, the token must be this directory's
    #[arg(long, requires = "tenant")]
    pub(crate) directory: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OauthClient {
    /// Add an OAuth client and print its id and secret, the secret this once
    Create {
        #[command(flatten)]
        directory: DirectoryChoice,
        /// What its access tokens may do, such as "users:read groups:write" [default: everything]
        #[arg(long, value_parser = str::parse::<Scopes>)]
        scopes: Option<Scopes>,
        /// Where it and its access tokens may be used from, such as "203.0.113.0/24,2001:db8::/32" [default: anywhere]
        #[arg(long, value_name = "RANGES", value_parser = str::parse::<Networks>)]
        networks: Option<Networks>,
        /// Let uses from elsewhere through and note them
        #[arg(long, requires = "networks")]
        observe_networks: bool,
        /// 1 to 730 [default: the most that the tenant's policy allows a token, 730]
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
        /// To tell several clients of a directory apart
        #[arg(long, default_value = "")]
        label: String,
    },
    /// List the OAuth clients of a directory or of a whole tenant, without their secrets
    List {
        /// The tenant's slug
        #[arg(long)]
        tenant: String,
        /// The Directory ID or Directory Name, in any case
        #[arg(long)]
        directory: Option<String>,
    },
    /// Show one OAuth client
    Show(OauthClientChoice),
    /// What an OAuth client did with all of its access tokens: changes, requests, refused uses
    Activity {
        #[command(flatten)]
        client: OauthClientChoice,
        /// A moment (2026-11-21T08:00:00Z) or how long ago it was (7d) [default: when it was created]
        #[arg(long, value_name = "TIME", value_parser = str::parse::<Since>)]
        since: Option<Since>,
    },
    /// Refuse an OAuth client and its access tokens from now on
    Revoke {
        #[command(flatten)]
        client: OauthClientChoice,
        /// Somebody else has its secret, or one of its access tokens: say what was done with them
        #[arg(long)]
        leaked: bool,
        /// What it did since then: a moment or how long ago it was [default: when it was created]
        #[arg(long, requires = "leaked", value_name = "TIME", value_parser = str::parse::<Since>)]
        since: Option<Since>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct OauthClientChoice {
    /// As `create` and `list` print it
    #[arg(long)]
    pub(crate) client_id: String,
    /// The tenant's slug; if given, the client must be this tenant's
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// The Directory ID or Directory Name; if given, the client must be this directory's
    #[arg(long, requires = "tenant")]
    pub(crate) directory: Option<String>,
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
