//! `rollcall directory change` and `free-key`.

use rollcall_base::{DirectoryId, DirectoryName};
use rollcall_clients::Profile;
use rollcall_store::{ControlError, DirectoryChange, DirectoryRecord, Freed, TenantStore};
use rollcall_tokens::announce_directory;

use super::{Shown, show};
use crate::{cli, failure::Failure, installation::Installation, output::Output};

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
    let (scope, before) = installation.open_directory(&choice).await?;
    let change = DirectoryChange {
        directory_id: directory_id.map(|id| id.to_string()),
        directory_name: directory_name.map(|name| name.to_string()),
        client: client.map(|profile| (profile.kind.to_string(), Some(profile.name.clone()))),
    };
    let (wanted_id, wanted_name) = (change.directory_id.clone(), change.directory_name.clone());
    if change == DirectoryChange::default() {
        return Err(Failure::told(
            "nothing is to be changed: give --client, --new-directory-id or --new-directory-name".to_owned(),
        ));
    }
    let tiers = installation.tiers().await?;
    let tenant = installation.store.tenant(&scope);
    let after = match tenant.change_directory(before.id, change).await {
        Ok(after) => after,
        Err(ControlError::Taken { field }) => {
            let (label, key) = match field {
                "directory_name" => ("Directory Name", &wanted_name),
                _ => ("Directory ID", &wanted_id),
            };
            return Err(taken(label, key.as_deref().unwrap_or_default(), &choice.tenant, &tenant).await);
        }
        Err(other) => return Err(other.into()),
    };
    for record in [&before, &after] {
        let _ = announce_directory(record, &tiers).await;
    }
    show(&Shown::of(&after, installation).await?, output);
    Ok(())
}

/// Whom a name leads to that somebody wants for another directory.
pub(super) async fn taken(label: &str, key: &str, slug: &str, tenant: &TenantStore) -> Failure {
    let holder = tenant.directory_by_key(key).await.ok().flatten();
    let holder =
        holder.map_or_else(|| "another directory".to_owned(), |holder| format!("\"{}\"", holder.directory_name));
    Failure::told(format!(
        "this {label} leads to {holder} of \"{slug}\" (IDs and Names share one name space, in any case; former ones go on \
         leading to their directory until `rollcall directory free-key`); nothing was changed. `rollcall directory list \
         --tenant {slug}` shows all"
    ))
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
                "\"{key}\" does not lead to this directory; `rollcall directory show` lists the former keys that do"
            )));
        }
    }
    // What is remembered of the key is forgotten as that of a directory with this name.
    let _ = announce_directory(&DirectoryRecord { directory_name: key, ..record.clone() }, &tiers).await;
    show(&Shown::of(&record, installation).await?, output);
    Ok(())
}
