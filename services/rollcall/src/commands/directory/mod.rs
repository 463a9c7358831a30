//! `rollcall directory …`.

mod change;
mod life;
mod policy;
mod quirks;
mod report;
mod sync;

use rollcall_access::{DirectoryPolicies, DirectoryStep, Stage};
use rollcall_base::{DirectoryId, DirectoryName};
use rollcall_clients::{Change, TokenState, Warning};
use rollcall_gateway::guide_values;
use rollcall_scim::schema::{GROUP, USER};
use rollcall_store::{ControlError, DirectoryOverview, DirectoryRecord, NewDirectory, Within};
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
    client_profile: Option<String>,
    /// What it is now: draft, submitted, receiving, synced, frozen, disabled or archived.
    state: String,
    /// How far its setup has come, whatever stands above it.
    stage: String,
    base_url: String,
    /// Former IDs and Names, folded, that still lead to it.
    former_keys: Vec<String>,
    created_at: String,
    users: u64,
    groups: u64,
    /// When the last change was accepted.
    scim_change_timestamp: Option<String>,
    /// When a request with a good token came last, to some seconds.
    last_contact: Option<String>,
    /// From which address.
    last_contact_from: Option<String>,
    /// From which software, as it says.
    last_contact_agent: Option<String>,
    policies: DirectoryPolicies,
}

/// What fits on a line of it.
#[derive(Serialize)]
struct Brief<'a> {
    tenant: &'a str,
    directory_id: &'a str,
    directory_name: &'a str,
    client: &'a str,
    state: &'a str,
    users: u64,
    groups: u64,
    scim_change_timestamp: Option<&'a str>,
    last_contact: Option<&'a str>,
    base_url: &'a str,
}

impl<'a> Brief<'a> {
    fn of(shown: &'a Shown) -> Self {
        Self {
            tenant: &shown.tenant,
            directory_id: &shown.directory_id,
            directory_name: &shown.directory_name,
            client: &shown.client,
            state: &shown.state,
            users: shown.users,
            groups: shown.groups,
            scim_change_timestamp: shown.scim_change_timestamp.as_deref(),
            last_contact: shown.last_contact.as_deref(),
            base_url: &shown.base_url,
        }
    }
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
    async fn of(record: &DirectoryRecord, installation: &Installation) -> Result<Self, Failure> {
        let store = installation.store.tenant(&installation.operator.tenant(record.tenant));
        Ok(Self::new(store.overview(record.id).await?, installation))
    }

    fn new(overview: DirectoryOverview, installation: &Installation) -> Self {
        let DirectoryOverview { record, live, activity, former_keys } = overview;
        let contact = activity.contact.as_ref();
        let count = |kind| live.get(&kind).copied().unwrap_or_default();
        Self {
            base_url: installation.base_url(&record),
            tenant: record.tenant_slug,
            directory_id: record.directory_id,
            directory_name: record.directory_name,
            client: record.client_kind,
            client_profile: record.client_profile,
            state: record.life.state().to_string(),
            stage: record.life.stage.to_string(),
            former_keys,
            created_at: record.created_at.to_string(),
            users: count(USER),
            groups: count(GROUP),
            scim_change_timestamp: activity.last_change_at.map(|at| at.to_string()),
            last_contact: contact.map(|contact| contact.at.to_string()),
            last_contact_from: contact.map(|contact| contact.address.clone()),
            last_contact_agent: contact.map(|contact| contact.agent.clone()).filter(|agent| !agent.is_empty()),
            policies: record.policies,
        }
    }
}

/// For people, of the policies only what is not as usual.
fn text(shown: &Shown) -> String {
    let mut value = serde_json::to_value(shown).unwrap_or_default();
    value["policies"] = policy::unusual(shown.policies).into();
    value["former_keys"] = shown.former_keys.join(" ").into();
    fields(&value)
}

fn show(shown: &Shown, output: &Output) {
    output.whole(shown, || text(shown));
}

pub(super) async fn run(command: cli::Directory, installation: &Installation, output: &Output) -> Result<(), Failure> {
    match command {
        cli::Directory::Create { tenant, client, directory_id, directory_name, as_given, draft } => {
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
                client_profile: Some(client.name.clone()),
                stage: if draft { Stage::Draft } else { Stage::Submitted },
            };
            // Before anything is made: what is wrong with the settings is told first.
            let tiers = installation.tiers().await?;
            let store = installation.store.tenant(&scope);
            let created = match store.create_directory(new).await {
                Ok(created) => created,
                Err(ControlError::Taken { field }) => {
                    let (label, key) = match field {
                        "directory_name" => ("Directory Name", directory_name.to_string()),
                        _ => ("Directory ID", directory_id.to_string()),
                    };
                    return Err(change::taken(label, &key, &tenant, &store).await);
                }
                Err(other) => return Err(other.into()),
            };
            // Only that there is none may be remembered, for a second; servers that listen forget even that.
            let _ = announce_directory(&created, &tiers).await;
            for text in super::client::told(&checked) {
                output.say(&text);
            }
            let notices = client.notices(&guide_values(&installation.public_url, &created, TokenState::None));
            for notice in &notices {
                output.say(&format!("Look again: {notice}"));
            }
            if draft {
                output.say(life::seen(created.life));
            }
            let directory = Shown::of(&created, installation).await?;
            let text = text(&directory);
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
                let overviews = installation.store.tenant(&scope).overviews(Within::Tenant).await?;
                shown.extend(overviews.into_iter().map(|overview| Shown::new(overview, installation)));
            }
            let slug = tenant.as_deref().unwrap_or("TENANT");
            let brief: Vec<Brief<'_>> = shown.iter().map(Brief::of).collect();
            output.many_brief(
                &shown,
                &brief,
                &format!(
                    "There is no directory yet. Add one: rollcall directory create --tenant {slug} --client entra-id \
                     --directory-id ID --directory-name NAME"
                ),
            );
        }
        cli::Directory::Change { directory, client, directory_id, directory_name } => {
            change::change(directory, client, directory_id, directory_name, installation, output).await?;
        }
        cli::Directory::FreeKey { directory, key } => {
            change::free_key(directory, key, installation, output).await?;
        }
        cli::Directory::Report(choice) => report::run(&choice, installation, output).await?,
        cli::Directory::Quirks { directory, days } => {
            quirks::run(&directory, days, installation, output).await?;
        }
        cli::Directory::Show(choice) => {
            let (_, record) = installation.directory(&choice).await?;
            show(&Shown::of(&record, installation).await?, output);
        }
        cli::Directory::Submit(choice) => life::run(&choice, DirectoryStep::Submit, installation, output).await?,
        cli::Directory::Freeze(choice) => life::run(&choice, DirectoryStep::Freeze, installation, output).await?,
        cli::Directory::Thaw(choice) => life::run(&choice, DirectoryStep::Thaw, installation, output).await?,
        cli::Directory::Disable(choice) => life::run(&choice, DirectoryStep::Disable, installation, output).await?,
        cli::Directory::Enable(choice) => life::run(&choice, DirectoryStep::Enable, installation, output).await?,
        cli::Directory::Archive(archive) => life::archive(&archive, installation, output).await?,
        cli::Directory::FullSync(choice) => sync::run(&choice, installation, output).await?,
        cli::Directory::Policy(policy) => policy::run(&policy, installation, output).await?,
    }
    Ok(())
}
