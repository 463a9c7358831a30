//! What a tenant decided and what happened to it, on the command line.

use std::{str::FromStr, time::Duration};

use clap::{Args, Subcommand};
use rollcall_base::Timestamp;

use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Policy {
    /// The tenant's slug
    #[arg(long)]
    pub(crate) tenant: String,
    /// How long a token lives if nobody says otherwise: 1 to 730 [default: 365]
    #[arg(long, value_name = "DAYS")]
    pub(crate) token_days: Option<u32>,
    /// How long one may live at most: 1 to 730 [default: 730]
    #[arg(long, value_name = "DAYS")]
    pub(crate) longest_token_days: Option<u32>,
    /// How long a rotated token goes on after the new one was used first, such as 24h [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) rotation_overlap: Option<Duration>,
    /// How long it goes on at most, such as 30d [default: 30d]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) rotation_deadline: Option<Duration>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List what happened, oldest first: the last lines, or with --after those that follow
    List {
        /// The tenant's slug
        #[arg(long)]
        tenant: String,
        /// A moment (2026-11-21T08:00:00Z) or how long ago it was (7d) [default: the beginning]
        #[arg(long, value_name = "TIME", value_parser = str::parse::<Since>)]
        since: Option<Since>,
        /// Only about this directory: its ID or Name, in any case
        #[arg(long)]
        directory: Option<String>,
        /// How many lines: 1 to 1000
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// The lines after the one with this id or number (seq): of whoever goes on from his last one none is missed
        #[arg(long, value_name = "ID|SEQ", conflicts_with = "before")]
        after: Option<String>,
        /// The lines before the one with this id or number
        #[arg(long, value_name = "ID|SEQ")]
        before: Option<String>,
    },
}

/// From when on something is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Since {
    At(Timestamp),
    Ago(Duration),
}

impl Since {
    /// The moment, if it is `now`.
    ///
    /// # Errors
    /// If it is still to come: nothing was done since then, which would say that all is well.
    pub(crate) fn moment(self, now: Timestamp) -> Result<Timestamp, Failure> {
        match self {
            Self::At(at) if at > now => Err(Failure::told(format!("--since {at} is still to come; it is {now}"))),
            Self::At(at) => Ok(at),
            Self::Ago(span) => {
                let span = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
                Ok(Timestamp::from_micros(now.as_micros().saturating_sub(span).max(0)))
            }
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = Timestamp::parse(text).map(Self::At);
        at.or_else(|_| humantime::parse_duration(text).map(Self::Ago)).map_err(|_| {
            "a moment such as 2026-11-21T08:00:00Z is needed, or how long ago it was, such as 36h or 7d".to_owned()
        })
    }
}
