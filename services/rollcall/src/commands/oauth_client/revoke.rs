//! `rollcall oauth-client revoke`.

use rollcall_access::{ClientId, OAuthClientRecord};
use rollcall_store::DirectoryRecord;
use rollcall_tokens::Told;
use serde::Serialize;

use super::{
    activity::{self, Report},
    chosen, unknown,
};
use crate::{
    cli,
    commands::{
        credential::{Place, show_leaked},
        token::{holds, refused_within},
    },
    failure::Failure,
    installation::Installation,
    output::Output,
};

/// What is printed of a revocation. The names are stable.
#[derive(Serialize)]
struct Revoked {
    client_id: String,
    revoked: bool,
    /// Access tokens that were good until now.
    access_tokens_revoked: u64,
    /// Whether Redis took the messages for the servers that listen to it.
    servers_were_told: bool,
    /// When the last server refuses client and tokens, whether or not it was told.
    refused_everywhere_within_seconds: u64,
    had_been_revoked: bool,
}

pub(super) async fn run(
    choice: &cli::OauthClientChoice,
    leaked: bool,
    since: Option<cli::Since>,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let (Place { scope, directory }, client) = chosen(choice, installation).await?;
    // What is wrong with it is to be known before anything is done.
    let since = since.map(|since| since.moment(installation.clock.now())).transpose()?;
    let tokens = installation.tokens().await?;
    let done = tokens.revoke_client_as(&scope, client.id, leaked).await?.ok_or_else(|| unknown(choice))?;
    output.say(&holds(done.told, "refuse the client and its access tokens", &installation.config));
    let revoked = Revoked {
        client_id: ClientId(client.id).to_string(),
        revoked: true,
        access_tokens_revoked: done.tokens,
        servers_were_told: done.told == Told::Everywhere,
        refused_everywhere_within_seconds: refused_within(&installation.config),
        had_been_revoked: done.had_been,
    };
    if !leaked {
        output.one(&revoked);
        return Ok(());
    }
    let report = activity::report(&scope, client.id, &directory, since, installation).await.map_err(|failure| {
        Failure::told(format!(
            "the client is revoked; what it did cannot be shown: {failure}. Ask again with `rollcall oauth-client activity`"
        ))
    })?;
    let next = next_steps(&client, &directory, &report);
    show_leaked(revoked, &report, &report.text(), next, output);
    Ok(())
}

fn next_steps(client: &OAuthClientRecord, directory: &DirectoryRecord, report: &Report) -> Vec<String> {
    let (slug, key) = (&directory.tenant_slug, &directory.directory_id);
    let mut steps = vec![format!(
        "If your identity provider used this client, create another and enter its id and secret there: rollcall oauth-client \
         create --tenant {slug} --directory {key}"
    )];
    steps.extend(report.done.next_steps("client's secret"));
    if client.networks.is_none() {
        steps.push("Let the next client be used from the identity provider's addresses alone (--networks).".to_owned());
    }
    steps.push(format!(
        "Watch who still tries: rollcall token refusals --tenant {slug} --directory {key}; what servers saw in the last seconds \
         comes into this report a little later: rollcall oauth-client activity --client-id {}",
        ClientId(client.id)
    ));
    steps
}
