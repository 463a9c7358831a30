//! `rollcall token …`.

use clap::{Args, Subcommand};
use rollcall_access::{Networks, Scopes};

use super::{DirectoryChoice, Listed, NewNetworks, Owner, Since};

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
    List(Listed),
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
        #[command(flatten)]
        networks: NewNetworks,
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
    /// As `issue` and `list` print it; or the token, or its beginning (rct_ and the 22 characters after it)
    #[arg(long)]
    pub(crate) token_id: String,
    #[command(flatten)]
    pub(crate) owner: Owner,
}
