//! `rollcall oauth-client …`.

use clap::{Args, Subcommand};
use rollcall_access::{Networks, Scopes};

use super::{DirectoryChoice, Listed, NewNetworks, Owner, Since};

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
    List(Listed),
    /// Show one OAuth client
    Show(OauthClientChoice),
    /// Change where an OAuth client and the access tokens that it has may be used from
    Networks {
        #[command(flatten)]
        client: OauthClientChoice,
        #[command(flatten)]
        networks: NewNetworks,
    },
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
    #[command(flatten)]
    pub(crate) owner: Owner,
}
