//! Whose tokens and OAuth clients are meant.

use clap::Args;

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
