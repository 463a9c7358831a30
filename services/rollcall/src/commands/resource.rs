//! `rollcall resource …`.

use std::sync::Arc;

use rollcall_access::{DirectoryScope, Write};
use rollcall_base::{Id, marker};
use rollcall_directory::{Lookups, Restorer};
use rollcall_scim::schema::{KindId, Registry};
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
            let scope = scope(&directory, installation).await?;
            deleted(&scope, limit, before.as_deref(), installation, output).await
        }
        cli::Resource::Restore { directory, id } => {
            let scope = scope(&directory, installation).await?;
            restore(&scope, &id, &directory, installation, output).await
        }
    }
}

async fn scope(choice: &cli::DirectoryChoice, installation: &Installation) -> Result<DirectoryScope<Write>, Failure> {
    let (tenant, record) = installation.directory(choice).await?;
    Ok(installation.operator.directory(tenant.tenant(), record.id))
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
        Some(id) => match id.parse() {
            Ok(parsed) => Some(store.deleted_resource(parsed).await?.ok_or_else(|| not_deleted(id))?),
            Err(_) => return Err(not_deleted(id)),
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
        output.say(&format!("There may be earlier ones: --before {}", last.id));
    }
    Ok(())
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
