//! Single questions: users by id with their groups, deleted users, names that were given up.

use std::collections::BTreeSet;

use futures_util::FutureExt;
use serde_json::Value;

use super::{compare::compare, sample};
use crate::{
    DifferenceKind, SimulatorError,
    http::{Call, filter, literal},
    ids::ServerId,
    progress::Counter,
    report::Findings,
    run::{Run, each},
};

/// Whom to ask for.
pub(super) struct Samples {
    users: Vec<u32>,
    deleted: Vec<(u32, ServerId)>,
    /// Who might be found under a name that is not theirs.
    renamed: Vec<u32>,
}

impl Samples {
    pub(super) fn of(run: &Run) -> Self {
        let people = 0..run.company.people();
        Self {
            users: sample(people.clone().filter(|&number| run.id_of(number).is_some()).collect()),
            deleted: sample(run.deleted.clone()),
            renamed: sample(people.filter(|&number| run.company.may_be_renamed(number, run.cycles)).collect()),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.users.len() + self.deleted.len() + self.renamed.len()
    }

    pub(super) async fn differences(&self, run: &Run, counter: &mut Counter<'_>) -> Result<Findings, SimulatorError> {
        let mut found = Findings::default();
        let users = self.users.clone().into_iter().map(|number| user(run, number).boxed());
        let mut all = each(users, run.threads, || counter.one_more()).await?;
        let deleted = self.deleted.clone().into_iter().map(|(number, id)| deleted(run, number, id).boxed());
        all.extend(each(deleted, run.threads, || counter.one_more()).await?);
        let renamed = self.renamed.clone().into_iter().map(|number| given_up(run, number).boxed());
        all.extend(each(renamed, run.threads, || counter.one_more()).await?);
        for one in all {
            found.append(one);
        }
        Ok(found)
    }
}

async fn user(run: &Run, number: u32) -> Result<Findings, SimulatorError> {
    let mut found = Findings::default();
    let Some(id) = run.id_of(number) else { return Ok(found) };
    let what = format!("user {number} ({id}), asked for by id");
    match run.connection.send(&Call::get(format!("/Users/{id}"))).await {
        Ok(shown) => {
            // Attributes were compared in the list; the same must be said here.
            compare(&what, &run.dialect.expected(&run.person(number)), &shown, &mut found);
            compare_groups(run, number, &what, &shown, &mut found);
        }
        Err(SimulatorError::Refused { status: 404, .. }) => {
            found.add(DifferenceKind::UserMissing, || format!("{what}, is not there"));
        }
        Err(other) => return Err(other),
    }
    Ok(found)
}

/// The groups that the user shows, as far as they are this run's: direct ones, and those that hold them.
fn compare_groups(run: &Run, number: u32, what: &str, user: &Value, found: &mut Findings) {
    let mut teams: BTreeSet<u32> = run.company.teams_of(number, run.company.standing(number)).into_iter().collect();
    let groups = 0..run.company.size.groups;
    teams.extend(
        groups
            .filter(|&team| run.company.child_of(team).is_some_and(|child| teams.contains(&child)))
            .collect::<Vec<_>>(),
    );
    let id = |team: u32| Some(run.group_ids.get(team as usize)?.as_ref()?.clone());
    let ours: BTreeSet<String> = run.group_ids.iter().flatten().map(ServerId::to_string).collect();
    let wanted: BTreeSet<String> = teams.into_iter().filter_map(|team| Some(id(team)?.to_string())).collect();
    let values = user["groups"].as_array().into_iter().flatten().filter_map(|group| group["value"].as_str());
    let shown: BTreeSet<String> = values.map(str::to_owned).filter(|id| ours.contains(id)).collect();
    let (missing, surplus) = (wanted.difference(&shown).count() as u64, shown.difference(&wanted).count() as u64);
    found.add_many(DifferenceKind::MemberMissing, missing, || format!("{what}: {missing} groups are missing"));
    found.add_many(DifferenceKind::MemberExtra, surplus, || format!("{what}: {surplus} groups are too many"));
}

async fn deleted(run: &Run, number: u32, id: ServerId) -> Result<Findings, SimulatorError> {
    let mut found = Findings::default();
    if run.connection.exists(&Call::get(format!("/Users/{id}"))).await? {
        found.add(DifferenceKind::StillThere, || format!("user {number} ({id}) was deleted and is still there"));
    }
    Ok(found)
}

/// The name that the person does not have now finds nobody.
async fn given_up(run: &Run, number: u32) -> Result<Findings, SimulatorError> {
    let mut found = Findings::default();
    let name = run.otherwise(number).user_name;
    let call = Call::get(format!("/Users?{}", filter(&format!("userName eq {}", literal(&name)), "%20")));
    let list = run.connection.send(&call).await?;
    if list["totalResults"] != 0 {
        found
            .add(DifferenceKind::OldNameFound, || format!("user {number} is found by {name}, which is not their name"));
    }
    Ok(found)
}
