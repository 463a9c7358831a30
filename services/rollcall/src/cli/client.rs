//! `rollcall client …` and `rollcall guide`.

use clap::{Args, Subcommand};
use rollcall_clients::{Profile, profile, profiles};

#[derive(Debug, Subcommand)]
pub(crate) enum Client {
    /// List the clients
    List,
    /// Show what is known of one: labels, what it supports, its limits, when it sends
    Show {
        /// A name of `rollcall client list`
        #[arg(value_name = "CLIENT", value_parser = named)]
        client: &'static Profile,
    },
    /// Say what `directory create` would make of a Directory ID and Name, and what looks wrong
    Check {
        /// A name of `rollcall client list`
        #[arg(value_name = "CLIENT", value_parser = named)]
        client: &'static Profile,
        /// As it was copied from the IdP
        #[arg(long)]
        directory_id: String,
        /// As it was copied from the IdP
        #[arg(long)]
        directory_name: String,
    },
}

#[derive(Debug, Args)]
#[command(
    override_usage = "rollcall guide CLIENT\n       rollcall guide [CLIENT] --tenant TENANT --directory DIRECTORY"
)]
pub(crate) struct Guide {
    /// A name of `rollcall client list`; may be left out with --tenant and --directory [default: the directory's client]
    #[arg(value_name = "CLIENT", value_parser = named, required_unless_present_any = ["tenant", "directory"])]
    pub(crate) client: Option<&'static Profile>,
    /// The tenant's slug
    #[arg(long, requires = "directory")]
    pub(crate) tenant: Option<String>,
    /// The Directory ID or Directory Name, in any case, whose values the guide is to have
    #[arg(long, requires = "tenant")]
    pub(crate) directory: Option<String>,
}

/// The profile of this name.
pub(super) fn named(text: &str) -> Result<&'static Profile, String> {
    profile(text).ok_or_else(|| {
        let known: Vec<&str> = profiles().iter().map(|profile| profile.name.as_str()).collect();
        format!("there is no client \"{text}\"; there are {}", known.join(", "))
    })
}
