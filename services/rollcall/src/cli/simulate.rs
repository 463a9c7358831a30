//! What `rollcall simulate` is told.

use clap::{Args, ValueEnum};
use rollcall_simulator::{Client, GroupUpdates, Options};

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// entra-id, entra-id-optscim, ping-federate, okta, okta-custom, cyberark, pingone, sase-5g, other, onelogin,
    /// jumpcloud, google-workspace, sailpoint, rippling or authentik; entra-id-own-app and okta-custom-app are entra-id and
    /// okta-custom
    #[arg(value_name = "CLIENT", value_parser = str::parse::<Client>, required_unless_present = "client_option")]
    client: Option<Client>,
    /// The same as CLIENT
    #[arg(long = "client", id = "client_option", value_name = "CLIENT", value_parser = str::parse::<Client>)]
    #[arg(conflicts_with = "client")]
    client_option: Option<Client>,
    /// The directory's Base URL
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: String,
    /// The directory's token
    #[arg(long)]
    pub(crate) token: String,
    /// How many users there are on the first day
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(..=i64::from(Options::MOST_USERS)))]
    pub(crate) users: u32,
    /// How many groups
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(..=i64::from(Options::MOST_GROUPS)))]
    pub(crate) groups: u32,
    /// Steady cycles after the initial one: joiners, movers, renames, leavers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(..=1_000))]
    pub(crate) cycles: u32,
    /// Requests a second, evenly [default: as fast as answers come]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: Option<u32>,
    /// Requests under way at once [default: as the client does: PingFederate 5, others 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) threads: Option<u32>,
    /// The same number gives the same people, groups and events
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How ping-federate, pingone and sailpoint change groups [default: patch, pingone put]
    #[arg(long, value_enum)]
    pub(crate) group_updates: Option<Updates>,
}

/// How groups are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Updates {
    /// PATCH with what changed: "Use PATCH for group updates", Merge
    Patch,
    /// PUT with the whole list: Overwrite
    Put,
}

impl Simulate {
    pub(crate) fn client(&self) -> Client {
        // One of the two is required.
        self.client.or(self.client_option).unwrap_or(Client::Other)
    }
}

impl From<Updates> for GroupUpdates {
    fn from(updates: Updates) -> Self {
        match updates {
            Updates::Patch => Self::Patch,
            Updates::Put => Self::Put,
        }
    }
}
