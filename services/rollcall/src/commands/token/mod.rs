//! `rollcall token …`.

mod activity;
pub(super) mod refusals;
mod revoke;
mod rotate;
mod shown;

use std::{str::FromStr, time::Duration};

use rollcall_access::{AllowedNetworks, BearerToken, CredentialRecord, Scopes, TenantScope};
use rollcall_base::Id;
use rollcall_runtime::Config;
use rollcall_tokens::{DirectoryRecord, NewToken, TokenStatus, TokensConfig, Told};
use serde::Serialize;

use self::shown::{Brief, Shown};
use super::credential::{Listed, Place, nobody_has, without_secret};
use crate::{cli, failure::Failure, installation::Installation, output::Output};

/// What is printed of a new token. The names are stable.
#[derive(Serialize)]
struct Issued {
    token: String,
    token_id: String,
    base_url: String,
    expires_at: String,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn run(command: cli::Token, installation: &Installation, output: &Output) -> Result<(), Failure> {
    match command {
        cli::Token::Issue { directory, read_only, scopes, networks, observe_networks, expires_in_days, label } => {
            let (scope, record) = installation.open_directory(&directory).await?;
            let tokens = installation.tokens().await?;
            let new = NewToken {
                lifetime: expires_in_days.map(|days| DAY * days),
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
        cli::Token::List(listed) => list(&listed, installation, output).await?,
        cli::Token::Show(choice) => {
            let found = Found::by(&choice, installation).await?;
            output.one(&found.shown(installation).await?);
        }
        cli::Token::Rotate { token, label, expires_in_days } => {
            rotate::rotate(&token, label, expires_in_days, installation, output).await?;
        }
        cli::Token::Keep(token) => rotate::keep(&token, installation, output).await?,
        cli::Token::Networks { token, networks } => {
            let found = Found::by(&token, installation).await?;
            let networks = networks.allowed();
            let tokens = installation.tokens().await?;
            let changed = tokens.set_networks(&found.scope, found.record.id, networks).await?;
            let (_, told) = changed.ok_or_else(|| unknown(&token))?;
            output.say(&holds(told, "take over the change", &installation.config));
            output.one(&found.shown(installation).await?);
        }
        cli::Token::Activity { token, since } => activity::show(&token, since, installation, output).await?,
        cli::Token::Refusals { directory, since } => refusals::run(&directory, since, installation, output).await?,
        cli::Token::Revoke { token, leaked, since } => {
            revoke::run(&token, leaked, since, installation, output).await?;
        }
    }
    Ok(())
}

async fn list(listed: &cli::Listed, installation: &Installation, output: &Output) -> Result<(), Failure> {
    let whose = Listed::of(listed, installation).await?;
    let statuses = installation.tokens().await?.statuses(&whose.scope, whose.within).await?;
    let shown = whose.rows(&statuses, |status| status.record.directory, Shown::of);
    let brief: Vec<Brief<'_>> = shown.iter().map(Brief::of).collect();
    let tenant = &listed.tenant;
    output.many_brief(
        &shown,
        &brief,
        &format!("There is no token yet. Issue one: rollcall token issue --tenant {tenant} --directory DIRECTORY"),
    );
    Ok(())
}

/// A token that was chosen.
struct Found {
    scope: TenantScope,
    directory: DirectoryRecord,
    record: CredentialRecord,
}

impl Found {
    async fn by(choice: &cli::TokenChoice, installation: &Installation) -> Result<Self, Failure> {
        let unknown = || unknown(choice);
        let id = Id::from_str(&choice.token_id).ok().or_else(|| BearerToken::id_in(&choice.token_id));
        let id = id.ok_or_else(unknown)?;
        let record = installation.credential(id).await?.ok_or_else(unknown)?;
        let place = Place::of(record.tenant, record.directory, &choice.owner, installation).await?;
        let Place { scope, directory } = place.ok_or_else(unknown)?;
        Ok(Self { scope, directory, record })
    }

    async fn status(&self, installation: &Installation) -> Result<TokenStatus, Failure> {
        let status = installation.tokens().await?.status(&self.scope, self.record.id).await?;
        status.ok_or_else(|| Failure::told("the token is gone"))
    }

    async fn shown(&self, installation: &Installation) -> Result<Shown, Failure> {
        Ok(Shown::of(&self.status(installation).await?, &self.directory))
    }
}

fn unknown(choice: &cli::TokenChoice) -> Failure {
    let (nobody_has, id) = (nobody_has(&choice.owner), without_secret(&choice.token_id));
    Failure::told(format!("{nobody_has} token {id}; `rollcall token list --tenant TENANT` shows a tenant's"))
}

/// When servers do what was decided here.
pub(in crate::commands) fn holds(told: Told, what: &str, config: &Config) -> String {
    let within = refused_within(config);
    match told {
        Told::Everywhere => format!("Servers that listen to Redis {what} now, any other within {within} seconds."),
        Told::HereOnly => format!("Servers {what} within {within} seconds."),
    }
}

/// The longest that a server which no message reached goes on, in seconds: until it sees that the embedded database has
/// changed, or until what it remembers is over.
pub(in crate::commands) fn refused_within(config: &Config) -> u64 {
    const SEES_A_CHANGE: u64 = 2;
    // The servers may have other settings than this machine, but none may remember for longer than this.
    let longest = TokensConfig::LONGEST_TTL.as_secs();
    if config.database_url().is_embedded() { SEES_A_CHANGE } else { longest }
}
