//! `rollcall oauth-client …`.

mod activity;
mod revoke;

use std::time::Duration;

use rollcall_access::{AllowedNetworks, ClientId, OAuthClientRecord, Scopes, TenantScope};
use rollcall_base::Timestamp;
use rollcall_store::DirectoryRecord;
use rollcall_tokens::{ClientUse, NewClient};
use serde::Serialize;

use crate::{cli, failure::Failure, installation::Installation, output::Output};

/// What is printed of a new OAuth client. The names are stable.
#[derive(Serialize)]
struct Created {
    client_id: String,
    client_secret: String,
    token_endpoint: String,
    base_url: String,
    scopes: String,
    expires_at: String,
}

/// What is printed of an OAuth client later: never its secret.
#[derive(Serialize)]
struct Shown {
    client_id: String,
    directory_id: String,
    label: String,
    scopes: String,
    networks: Option<String>,
    observes_networks: bool,
    state: &'static str,
    created_at: String,
    expires_at: String,
    revoked_at: Option<String>,
    live_tokens: u64,
    last_token_at: Option<String>,
}

impl Shown {
    fn of(record: &OAuthClientRecord, directory: &DirectoryRecord, got: ClientUse, now: Timestamp) -> Self {
        let state = match record.revoked_at {
            Some(_) => "revoked",
            None if record.expires_at <= now => "expired",
            None => "live",
        };
        Self {
            client_id: ClientId(record.id).to_string(),
            directory_id: directory.directory_id.clone(),
            label: record.label.clone(),
            scopes: record.scopes.to_string(),
            networks: record.networks.as_ref().map(|allowed| allowed.networks.to_string()),
            observes_networks: record.networks.as_ref().is_some_and(|allowed| allowed.observe),
            state,
            created_at: record.created_at.to_string(),
            expires_at: record.expires_at.to_string(),
            revoked_at: record.revoked_at.map(|at| at.to_string()),
            live_tokens: got.live_tokens,
            last_token_at: got.last_token_at.map(|at| at.to_string()),
        }
    }
}

/// One client, with where it gets its tokens and where it uses them.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    shown: Shown,
    token_endpoint: String,
    base_url: String,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn run(
    command: cli::OauthClient,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        cli::OauthClient::Create { directory, scopes, networks, observe_networks, expires_in_days, label } => {
            let (scope, record) = installation.open_directory(&directory).await?;
            let new = NewClient {
                lifetime: expires_in_days.map(|days| DAY * days),
                label,
                scopes: scopes.unwrap_or(Scopes::ALL),
                networks: networks.map(|networks| AllowedNetworks { networks, observe: observe_networks }),
            };
            let created = installation.tokens().await?.create_client(&scope, &record, new).await?;
            output.say("Copy the client secret now: it is shown this once and cannot be had again.");
            output.one(&Created {
                client_id: ClientId(created.record.id).to_string(),
                client_secret: created.secret.expose().to_owned(),
                token_endpoint: installation.token_endpoint(),
                base_url: installation.base_url(&record),
                scopes: created.record.scopes.to_string(),
                expires_at: created.record.expires_at.to_string(),
            });
        }
        cli::OauthClient::List { tenant, directory } => list(&tenant, directory, installation, output).await?,
        cli::OauthClient::Show(choice) => {
            let (scope, client, directory) = chosen(&choice, installation).await?;
            let got = installation.tokens().await?.client_use(&scope, client.id).await?;
            output.one(&Whole {
                shown: Shown::of(&client, &directory, got, installation.clock.now()),
                token_endpoint: installation.token_endpoint(),
                base_url: installation.base_url(&directory),
            });
        }
        cli::OauthClient::Activity { client, since } => activity::show(&client, since, installation, output).await?,
        cli::OauthClient::Revoke { client, leaked, since } => {
            revoke::run(&client, leaked, since, installation, output).await?;
        }
    }
    Ok(())
}

async fn list(
    tenant: &str,
    directory: Option<String>,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let (scope, directories) = match directory {
        Some(directory) => {
            let choice = cli::DirectoryChoice { tenant: tenant.to_owned(), directory };
            let (scope, record) = installation.directory(&choice).await?;
            (scope, vec![record])
        }
        None => {
            let scope = installation.tenant(tenant).await?;
            let records = installation.store.tenant(&scope).directories().await?;
            (scope, records)
        }
    };
    let (tokens, now) = (installation.tokens().await?, installation.clock.now());
    let mut shown = Vec::new();
    for directory in &directories {
        for client in tokens.clients(&scope, directory.id).await? {
            let got = tokens.client_use(&scope, client.id).await?;
            shown.push(Shown::of(&client, directory, got, now));
        }
    }
    output.many(
        &shown,
        &format!(
            "There is no OAuth client yet. Create one: rollcall oauth-client create --tenant {tenant} --directory DIRECTORY"
        ),
    );
    Ok(())
}

fn unknown(choice: &cli::OauthClientChoice) -> Failure {
    let place = match (&choice.tenant, &choice.directory) {
        (Some(tenant), Some(directory)) => format!("the directory \"{directory}\" of \"{tenant}\" has"),
        (Some(tenant), None) => format!("the tenant \"{tenant}\" has"),
        (None, _) => "there is".to_owned(),
    };
    Failure::told(format!(
        "{place} no OAuth client \"{}\"; `rollcall oauth-client list --tenant TENANT` shows a tenant's",
        choice.client_id
    ))
}

/// The client that was chosen. Whoever finds one that leaked knows its id and not whose it is: tenant and directory are
/// only a safeguard.
async fn chosen(
    choice: &cli::OauthClientChoice,
    installation: &Installation,
) -> Result<(TenantScope, OAuthClientRecord, DirectoryRecord), Failure> {
    let id: ClientId = choice.client_id.parse().map_err(|_| unknown(choice))?;
    let client = installation.oauth_client(id.0).await?.ok_or_else(|| unknown(choice))?;
    let scope = installation.operator.tenant(client.tenant);
    if let Some(slug) = &choice.tenant {
        let named = installation.tenant(slug).await?;
        if named.tenant() != client.tenant {
            return Err(unknown(choice));
        }
        if let Some(directory) = &choice.directory {
            let named = cli::DirectoryChoice { tenant: slug.clone(), directory: directory.clone() };
            if installation.directory(&named).await?.1.id != client.directory {
                return Err(unknown(choice));
            }
        }
    }
    let directories = installation.store.tenant(&scope).directories().await?;
    let directory = directories.into_iter().find(|directory| directory.id == client.directory);
    Ok((scope, client, directory.ok_or_else(|| unknown(choice))?))
}
