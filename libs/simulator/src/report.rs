//! What a run did, and what it found.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use crate::{Client, http::Measured};

/// What is wrong, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DifferenceKind {
    /// A user who was sent is not there.
    UserMissing,
    /// A user of this run's names is there a second time.
    UserExtra,
    /// A user's attribute is not what was sent last.
    WrongAttribute,
    /// A leaver is not switched off.
    StillActive,
    /// A user who was deleted is still there.
    StillThere,
    /// A name that was given up still finds somebody.
    OldNameFound,
    /// A resource stands in a list more than once.
    ListedTwice,
    /// A group that was sent is not there.
    GroupMissing,
    /// A group of one of this run's names is there a second time, or under its old name.
    GroupExtra,
    /// A group's name is not what was sent last.
    WrongName,
    /// Somebody is not in a group who should be.
    MemberMissing,
    /// Somebody is in a group who should not be.
    MemberExtra,
    /// The client's import did not show what is there.
    Import,
    /// A request about a single object was refused.
    Refused,
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UserMissing => "users missing",
            Self::UserExtra => "users too many",
            Self::WrongAttribute => "wrong attributes",
            Self::StillActive => "leavers still active",
            Self::StillThere => "deleted users still there",
            Self::OldNameFound => "old names still found",
            Self::ListedTwice => "listed more than once",
            Self::GroupMissing => "groups missing",
            Self::GroupExtra => "groups too many",
            Self::WrongName => "wrong group names",
            Self::MemberMissing => "members missing",
            Self::MemberExtra => "members too many",
            Self::Import => "imports incomplete",
            Self::Refused => "requests refused",
        })
    }
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What sort of thing.
    pub kind: DifferenceKind,
    /// A sentence that names the resource.
    pub detail: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// Differences are counted all, and this many are told in full.
const TOLD: usize = 200;

/// What was found, with a bound on what is held.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    told: Vec<Difference>,
    counts: BTreeMap<DifferenceKind, u64>,
}

impl Findings {
    pub(crate) fn add(&mut self, kind: DifferenceKind, detail: impl FnOnce() -> String) {
        self.add_many(kind, 1, detail);
    }

    /// `count` differences of a kind that are told in one sentence.
    pub(crate) fn add_many(&mut self, kind: DifferenceKind, count: u64, detail: impl FnOnce() -> String) {
        if count == 0 {
            return;
        }
        *self.counts.entry(kind).or_default() += count;
        if self.told.len() < TOLD {
            self.told.push(Difference { kind, detail: detail() });
        }
    }

    pub(crate) fn append(&mut self, other: Self) {
        for (kind, count) in other.counts {
            *self.counts.entry(kind).or_default() += count;
        }
        let room = TOLD.saturating_sub(self.told.len());
        self.told.extend(other.told.into_iter().take(room));
    }

    pub(crate) fn into_parts(self) -> (Vec<Difference>, BTreeMap<DifferenceKind, u64>) {
        (self.told, self.counts)
    }
}

/// What happened in a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Happened {
    /// Users and groups that were not there before the run.
    pub created: usize,
    /// Users and groups that were there and were taken over.
    pub adopted: usize,
    /// Users who joined after the initial cycle.
    pub joined: usize,
    /// Users who changed their job: title, department, boss, groups.
    pub moved: usize,
    /// Users who got another userName, and groups that got another name.
    pub renamed: usize,
    /// Users who left, switched off or deleted as the client does it.
    pub left: usize,
    /// Leavers who were hired again.
    pub returned: usize,
    /// Users who were deleted.
    pub deleted: usize,
    /// Group memberships that were changed after the initial cycle.
    pub membership_changes: usize,
    /// Resources read by the client's own imports.
    pub imported: u64,
}

/// What a run did, and what it found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Whose wire shape was spoken.
    #[serde(serialize_with = "as_text")]
    pub client: Client,
    /// The people's seed.
    pub seed: u64,
    /// Users in the directory at the end, leavers who are kept included.
    pub users: usize,
    /// Groups.
    pub groups: usize,
    /// Memberships at the end, groups in groups included.
    pub memberships: usize,
    /// Steady cycles after the initial one.
    pub cycles: u32,
    /// Requests under way at once.
    pub threads: usize,
    /// What was done.
    #[serde(flatten)]
    pub happened: Happened,
    /// From the first request to the last.
    #[serde(rename = "seconds", serialize_with = "as_seconds")]
    pub time: Duration,
    /// Requests, answers and times.
    #[serde(flatten)]
    pub measured: Measured,
    /// What was read back other than it should be. Empty is success. At most 200 are told.
    pub differences: Vec<Difference>,
    /// How many of each kind there are, told or not.
    pub difference_counts: BTreeMap<DifferenceKind, u64>,
}

fn as_text<S: serde::Serializer>(client: &Client, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(client.as_str())
}

fn as_seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 1_000.0).round() / 1_000.0)
}

impl Report {
    /// How many differences there are, told or not.
    pub fn differences_in_all(&self) -> u64 {
        self.difference_counts.values().sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Happened { created, adopted, joined, moved, renamed, left, returned, deleted, .. } = self.happened;
        let (seconds, requests) = (self.time.as_secs_f64(), self.measured.requests);
        writeln!(
            f,
            "{}: {} users, {} groups, {} memberships; initial cycle: {created} created, {adopted} adopted",
            self.client, self.users, self.groups, self.memberships
        )?;
        writeln!(
            f,
            "{} steady cycles: {joined} joined, {moved} moved, {renamed} renamed, {left} left, {returned} came back, \
             {deleted} deleted, {} membership changes; {} resources imported",
            self.cycles, self.happened.membership_changes, self.happened.imported
        )?;
        let rate = requests as f64 / seconds.max(0.001);
        writeln!(f, "{requests} requests in {seconds:.1} s ({rate:.0}/s), {} repeated", self.measured.retries)?;
        let list = |parts: Vec<String>| parts.join(", ");
        writeln!(
            f,
            "methods: {}; answers: {}",
            list(self.measured.methods.iter().map(|(method, count)| format!("{method} {count}")).collect()),
            list(self.measured.statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect()),
        )?;
        for latency in &self.measured.latencies {
            writeln!(
                f,
                "  {:<22} {:>8}  p50 {:>8.2} ms  p99 {:>8.2} ms  max {:>8.2} ms",
                latency.call, latency.count, latency.p50_ms, latency.p99_ms, latency.max_ms
            )?;
        }
        let all = self.differences_in_all();
        write!(f, "read back with {all} differences")?;
        if all > 0 {
            let kinds = self.difference_counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            write!(f, ": {}", list(kinds))?;
        }
        for difference in &self.differences {
            write!(f, "\n  {difference}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_differences_are_counted_and_some_are_told() {
        let mut findings = Findings::default();
        for number in 0..1_000 {
            findings.add(DifferenceKind::UserMissing, || format!("user {number}"));
        }
        findings.add_many(DifferenceKind::MemberExtra, 0, || unreachable!("nothing to tell"));
        let (told, counts) = findings.into_parts();
        assert_eq!((told.len(), counts[&DifferenceKind::UserMissing]), (TOLD, 1_000));
        assert!(!counts.contains_key(&DifferenceKind::MemberExtra));
    }
}
