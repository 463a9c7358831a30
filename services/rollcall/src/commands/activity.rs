//! What somebody did, as it is printed: a token, or an OAuth client with all of its access tokens.

use rollcall_base::Timestamp;
use rollcall_scim::schema::{KindId, Registry};
use rollcall_tokens::{Activity, ChangeBy, MOST_ROWS, Operation};
use serde::Serialize;
use serde_json::Value;

use super::token::refusals;
use crate::output::{fields, rows};

/// What is printed of what somebody did. The names are stable.
#[derive(Serialize)]
pub(super) struct Done {
    pub(super) since: String,
    pub(super) changes: Changes,
    pub(super) requests: Requests,
    /// Refused uses since then, the latest first: those that are alike in a row.
    pub(super) refused: Vec<refusals::Shown>,
    /// There are more, earlier ones.
    refused_are_cut: bool,
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
    /// With which of a client's access tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Requests {
    /// They are known by whole hours: from when on they are counted.
    since: String,
    /// Those that only looked, in all.
    pub(super) reads: u64,
    /// Those that were to change something, in all.
    writes: u64,
    /// Whether any came from outside the networks, which was only observed.
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
    first_hour: String,
    last_at: String,
}

#[derive(Serialize)]
struct Hour {
    hour: String,
    address: String,
    agent: String,
    outside_networks: bool,
    reads: u64,
    writes: u64,
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

impl Done {
    /// `with_tokens`: whether the changes say with which token.
    pub(super) fn of(activity: Activity, with_tokens: bool) -> Self {
        let registry = Registry::standard();
        let change = |change: ChangeBy| Change {
            at: change.at.to_string(),
            operation: word(change.operation),
            resource_type: kind(&registry, change.kind),
            resource_id: change.resource.to_string(),
            version: change.version,
            request_id: change.request_id,
            token_id: with_tokens.then(|| change.credential.to_string()),
        };
        let is_cut = |rows: usize| rows >= MOST_ROWS as usize;
        let requests = Requests {
            since: hour_of(activity.since).to_string(),
            reads: activity.reads,
            writes: activity.writes,
            from_outside_networks: activity.from_outside,
            places_are_cut: is_cut(activity.places.len()),
            hours_are_cut: is_cut(activity.hours.len()),
            hours: activity.hours.into_iter().map(Hour::from).collect(),
            places: activity.places.into_iter().map(Place::from).collect(),
        };
        Self {
            since: activity.since.to_string(),
            changes: Changes {
                total: activity.changes.total,
                last: activity.changes.last.into_iter().map(change).collect(),
            },
            requests,
            refused_are_cut: is_cut(activity.refused.len()),
            refused: activity.refused.iter().map(refusals::Shown::from).collect(),
        }
    }

    /// What to do about it, if `who` leaked.
    pub(super) fn next_steps(&self, who: &str) -> Vec<String> {
        let mut steps = Vec::new();
        if self.changes.total > 0 {
            steps.push(
                "Go through the changes above, and those from addresses that are not your client's first. What is wrong is put \
                 right by a full sync from the IdP (Entra ID: \"Restart provisioning\"; Okta: \"Force Sync\")."
                    .to_owned(),
            );
        }
        if self.requests.reads > 0 {
            steps.push(format!(
                "Whoever had the {who} could read all users and groups that its scopes allow: consider whom you have to tell."
            ));
        }
        steps
    }

    /// For people: what `who`, a token say, did.
    pub(super) fn text(&self, who: &str, shown: &impl Serialize) -> String {
        let mut text = format!("The {who}\n{}\nWhat it did since {}\n", indented(&fields(&value(shown))), self.since);
        let shown = self.changes.last.len();
        let more =
            if (shown as u64) < self.changes.total { format!(", the last {shown} of them") } else { String::new() };
        text += &format!("\nChanges: {}{more}\n{}", self.changes.total, table(&self.changes.last));
        let outside = if self.requests.from_outside_networks { "; some from outside its networks" } else { "" };
        text += &format!(
            "\nRequests, by whole hours from {} on: {} that looked, {} to change something{outside}\n",
            self.requests.since, self.requests.reads, self.requests.writes
        );
        text += &table(&self.requests.places);
        let more = |is_cut: bool| if is_cut { "  (there are more; ask with another --since)\n" } else { "" };
        text += more(self.requests.places_are_cut);
        text += &format!("\nRequests by the hour\n{}", table(&self.requests.hours));
        text += more(self.requests.hours_are_cut);
        let refused: u64 = self.refused.iter().map(|one| u64::from(one.times)).sum();
        text += &format!("\nRefused uses: {refused}\n{}", table(&self.refused));
        text += more(self.refused_are_cut);
        text
    }
}

/// The hour that `at` is in.
fn hour_of(at: Timestamp) -> Timestamp {
    const HOUR: i64 = 60 * 60 * 1_000_000;
    Timestamp::from_micros(at.as_micros().div_euclid(HOUR) * HOUR)
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
            first_hour: place.first_at.to_string(),
            last_at: place.last_at.to_string(),
        }
    }
}

impl From<rollcall_tokens::PlaceOfUse> for Hour {
    fn from(used: rollcall_tokens::PlaceOfUse) -> Self {
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
