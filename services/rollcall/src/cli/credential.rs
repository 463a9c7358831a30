//! What the commands of tokens and of OAuth clients have in common.

use clap::Args;
use rollcall_access::{AllowedNetworks, Networks};

/// Of whoever knows an id alone, this asks nothing; it is a safeguard.
#[derive(Debug, Args)]
pub(crate) struct Owner {
    /// The tenant's slug; if given, it must be this tenant's
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// The Directory ID or Directory Name; if given, it must be this directory's
    #[arg(long, requires = "tenant")]
    pub(crate) directory: Option<String>,
}

/// All of a tenant, or of one directory.
#[derive(Debug, Args)]
pub(crate) struct Listed {
    /// The tenant's slug
    #[arg(long)]
    pub(crate) tenant: String,
    /// The Directory ID or Directory Name, in any case
    #[arg(long)]
    pub(crate) directory: Option<String>,
}

/// Where something may be used from.
#[derive(Debug, Args)]
pub(crate) struct NewNetworks {
    /// From these ranges alone, such as "203.0.113.0/24,2001:db8::/32"
    #[arg(long, value_name = "RANGES", value_parser = str::parse::<Networks>, required_unless_present = "clear")]
    set: Option<Networks>,
    /// Let uses from elsewhere through and note them
    #[arg(long, requires = "set", conflicts_with = "clear")]
    observe: bool,
    /// From anywhere
    #[arg(long, conflicts_with = "set")]
    clear: bool,
}

impl NewNetworks {
    /// None: from anywhere.
    pub(crate) fn allowed(self) -> Option<AllowedNetworks> {
        self.set.map(|networks| AllowedNetworks { networks, observe: self.observe })
    }
}
