//! `rollcall token rotate` and `rollcall token keep`.

use rollcall_tokens::{Renewal, Told};
use serde::Serialize;

use super::{DAY, Found, holds, refused_within};
use crate::{cli, failure::Failure, installation::Installation, output::Output};

/// What is printed of a rotation. The names are stable.
#[derive(Serialize)]
struct Rotated {
    token: String,
    token_id: String,
    base_url: String,
    expires_at: String,
    replaces: String,
    /// Tokens that the old one was to take the place of, and that wait for this one now.
    also_replaces: Vec<String>,
    old_retires_at_the_latest: Option<String>,
    old_retires_after_first_use_seconds: Option<u64>,
}

pub(super) async fn rotate(
    choice: &cli::TokenChoice,
    label: Option<String>,
    expires_in_days: Option<u32>,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let found = Found::by(choice, installation).await?;
    let renewal = Renewal { lifetime: expires_in_days.map(|days| DAY * days), label };
    let rotated = installation.tokens().await?.rotate(&found.scope, found.record.id, renewal).await?;
    let (issued, rotation) = (rotated.issued, rotated.old.rotation);
    output.say("Copy the token now: it is shown this once and cannot be had again.");
    if let Some(rotation) = rotation {
        let overlap = humantime::format_duration(rotation.overlap);
        output.say(&format!(
            "Enter it at the client. The old one goes on until {overlap} after the new one was used first, and no longer than \
             until {}. To keep it: rollcall token keep --token-id {}",
            rotation.retires_at, found.record.id,
        ));
    }
    output.one(&Rotated {
        token: issued.token.expose().to_owned(),
        token_id: issued.record.id.to_string(),
        base_url: installation.base_url(&found.directory),
        expires_at: issued.record.expires_at.to_string(),
        replaces: found.record.id.to_string(),
        also_replaces: rotated.waiting.iter().map(ToString::to_string).collect(),
        old_retires_at_the_latest: rotation.map(|rotation| rotation.retires_at.to_string()),
        old_retires_after_first_use_seconds: rotation.map(|rotation| rotation.overlap.as_secs()),
    });
    Ok(())
}

/// What is printed of a token that stays. The names are stable.
#[derive(Serialize)]
struct Kept {
    token_id: String,
    kept: bool,
    /// The one that was to take its place, which is good, too.
    beside: String,
    expires_at: String,
    servers_were_told: bool,
    holds_everywhere_within_seconds: u64,
}

pub(super) async fn keep(
    choice: &cli::TokenChoice,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let found = Found::by(choice, installation).await?;
    let kept = installation.tokens().await?.keep(&found.scope, found.record.id).await?;
    output.say(&format!(
        "The token stays until it expires. So does the one that was to take its place; if nobody needs it: rollcall token \
         revoke --token-id {}",
        kept.beside
    ));
    output.say(&holds(kept.told, "know it", &installation.config));
    output.one(&Kept {
        token_id: kept.record.id.to_string(),
        kept: true,
        beside: kept.beside.to_string(),
        expires_at: kept.record.expires_at.to_string(),
        servers_were_told: kept.told == Told::Everywhere,
        holds_everywhere_within_seconds: refused_within(&installation.config),
    });
    Ok(())
}
