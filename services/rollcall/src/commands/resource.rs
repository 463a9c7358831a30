//! `rollcall resource …`.

use std::sync::Arc;

use rollcall_access::{DirectoryScope, Life, StepRefused, Write};
use rollcall_base::{Id, Timestamp, marker};
use rollcall_directory::{Lookups, Restorer};
use rollcall_scim::schema::{KindId, Registry, USER};
use rollcall_store::{DeletedResource, Restoration, Restored, TakenName};
use serde::Serialize;

use super::token::refused_within;
use crate::{
    cli,
    failure::Failure,
    installation::{self, Installation},
    output::Output,
};

/// What is printed of a deleted resource. The names are stable.
#[derive(Serialize)]
struct Deleted {
    id: String,
    #[serde(rename = "type")]
    resource_type: String,
    name: Option<String>,
    deleted_at: String,
    restorable_until: String,
}

/// What is printed of one that was brought back.
#[derive(Serialize)]
struct Shown {
    id: String,
    #[serde(rename = "type")]
    resource_type: String,
    name: Option<String>,
    version: i64,
    active: Option<bool>,
    /// The live groups that it is in again.
    groups: usize,
}

pub(super) async fn run(command: cli::Resource, installation: &Installation, output: &Output) -> Result<(), Failure> {
    match command {
        cli::Resource::Deleted { directory, limit, before } => {
            let (scope, _) = scope(&directory, installation).await?;
            deleted(&scope, limit, before.as_deref(), installation, output).await
        }
        cli::Resource::Restore { directory, id } => {
            let (scope, life) = scope(&directory, installation).await?;
            if life.archived {
                return Err(Failure::told(StepRefused::Archived.to_string()));
            }
            restore(&scope, &id, &directory, installation, output).await?;
            if life.frozen {
                output.say("The directory is frozen; this was done all the same.");
            }
            Ok(())
        }
    }
}

async fn scope(
    choice: &cli::DirectoryChoice,
    installation: &Installation,
) -> Result<(DirectoryScope<Write>, Life), Failure> {
    let (tenant, record) = installation.directory(choice).await?;
    Ok((installation.operator.directory(tenant.tenant(), record.id), record.life))
}

fn kind(registry: &Registry, kind: KindId) -> String {
    registry.by_kind(kind).map_or_else(|| format!("type {}", kind.0), |known| known.name.clone())
}

async fn deleted(
    scope: &DirectoryScope<Write>,
    limit: u32,
    before: Option<&str>,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let store = installation.store.directory(scope);
    let after: Option<DeletedResource> = match before {
        None => None,
        Some(text) => match cursor(text) {
            Some(place) => Some(place),
            None => {
                let id = text.parse().map_err(|_| not_deleted(text))?;
                Some(store.deleted_resource(id).await?.ok_or_else(|| not_deleted(text))?)
            }
        },
    };
    let found = store.deleted_resources(after.as_ref(), limit).await?;
    let registry = Registry::standard();
    let shown: Vec<Deleted> = (found.iter())
        .map(|found| Deleted {
            id: found.id.to_string(),
            resource_type: kind(&registry, found.kind),
            name: found.name.clone(),
            deleted_at: found.deleted_at.to_string(),
            restorable_until: found.until.to_string(),
        })
        .collect();
    output.many(&shown, "Nothing that was deleted can be brought back.");
    if let Some(last) = found.last().filter(|_| found.len() as u64 == u64::from(limit)) {
        output.say(&format!("There may be earlier ones: --before {}", cursor_of(last)));
    }
    Ok(())
}

/// The place of a deleted resource in the list, which stays a place when it is brought back or erased: when it was deleted,
/// in microseconds since the Unix epoch, and its id.
fn cursor_of(deleted: &DeletedResource) -> String {
    format!("{},{}", deleted.deleted_at.as_micros(), deleted.id)
}

/// The place that [`cursor_of`] wrote.
fn cursor(text: &str) -> Option<DeletedResource> {
    let (micros, id) = text.split_once(',')?;
    let deleted_at = Timestamp::from_micros(micros.parse().ok()?);
    // Of what the list goes on after, it looks at these two alone.
    Some(DeletedResource { id: id.parse().ok()?, kind: USER, name: None, deleted_at, until: deleted_at })
}

/// Whatever it is that is not there: another directory's, too.
fn not_deleted(id: &str) -> Failure {
    Failure::told(format!(
        "nothing with the id \"{id}\" can be brought back in this directory: it was never there, it is not deleted, or it \
         has been erased; `rollcall resource deleted` lists what can be"
    ))
}

async fn restore(
    scope: &DirectoryScope<Write>,
    id: &str,
    choice: &cli::DirectoryChoice,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let parsed: Id<marker::Resource> = id.parse().map_err(|_| not_deleted(id))?;
    // Before anything is done: what is wrong with the settings is told first.
    let tiers = installation.tiers().await?;
    let limits = installation::tokens_config(&installation.config).cache_limits();
    let lookups = Lookups::new(limits, &tiers, Arc::clone(&installation.entropy));
    let restorer = Restorer::new(installation.store.clone(), Registry::standard(), lookups);
    let request: Id<marker::Audit> = Id::new(installation.clock.now(), &*installation.entropy);
    match restorer.restore(scope, parsed, &request.to_string()).await? {
        None => Err(not_deleted(id)),
        Some(Restoration::Taken(taken)) => Err(is_taken(&taken, id, choice)),
        Some(Restoration::Done(restored)) => {
            let shown = Shown::of(&restored);
            output.one(&shown);
            output.say(&format!(
                "It is there again under its id, in {} of its groups; servers that remember lookups follow within {} \
                 seconds.",
                shown.groups,
                refused_within(&installation.config)
            ));
            Ok(())
        }
    }
}

fn is_taken(taken: &[TakenName], id: &str, choice: &cli::DirectoryChoice) -> Failure {
    let named: Vec<String> =
        taken.iter().map(|name| format!("{} \"{}\" is {}'s", name.attribute, name.value, name.by)).collect();
    Failure::told(format!(
        "\"{id}\" was not brought back, as others have its names now: {}. Rename or delete them at the client, then run it \
         again: rollcall resource restore --tenant {} --directory {} --id {id}",
        named.join(", "),
        choice.tenant,
        choice.directory
    ))
}

impl Shown {
    fn of(Restored { resource, groups, .. }: &Restored) -> Self {
        let document = &resource.document;
        Self {
            id: resource.id.to_string(),
            resource_type: kind(&Registry::standard(), resource.kind),
            name: document.user_name().or(document.display_name()).map(str::to_owned),
            version: resource.version,
            active: document.active(),
            groups: groups.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_among_the_deleted_needs_nobody_to_be_there() {
        let id: Id<marker::Resource> = "0190d1f2-0000-7000-8000-000000000001".parse().unwrap();
        let at = Timestamp::from_micros(1_700_000_000_000_001);
        let last = DeletedResource { id, kind: USER, name: Some("anna".to_owned()), deleted_at: at, until: at };
        assert_eq!(cursor_of(&last), "1700000000000001,0190d1f2-0000-7000-8000-000000000001");
        let read = cursor(&cursor_of(&last)).unwrap();
        assert_eq!((read.id, read.deleted_at), (id, at));
        for text in
            ["", ",", "x", "0190d1f2-0000-7000-8000-000000000001", "x,0190d1f2-0000-7000-8000-000000000001", "1,x"]
        {
            assert_eq!(cursor(text), None, "{text}");
        }
    }
}
