//! `rollcall token …`.

use std::{str::FromStr, time::Duration};

use rollcall_access::{AllowedNetworks, CredentialRecord, Scopes};
use rollcall_base::{Id, Timestamp};
use rollcall_runtime::Config;
use rollcall_store::DirectoryRecord;
use rollcall_tokens::{NewToken, TokensConfig, Told};
use serde::Serialize;

use crate::{cli, failure::Failure, installation::Installation, output::Output};

/// What is printed of a new token. The names are stable.
#[derive(Serialize)]
struct Issued {
    token: String,
    token_id: String,
    base_url: String,
    expires_at: String,
}

/// What is printed of a token later: never the token.
#[derive(Serialize)]
struct Shown {
    token_id: String,
    directory_id: String,
    label: String,
    read_only: bool,
    scopes: String,
    networks: Option<String>,
    observes_networks: bool,
    state: &'static str,
    created_at: String,
    expires_at: String,
    revoked_at: Option<String>,
}

impl Shown {
    fn of(record: &CredentialRecord, directory: &DirectoryRecord, now: Timestamp) -> Self {
        let state = match record.revoked_at {
            Some(_) => "revoked",
            None if record.expires_at <= now => "expired",
            None if record.ends_at() <= now => "retired",
            None => "live",
        };
        Self {
            token_id: record.id.to_string(),
            directory_id: directory.directory_id.clone(),
            label: record.label.clone(),
            read_only: Scopes::READ.contain(record.scopes),
            scopes: record.scopes.to_string(),
            networks: record.networks.as_ref().map(|allowed| allowed.networks.to_string()),
            observes_networks: record.networks.as_ref().is_some_and(|allowed| allowed.observe),
            state,
            created_at: record.created_at.to_string(),
            expires_at: record.expires_at.to_string(),
            revoked_at: record.revoked_at.map(|at| at.to_string()),
        }
    }
}

#[derive(Serialize)]
struct Revoked {
    token_id: String,
    revoked: bool,
    /// Whether Redis took the message for the servers that listen to it.
    servers_were_told: bool,
    /// When the last server refuses it, whether or not it was told.
    refused_everywhere_within_seconds: u64,
}

/// The longest that a server which no message reached goes on: until it sees that the embedded database has changed, or
/// until what it remembers is over.
pub(super) fn refused_within(config: &Config) -> u64 {
    const SEES_A_CHANGE: u64 = 2;
    // The servers may have other settings than this machine, but none may remember for longer than this.
    let longest = TokensConfig::LONGEST_TTL.as_secs();
    if config.database_url().is_embedded() { SEES_A_CHANGE } else { longest }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn run(command: cli::Token, installation: &Installation, output: &Output) -> Result<(), Failure> {
    match command {
        cli::Token::Issue { directory, read_only, scopes, networks, observe_networks, expires_in_days, label } => {
            let (scope, record) = installation.directory(&directory).await?;
            let tokens = installation.tokens().await?;
            let new = NewToken {
                lifetime: DAY * expires_in_days,
                label,
                scopes: scopes.unwrap_or(if read_only { Scopes::READ } else { Scopes::ALL }),
                networks: networks.map(|networks| AllowedNetworks { networks, observe: observe_networks }),
            };
            let issued = tokens.issue(&scope, &record, new).await?;
            output.say("Copy the token now: it is shown this once and cannot be had again.");
            output.one(&Issued {
                token: issued.token.expose().to_owned(),
                token_id: issued.record.id.to_string(),
                base_url: installation.base_url(&record),
                expires_at: issued.record.expires_at.to_string(),
            });
        }
        cli::Token::List { tenant, directory } => list(&tenant, directory, installation, output).await?,
        cli::Token::Revoke { token_id, tenant, directory } => {
            let told = revoke(&token_id, tenant, directory, installation).await?;
            let within = refused_within(&installation.config);
            let servers_were_told = told == Told::Everywhere;
            output.say(&if servers_were_told {
                format!("Servers that listen to Redis refuse the token now, any other within {within} seconds.")
            } else {
                format!("Servers refuse the token within {within} seconds.")
            });
            let refused_everywhere_within_seconds = within;
            output.one(&Revoked { token_id, revoked: true, servers_were_told, refused_everywhere_within_seconds });
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
        let credentials = tokens.list(&scope, directory.id).await?;
        shown.extend(credentials.iter().map(|record| Shown::of(record, directory, now)));
    }
    output.many(
        &shown,
        &format!("There is no token yet. Issue one: rollcall token issue --tenant {tenant} --directory DIRECTORY"),
    );
    Ok(())
}

/// Whoever finds a token that leaked knows its id and not whose it is: tenant and directory are only a safeguard.
async fn revoke(
    token_id: &str,
    tenant: Option<String>,
    directory: Option<String>,
    installation: &Installation,
) -> Result<Told, Failure> {
    let unknown = || {
        let place = match (&tenant, &directory) {
            (Some(tenant), Some(directory)) => format!("the directory \"{directory}\" of \"{tenant}\" has"),
            (Some(tenant), None) => format!("the tenant \"{tenant}\" has"),
            (None, _) => "there is".to_owned(),
        };
        Failure::told(format!(
            "{place} no token \"{token_id}\"; `rollcall token list --tenant TENANT` shows a tenant's"
        ))
    };
    let id = Id::from_str(token_id).map_err(|_| unknown())?;
    let credential = installation.credential(id).await?.ok_or_else(unknown)?;
    let scope = installation.operator.tenant(credential.tenant);
    if let Some(slug) = &tenant {
        let named = installation.tenant(slug).await?;
        if named.tenant() != credential.tenant {
            return Err(unknown());
        }
        if let Some(directory) = &directory {
            let choice = cli::DirectoryChoice { tenant: slug.clone(), directory: directory.clone() };
            if installation.directory(&choice).await?.1.id != credential.directory {
                return Err(unknown());
            }
        }
    }
    let told = installation.tokens().await?.revoke(&scope, id).await?.ok_or_else(unknown)?;
    Ok(told)
}
