//! `rollcall directory quirks`.

use std::time::Duration;

use rollcall_base::Timestamp;
use rollcall_scim::quirks::Quirk;
use rollcall_store::{ToleratedUse, UNMAPPED};
use serde::Serialize;

use crate::{cli, failure::Failure, installation::Installation, output::Output};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The most that is shown.
const MOST: u32 = 1_000;

/// What is printed of one thing that was tolerated. The names are stable.
#[derive(Serialize)]
struct Shown {
    /// The quirk's name, or `unmapped`.
    what: String,
    /// Of an attribute or extension that no schema has.
    name: Option<String>,
    times: u64,
    last_seen: String,
    meaning: &'static str,
}

impl From<ToleratedUse> for Shown {
    fn from(used: ToleratedUse) -> Self {
        let (what, name, meaning) = match used.what.strip_prefix(UNMAPPED) {
            Some("") => ("unmapped", None, "Further names that no schema has: more than are written down in a day."),
            Some(name) => ("unmapped", Some(name), "A name that the client sends and no schema has."),
            None => {
                let known = Quirk::of_name(&used.what).map(Quirk::meaning);
                (used.what.as_str(), None, known.unwrap_or("A newer version of rollcall knows what this means."))
            }
        };
        Self {
            what: what.to_owned(),
            name: name.map(str::to_owned),
            times: used.times,
            last_seen: used.last_at.to_string(),
            meaning,
        }
    }
}

/// Midnight (UTC) before the first of the last `days` days, of which today is one.
fn since(now: Timestamp, days: u32) -> Timestamp {
    let ago = i64::try_from((DAY * days.saturating_sub(1)).as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.as_micros().saturating_sub(ago))
}

pub(super) async fn run(
    choice: &cli::DirectoryChoice,
    days: u32,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let (scope, record) = installation.directory(choice).await?;
    let since = since(installation.clock.now(), days);
    let uses = installation.store.tenant(&scope).tolerated(record.id, since, MOST).await?;
    let shown: Vec<Shown> = uses.into_iter().map(Shown::from).collect();
    output.many(&shown, "Nothing was tolerated: the client keeps to the RFCs, or has not come.");
    Ok(())
}
