//! `rollcall token revoke`.

use rollcall_access::ClientId;
use rollcall_tokens::{Revoked as Done, Told};
use serde::Serialize;

use super::{
    Found,
    activity::{self, Report},
    holds, refused_within, unknown,
};
use crate::{cli, commands::credential::show_leaked, failure::Failure, installation::Installation, output::Output};

/// What is printed of a revocation. The names are stable.
#[derive(Serialize)]
pub(super) struct Revoked {
    token_id: String,
    revoked: bool,
    had_been_revoked: bool,
    /// Tokens whose place it was to take: they stay.
    kept: Vec<String>,
    /// Tokens of its directory that are good.
    live_tokens_left: usize,
    /// Whether Redis took the message for the servers that listen to it.
    servers_were_told: bool,
    /// When the last server refuses it, whether or not it was told.
    refused_everywhere_within_seconds: u64,
}

pub(super) async fn run(
    choice: &cli::TokenChoice,
    leaked: bool,
    since: Option<cli::Since>,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let found = Found::by(choice, installation).await?;
    // What is wrong with it is to be known before anything is done.
    let since = since.map(|since| since.moment(installation.clock.now())).transpose()?;
    let tokens = installation.tokens().await?;
    let done = tokens.revoke_as(&found.scope, found.record.id, leaked).await?.ok_or_else(|| unknown(choice))?;
    let statuses = tokens.statuses(&found.scope, found.directory.id).await?;
    let left = statuses.iter().filter(|status| status.state.is_good()).count();
    output.say(&holds(done.told, "refuse the token", &installation.config));
    for id in &done.kept {
        output.say(&format!(
            "The token {id}, whose place it was to take, stays, so that the client is not left without one."
        ));
    }
    let revoked = shown(&found, &done, left, installation);
    if !leaked {
        if left == 0 {
            output.say(&issue_another(&found));
        }
        output.one(&revoked);
        return Ok(());
    }
    let report = activity::report(&found, since, installation).await.map_err(|failure| {
        Failure::told(format!(
            "the token is revoked; what it did cannot be shown: {failure}. Ask again with `rollcall token activity`"
        ))
    })?;
    let next = next_steps(&found, &report, left);
    show_leaked(revoked, &report, &report.text(), next, output);
    Ok(())
}

fn shown(found: &Found, done: &Done, left: usize, installation: &Installation) -> Revoked {
    Revoked {
        token_id: found.record.id.to_string(),
        revoked: true,
        had_been_revoked: done.had_been,
        kept: done.kept.iter().map(ToString::to_string).collect(),
        live_tokens_left: left,
        servers_were_told: done.told == Told::Everywhere,
        refused_everywhere_within_seconds: refused_within(&installation.config),
    }
}

fn issue_another(found: &Found) -> String {
    let (slug, directory) = (&found.directory.tenant_slug, &found.directory.directory_id);
    format!("The directory has no good token left: rollcall token issue --tenant {slug} --directory {directory}")
}

fn next_steps(found: &Found, report: &Report, left: usize) -> Vec<String> {
    let (slug, directory) = (&found.directory.tenant_slug, &found.directory.directory_id);
    let mut steps = Vec::new();
    if let Some(client) = found.record.client {
        steps.push(format!(
            "An OAuth client got this token and can get the next one: rollcall oauth-client revoke --client-id {}; then create \
             another and enter it at the client.",
            ClientId(client)
        ));
    } else if left == 0 {
        steps.push(format!("{}; enter it at the client.", issue_another(found)));
    } else {
        steps.push(format!(
            "The directory has other good tokens ({left}). If the client used this one, give it another: rollcall token \
             issue --tenant {slug} --directory {directory}"
        ));
    }
    steps.extend(report.done.next_steps("token"));
    if found.record.networks.is_none() {
        steps.push("Let the next token be used from the client's addresses alone (--networks).".to_owned());
    }
    steps.push(format!(
        "Watch who still tries: rollcall token refusals --tenant {slug} --directory {directory}; what servers saw in the \
         last seconds comes into this report a little later: rollcall token activity --token-id {}",
        found.record.id
    ));
    steps
}
