//! `rollcall oauth-client …`.

mod activity;
mod revoke;

use std::{str::FromStr, time::Duration};

use rollcall_access::{AllowedNetworks, ClientId, OAuthClientRecord, Scopes};
use rollcall_base::{Id, Timestamp};
use rollcall_store::DirectoryRecord;
use rollcall_tokens::{ClientUse, NewClient};
use serde::Serialize;

use super::credential::{Listed, Place, nobody_has, without_secret};
use super::token::holds;
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

/// What fits on a line of it.
#[derive(Serialize)]
struct Brief<'a> {
    client_id: &'a str,
    directory_id: &'a str,
    label: &'a str,
    state: &'a str,
    ends_at: &'a str,
    live_tokens: u64,
    last_token_at: Option<&'a str>,
}

impl<'a> Brief<'a> {
    fn of(shown: &'a Shown) -> Self {
        Self {
            client_id: &shown.client_id,
            directory_id: &shown.directory_id,
            label: &shown.label,
            state: shown.state,
            ends_at: shown.revoked_at.as_deref().unwrap_or(&shown.expires_at),
            live_tokens: shown.live_tokens,
            last_token_at: shown.last_token_at.as_deref(),
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
        cli::OauthClient::List(listed) => list(&listed, installation, output).await?,
        cli::OauthClient::Show(choice) => {
            let (Place { scope, directory }, client) = chosen(&choice, installation).await?;
            let got = installation.tokens().await?.client_use(&scope, client.id).await?;
            output.one(&Whole {
                shown: Shown::of(&client, &directory, got, installation.clock.now()),
                token_endpoint: installation.token_endpoint(),
                base_url: installation.base_url(&directory),
            });
        }
        cli::OauthClient::Networks { client, networks } => {
            let (Place { scope, directory }, found) = chosen(&client, installation).await?;
            let tokens = installation.tokens().await?;
            let changed = tokens.set_client_networks(&scope, found.id, networks.allowed()).await?;
            let (changed, told) = changed.ok_or_else(|| unknown(&client))?;
            output.say(&holds(told, "take over the change", &installation.config));
            let got = tokens.client_use(&scope, changed.id).await?;
            output.one(&Shown::of(&changed, &directory, got, installation.clock.now()));
        }
        cli::OauthClient::Activity { client, since } => activity::show(&client, since, installation, output).await?,
        cli::OauthClient::Revoke { client, leaked, since } => {
            revoke::run(&client, leaked, since, installation, output).await?;
        }
    }
    Ok(())
}

async fn list(listed: &cli::Listed, installation: &Installation, output: &Output) -> Result<(), Failure> {
    let whose = Listed::of(listed, installation).await?;
    let clients = installation.tokens().await?.clients(&whose.scope, whose.within).await?;
    let now = installation.clock.now();
    let row = |(client, got): &(OAuthClientRecord, ClientUse), directory: &DirectoryRecord| {
        Shown::of(client, directory, *got, now)
    };
    let shown = whose.rows(&clients, |(client, _)| client.directory, row);
    let brief: Vec<Brief<'_>> = shown.iter().map(Brief::of).collect();
    let tenant = &listed.tenant;
    output.many_brief(
        &shown,
        &brief,
        &format!(
            "There is no OAuth client yet. Create one: rollcall oauth-client create --tenant {tenant} --directory DIRECTORY"
        ),
    );
    Ok(())
}

fn unknown(choice: &cli::OauthClientChoice) -> Failure {
    let (nobody_has, id) = (nobody_has(&choice.owner), without_secret(&choice.client_id));
    Failure::told(format!(
        "{nobody_has} OAuth client {id}; `rollcall oauth-client list --tenant TENANT` shows a tenant's"
    ))
}

/// The client that was chosen.
async fn chosen(
    choice: &cli::OauthClientChoice,
    installation: &Installation,
) -> Result<(Place, OAuthClientRecord), Failure> {
    let unknown = || unknown(choice);
    let id = choice.client_id.parse::<ClientId>().map(|id| id.0);
    // The database and older log lines have the number itself.
    let id = id.or_else(|_| Id::from_str(&choice.client_id)).map_err(|_| unknown())?;
    let client = installation.oauth_client(id).await?.ok_or_else(unknown)?;
    let place = Place::of(client.tenant, client.directory, &choice.owner, installation).await?;
    Ok((place.ok_or_else(unknown)?, client))
}
