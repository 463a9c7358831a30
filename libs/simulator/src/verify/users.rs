//! Every user, by pages.

use std::collections::HashMap;

use serde_json::Value;

use super::compare::compare;
use crate::{DifferenceKind, SimulatorError, ids::ServerId, progress::Counter, report::Findings, run::Run};

/// Users in a page.
const PAGE: u32 = 200;

pub(super) async fn differences(run: &Run, counter: &mut Counter<'_>) -> Result<Findings, SimulatorError> {
    let mut known: HashMap<&ServerId, (u32, u32)> = HashMap::with_capacity(run.user_ids.len());
    for (number, id) in (0..).zip(&run.user_ids) {
        if let Some(id) = id {
            known.insert(id, (number, 0));
        }
    }
    let mut found = Findings::default();
    run.crawl("/Users", Some(PAGE), "&excludedAttributes=groups", |page| {
        for user in page {
            let id = ServerId::from(user["id"].as_str().unwrap_or_default());
            match known.get_mut(&id) {
                None => stranger(run, &id, user, &mut found),
                Some((number, times)) => {
                    *times += 1;
                    if *times == 1 {
                        let what = format!("user {number} ({id})");
                        compare(&what, &run.dialect.expected(&run.person(*number)), user, &mut found);
                        counter.one_more();
                    } else {
                        found.add(DifferenceKind::ListedTwice, || format!("user {number} ({id}) stands in two pages"));
                    }
                }
            }
        }
    })
    .await?;
    let mut missing: Vec<_> = known.into_iter().filter(|(_, (_, times))| *times == 0).collect();
    missing.sort_by_key(|(_, (number, _))| *number);
    for (id, (number, _)) in missing {
        found.add(DifferenceKind::UserMissing, || format!("user {number} ({id}) is in no page of /Users"));
    }
    for (number, id) in (0..).zip(&run.user_ids).filter(|(_, id)| id.is_none()) {
        // Who was deleted has none, and who was refused is told so.
        let deleted = run.deleted.iter().any(|(other, _)| *other == number);
        if id.is_none() && !deleted {
            found.add(DifferenceKind::UserMissing, || format!("user {number} could not be made"));
        }
    }
    Ok(found)
}

/// Somebody whom this run has not made: of no interest, unless the name is one of its own.
fn stranger(run: &Run, id: &ServerId, user: &Value, found: &mut Findings) {
    if run.deleted.iter().any(|(_, deleted)| deleted == id) {
        found.add(DifferenceKind::StillThere, || format!("user {id} was deleted and stands in a page of /Users"));
        return;
    }
    let name = user["userName"].as_str().unwrap_or_default();
    let number = run.company.origin.number_of(name).filter(|number| *number < run.company.people());
    if let Some(number) = number {
        found.add(DifferenceKind::UserExtra, || format!("user {id} has the name {name} and is not user {number}"));
    }
}
