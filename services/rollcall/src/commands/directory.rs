//! `rollcall directory …`.

use rollcall_base::{DirectoryId, DirectoryName};
use rollcall_clients::{Change, TokenState, Warning};
use rollcall_gateway::guide_values;
use rollcall_store::{ControlError, DirectoryRecord, NewDirectory};
use rollcall_tokens::announce_directory;
use serde::Serialize;

use crate::{
    cli,
    failure::Failure,
    installation::Installation,
    output::{Output, fields},
};

/// What is printed of a directory. The names are stable.
#[derive(Serialize)]
struct Shown {
    tenant: String,
    directory_id: String,
    directory_name: String,
    client: String,
    state: String,
    base_url: String,
    created_at: String,
    users: Option<u64>,
    groups: Option<u64>,
}

/// What is printed of a new one.
#[derive(Serialize)]
struct Created {
    #[serde(flatten)]
    directory: Shown,
    changes: Vec<Change>,
    warnings: Vec<Warning>,
    /// What its client will not like about its Base URL.
    notices: Vec<String>,
}

impl Shown {
    async fn of(record: DirectoryRecord, installation: &Installation) -> Result<Self, Failure> {
        let counts = installation.counts(record.id).await?;
        Ok(Self {
            base_url: installation.base_url(&record),
            tenant: record.tenant_slug,
            directory_id: record.directory_id,
            directory_name: record.directory_name,
            client: record.client_kind,
            state: record.state,
            created_at: record.created_at.to_string(),
            users: Some(counts.users),
            groups: Some(counts.groups),
        })
    }
}

pub(super) async fn run(command: cli::Directory, installation: &Installation, output: &Output) -> Result<(), Failure> {
    match command {
        cli::Directory::Create { tenant, client, directory_id, directory_name, as_given } => {
            let most = installation.config.limits.directory_name_length;
            let checked = if as_given {
                client.check_as_given(&directory_id, &directory_name, most)
            } else {
                client.check(&directory_id, &directory_name, most)
            };
            let directory_id: DirectoryId = checked.directory_id.parse()?;
            let directory_name = DirectoryName::parse(&checked.directory_name, most)?;
            let scope = installation.tenant(&tenant).await?;
            let new = NewDirectory {
                client_kind: client.kind.to_string(),
                directory_id: directory_id.to_string(),
                directory_name: directory_name.to_string(),
            };
            // Before anything is made: what is wrong with the settings is told first.
            let tiers = installation.tiers().await?;
            let created = installation.store.tenant(&scope).create_directory(new).await.map_err(|error| match error {
                ControlError::Taken { field } => {
                    let label = if field == "directory_name" { "Directory Name" } else { "Directory ID" };
                    Failure::told(format!(
                        "this {label} is taken by another directory of \"{tenant}\" (IDs and Names share one name space, \
                         in any case); `rollcall directory list --tenant {tenant}` shows all"
                    ))
                }
                other => other.into(),
            })?;
            // Only that there is none may be remembered, for a second; servers that listen forget even that.
            let _ = announce_directory(&created, &tiers).await;
            for text in super::client::told(&checked) {
                output.say(&text);
            }
            let notices = client.notices(&guide_values(&installation.public_url, &created, TokenState::None));
            for notice in &notices {
                output.say(&format!("Look again: {notice}"));
            }
            let directory = Shown::of(created, installation).await?;
            let text = fields(&serde_json::to_value(&directory).unwrap_or_default());
            let created = Created { directory, changes: checked.changes, warnings: checked.warnings, notices };
            output.whole(&created, || text);
        }
        cli::Directory::List { tenant } => {
            let tenants = match &tenant {
                Some(slug) => vec![installation.tenant(slug).await?],
                None => installation.tenants().await?,
            };
            let mut shown = Vec::new();
            for scope in tenants {
                for record in installation.store.tenant(&scope).directories().await? {
                    shown.push(Shown::of(record, installation).await?);
                }
            }
            let slug = tenant.as_deref().unwrap_or("TENANT");
            output.many(
                &shown,
                &format!(
                    "There is no directory yet. Add one: rollcall directory create --tenant {slug} --client entra-id \
                     --directory-id ID --directory-name NAME"
                ),
            );
        }
        cli::Directory::Show(choice) => {
            let (_, record) = installation.directory(&choice).await?;
            output.one(&Shown::of(record, installation).await?);
        }
    }
    Ok(())
}
