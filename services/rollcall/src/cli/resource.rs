//! Deleted users and groups, on the command line.

use clap::Subcommand;

use super::DirectoryChoice;

#[derive(Debug, Subcommand)]
pub(crate) enum Resource {
    /// List what was deleted and can be brought back, what was deleted last first
    Deleted {
        #[command(flatten)]
        directory: DirectoryChoice,
        /// How many: 1 to 1000
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Those that were deleted before the one with this id, or before the place that a full list ends with
        #[arg(long, value_name = "ID|PLACE")]
        before: Option<String>,
    },
    /// Bring a deleted user or group back, with its memberships
    Restore {
        #[command(flatten)]
        directory: DirectoryChoice,
        /// Its id, as `deleted` prints it
        #[arg(long, value_name = "ID")]
        id: String,
    },
}
