//! `rollcall token …`.

use std::{str::FromStr, time::Duration};

use rollcall_access::CredentialRecord;
use rollcall_base::{Id, Timestamp};
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
    label: String,
    state: &'static str,
    created_at: String,
    expires_at: String,
    revoked_at: Option<String>,
}

impl Shown {
    fn of(record: &CredentialRecord, now: Timestamp) -> Self {
        let state = match record.revoked_at {
            Some(_) => "revoked",
            None if record.expires_at <= now => "expired",
            None => "live",
        };
        Self {
            token_id: record.id.to_string(),
            label: record.label.clone(),
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
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn run(command: cli::Token, installation: &Installation, output: &Output) -> Result<(), Failure> {
    match command {
        cli::Token::Issue { directory, expires_in_days, label } => {
            let (scope, record) = installation.directory(&directory).await?;
            let tokens = installation.tokens().await?;
            let issued = tokens.issue(&scope, &record, DAY * expires_in_days, &label).await?;
            output.say("Copy the token now: it is shown this once and cannot be had again.");
            output.one(&Issued {
                token: issued.token.expose().to_owned(),
                token_id: issued.record.id.to_string(),
                base_url: installation.base_url(&record),
                expires_at: issued.record.expires_at.to_string(),
            });
        }
        cli::Token::List(directory) => {
            let (scope, record) = installation.directory(&directory).await?;
            let now = installation.clock.now();
            let credentials = installation.tokens().await?.list(&scope, record.id).await?;
            let shown: Vec<Shown> = credentials.iter().map(|record| Shown::of(record, now)).collect();
            output.many(
                &shown,
                &format!(
                    "The directory has no token yet. Issue one: rollcall token issue --tenant {} --directory {}",
                    directory.tenant, directory.directory
                ),
            );
        }
        cli::Token::Revoke { directory, token_id } => {
            let (scope, record) = installation.directory(&directory).await?;
            let tokens = installation.tokens().await?;
            let unknown = || {
                Failure::told(format!(
                    "the directory has no token \"{token_id}\"; `rollcall token list --tenant {} --directory {}` shows all",
                    directory.tenant, directory.directory
                ))
            };
            let id = Id::from_str(&token_id).map_err(|_| unknown())?;
            if !tokens.list(&scope, record.id).await?.iter().any(|credential| credential.id == id) {
                return Err(unknown());
            }
            tokens.revoke(&scope, id).await?;
            output.one(&Revoked { token_id, revoked: true });
        }
    }
    Ok(())
}
