//! Every group by pages, and who is in each.

use std::collections::{HashMap, HashSet};

use futures_util::FutureExt;
use serde_json::Value;

use crate::{
    DifferenceKind, SimulatorError,
    ids::ServerId,
    progress::Counter,
    report::Findings,
    run::{Run, each},
};

/// Groups in a page.
const PAGE: u32 = 200;
/// Group lists are long: so many are held at once.
const MOST_AT_ONCE: usize = 4;

pub(super) async fn differences(run: &Run, counter: &mut Counter<'_>) -> Result<Findings, SimulatorError> {
    let mut found = listed(run, counter).await?;
    let work = (0..run.company.size.groups).map(|team| members(run, team).boxed());
    for of_group in each(work, run.threads.min(MOST_AT_ONCE), || counter.one_more()).await? {
        found.append(of_group);
    }
    Ok(found)
}

/// Which groups there are, under which names.
async fn listed(run: &Run, counter: &mut Counter<'_>) -> Result<Findings, SimulatorError> {
    let mut known: HashMap<&ServerId, (u32, u32)> = HashMap::new();
    let mut names: HashSet<String> = HashSet::new();
    for (team, id) in (0..).zip(&run.group_ids) {
        names.extend([run.company.team(team).name, run.company.team_otherwise(team).name]);
        if let Some(id) = id {
            known.insert(id, (team, 0));
        }
    }
    let mut found = Findings::default();
    run.crawl("/Groups", Some(PAGE), "&excludedAttributes=members", |page| {
        for group in page {
            let id = ServerId::from(group["id"].as_str().unwrap_or_default());
            match known.get_mut(&id) {
                None => stranger(&names, &id, group, &mut found),
                Some((team, times)) => {
                    *times += 1;
                    let wanted = run.company.team(*team).name;
                    if *times > 1 {
                        found.add(DifferenceKind::ListedTwice, || format!("group {id} ({wanted}) stands in two pages"));
                    } else if group["displayName"] != wanted.as_str() {
                        let shown = &group["displayName"];
                        found
                            .add(DifferenceKind::WrongName, || format!("group {id} is called {shown}, not {wanted:?}"));
                    }
                    counter.one_more();
                }
            }
        }
    })
    .await?;
    for (id, (team, _)) in known.into_iter().filter(|(_, (_, times))| *times == 0) {
        let name = run.company.team(team).name;
        found.add(DifferenceKind::GroupMissing, || format!("group {id} ({name}) is in no page of /Groups"));
    }
    for (team, _) in (0..).zip(&run.group_ids).filter(|(_, id)| id.is_none()) {
        let name = run.company.team(team).name;
        found.add(DifferenceKind::GroupMissing, || format!("group {name:?} could not be made"));
    }
    Ok(found)
}

fn stranger(names: &HashSet<String>, id: &ServerId, group: &Value, found: &mut Findings) {
    let name = group["displayName"].as_str().unwrap_or_default();
    if names.contains(name) {
        found.add(DifferenceKind::GroupExtra, || format!("group {id} has a name of this run: {name:?}"));
    }
}

/// Who is in the group, exactly.
async fn members(run: &Run, team: u32) -> Result<Findings, SimulatorError> {
    let mut found = Findings::default();
    let Some(id) = &run.group_ids[team as usize] else { return Ok(found) };
    let shown = match run.membership(id).await {
        Ok(shown) => shown,
        // Told above: it is in no page.
        Err(SimulatorError::Refused { status: 404, .. }) => return Ok(found),
        Err(other) => return Err(other),
    };
    let wanted: HashSet<ServerId> = run.member_ids(team);
    let name = &run.company.team(team).name;
    tell(DifferenceKind::MemberMissing, wanted.difference(&shown), &mut found, |count, example| {
        format!("group {id} ({name}): {count} members are missing, such as {example}")
    });
    tell(DifferenceKind::MemberExtra, shown.difference(&wanted), &mut found, |count, example| {
        format!("group {id} ({name}): {count} members are too many, such as {example}")
    });
    Ok(found)
}

fn tell<'a>(
    kind: DifferenceKind,
    ids: impl Iterator<Item = &'a ServerId>,
    found: &mut Findings,
    sentence: impl FnOnce(u64, &ServerId) -> String,
) {
    let mut ids = ids.peekable();
    let Some(example) = ids.peek().copied() else { return };
    let count = ids.count() as u64;
    found.add_many(kind, count, || sentence(count, example));
}
