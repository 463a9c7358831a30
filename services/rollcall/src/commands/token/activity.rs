//! `rollcall token activity`, and the report about a token that leaked.

use rollcall_scim::schema::{KindId, Registry};
use rollcall_tokens::{Activity, ChangeBy, MOST_ROWS, Operation};
use serde::Serialize;
use serde_json::Value;

use super::{Found, refusals, shown::Shown};
use crate::{
    cli,
    failure::Failure,
    installation::Installation,
    output::{Output, fields, rows},
};

/// What is printed of what a token did. The names are stable.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) token: Shown,
    pub(super) since: String,
    pub(super) changes: Changes,
    pub(super) requests: Requests,
    /// Its refused uses since then, the latest first.
    pub(super) refused: Vec<refusals::Shown>,
}

#[derive(Serialize)]
pub(super) struct Changes {
    /// All that were made.
    pub(super) total: u64,
    /// The last of them, latest first.
    last: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    at: String,
    operation: &'static str,
    resource_type: String,
    resource_id: String,
    version: i64,
    request_id: String,
}

#[derive(Serialize)]
pub(super) struct Requests {
    /// Those that only looked, in all.
    pub(super) reads: u64,
    /// Those that were to change something, in all.
    writes: u64,
    /// Whether any came from outside the token's networks, which was only observed.
    from_outside_networks: bool,
    /// Where they came from, the latest first.
    places: Vec<Place>,
    /// There are more.
    places_are_cut: bool,
    /// By the hour, oldest first.
    hours: Vec<Hour>,
    /// There are more, later ones.
    hours_are_cut: bool,
}

#[derive(Serialize)]
struct Place {
    address: String,
    agent: String,
    outside_networks: bool,
    reads: u64,
    writes: u64,
    first_at: String,
    last_at: String,
}

#[derive(Serialize)]
struct Hour {
    hour: String,
    address: String,
    agent: String,
    outside_networks: bool,
    reads: u32,
    writes: u32,
}

pub(super) async fn show(
    choice: &cli::TokenChoice,
    since: Option<cli::Since>,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let found = Found::by(choice, installation).await?;
    let report = report(&found, since, installation).await?;
    output.whole(&report, || report.text());
    Ok(())
}

pub(super) async fn report(
    found: &Found,
    since: Option<cli::Since>,
    installation: &Installation,
) -> Result<Report, Failure> {
    let since = since.map(|since| since.moment(installation.clock.now()));
    let activity = installation.tokens().await?.activity(&found.scope, found.record.id, since).await?;
    let activity = activity.ok_or_else(|| Failure::told("the token is gone"))?;
    Ok(Report::of(activity, found))
}

fn kind(registry: &Registry, kind: KindId) -> String {
    registry.by_kind(kind).map_or_else(|| format!("type {}", kind.0), |known| known.name.clone())
}

const fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
        Operation::Restore => "restore",
        Operation::Rename => "rename",
    }
}

impl Report {
    fn of(activity: Activity, found: &Found) -> Self {
        let registry = Registry::standard();
        let change = |change: ChangeBy| Change {
            at: change.at.to_string(),
            operation: word(change.operation),
            resource_type: kind(&registry, change.kind),
            resource_id: change.resource.to_string(),
            version: change.version,
            request_id: change.request_id,
        };
        let is_cut = |rows: usize| rows >= MOST_ROWS as usize;
        let requests = Requests {
            reads: activity.reads,
            writes: activity.writes,
            from_outside_networks: activity.from_outside,
            places_are_cut: is_cut(activity.places.len()),
            hours_are_cut: is_cut(activity.hours.len()),
            hours: activity.hours.into_iter().map(Hour::from).collect(),
            places: activity.places.into_iter().map(Place::from).collect(),
        };
        Self {
            token: Shown::of(&activity.token, &found.directory),
            since: activity.since.to_string(),
            changes: Changes {
                total: activity.changes.total,
                last: activity.changes.last.into_iter().map(change).collect(),
            },
            requests,
            refused: activity.refused.iter().map(refusals::Shown::from).collect(),
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text =
            format!("The token\n{}\nWhat it did since {}\n", indented(&fields(&value(&self.token))), self.since);
        let shown = self.changes.last.len();
        let more =
            if (shown as u64) < self.changes.total { format!(", the last {shown} of them") } else { String::new() };
        text += &format!("\nChanges: {}{more}\n{}", self.changes.total, table(&self.changes.last));
        let outside = if self.requests.from_outside_networks { "; some from outside its networks" } else { "" };
        text += &format!(
            "\nRequests: {} that looked, {} to change something{outside}\n",
            self.requests.reads, self.requests.writes
        );
        text += &table(&self.requests.places);
        let more = |is_cut: bool| if is_cut { "  (there are more; ask with another --since)\n" } else { "" };
        text += more(self.requests.places_are_cut);
        text += &format!("\nRequests by the hour\n{}", table(&self.requests.hours));
        text += more(self.requests.hours_are_cut);
        text += &format!("\nRefused uses: {}\n{}", self.refused.len(), table(&self.refused));
        text
    }
}

fn value(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}

fn table(parts: &[impl Serialize]) -> String {
    indented(&rows(&parts.iter().map(value).collect::<Vec<_>>()))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

impl From<rollcall_tokens::PlaceOfUse> for Place {
    fn from(place: rollcall_tokens::PlaceOfUse) -> Self {
        Self {
            address: place.address,
            agent: place.agent,
            outside_networks: place.outside,
            reads: place.reads,
            writes: place.writes,
            first_at: place.first_at.to_string(),
            last_at: place.last_at.to_string(),
        }
    }
}

impl From<rollcall_tokens::CredentialUse> for Hour {
    fn from(used: rollcall_tokens::CredentialUse) -> Self {
        Self {
            hour: used.first_at.to_string(),
            address: used.address,
            agent: used.agent,
            outside_networks: used.outside,
            reads: used.reads,
            writes: used.writes,
        }
    }
}
