//! `rollcall directory change` and `free-key`.

use rollcall_base::{DirectoryId, DirectoryName};
use rollcall_clients::Profile;
use rollcall_store::{ControlError, DirectoryChange, DirectoryRecord, Freed};
use rollcall_tokens::announce_directory;
use serde::Serialize;

use crate::{cli, failure::Failure, installation::Installation, output::Output};

/// What is printed of a directory after a change. The names are stable.
#[derive(Serialize)]
struct Shown {
    tenant: String,
    directory_id: String,
    directory_name: String,
    client: String,
    client_profile: Option<String>,
    base_url: String,
    /// Former IDs and Names that still lead to it.
    former_keys: String,
}

pub(super) async fn change(
    choice: cli::DirectoryChoice,
    client: Option<&'static Profile>,
    directory_id: Option<String>,
    directory_name: Option<String>,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let directory_id = directory_id.map(|text| text.parse::<DirectoryId>()).transpose()?;
    let most = installation.config.limits.directory_name_length;
    let directory_name = directory_name.map(|text| DirectoryName::parse(&text, most)).transpose()?;
    let (scope, before) = installation.directory(&choice).await?;
    let change = DirectoryChange {
        directory_id: directory_id.map(|id| id.to_string()),
        directory_name: directory_name.map(|name| name.to_string()),
        client: client.map(|profile| (profile.kind.to_string(), Some(profile.name.clone()))),
    };
    if change == DirectoryChange::default() {
        return Err(Failure::told(
            "nothing is to be changed: give --client, --new-directory-id or --new-directory-name".to_owned(),
        ));
    }
    let tiers = installation.tiers().await?;
    let tenant = installation.store.tenant(&scope);
    let after = tenant.change_directory(before.id, change).await.map_err(|error| match error {
        ControlError::Taken { field } => {
            let label = if field == "directory_name" { "Directory Name" } else { "Directory ID" };
            Failure::told(format!(
                "this {label} leads to another directory of \"{}\" (former IDs and Names go on leading to theirs until \
                 `rollcall directory free-key`); nothing was changed",
                choice.tenant
            ))
        }
        other => other.into(),
    })?;
    for record in [&before, &after] {
        let _ = announce_directory(record, &tiers).await;
    }
    show(after, &tenant, installation, output).await
}

pub(super) async fn free_key(
    choice: cli::DirectoryChoice,
    key: String,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let (scope, record) = installation.directory(&choice).await?;
    let tiers = installation.tiers().await?;
    let tenant = installation.store.tenant(&scope);
    match tenant.free_key(record.id, &key).await? {
        Freed::Freed => {}
        Freed::InUse => {
            return Err(Failure::told(format!(
                "\"{key}\" is the directory's present ID or Name; give it another one first with `rollcall directory change`"
            )));
        }
        Freed::NotItsOwn => {
            return Err(Failure::told(format!(
                "\"{key}\" does not lead to this directory; `rollcall directory change` and `show` list the keys that do"
            )));
        }
    }
    // What is remembered of the key is forgotten as that of a directory with this name.
    let _ = announce_directory(&DirectoryRecord { directory_name: key, ..record.clone() }, &tiers).await;
    show(record, &tenant, installation, output).await
}

async fn show(
    record: DirectoryRecord,
    tenant: &rollcall_store::TenantStore,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let former_keys = tenant.former_keys(&record).await?.join(" ");
    output.one(&Shown {
        base_url: installation.base_url(&record),
        tenant: record.tenant_slug,
        directory_id: record.directory_id,
        directory_name: record.directory_name,
        client: record.client_kind,
        client_profile: record.client_profile,
        former_keys,
    });
    Ok(())
}
