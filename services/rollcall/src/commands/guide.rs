//! `rollcall guide`.

use rollcall_access::{Action, CredentialRecord, OAuthClientRecord, Permission, Scopes, Subject};
use rollcall_base::Timestamp;
use rollcall_clients::{TokenState, Values};
use rollcall_gateway::{guide_values, profile_of_directory};
use rollcall_runtime::Config;

use crate::{
    cli,
    failure::Failure,
    installation::{Installation, known_public_url},
    output::Output,
};

/// Runs it. Without a directory nothing is opened.
pub(super) async fn run(command: cli::Guide, config: Config, output: &Output) -> Result<(), Failure> {
    let cli::Guide { client, tenant, directory } = command;
    let (profile, values) = match tenant.zip(directory) {
        Some((tenant, directory)) => {
            let choice = cli::DirectoryChoice { tenant, directory };
            let installation = Installation::open(config).await?;
            let (scope, record) = installation.directory(&choice).await?;
            let tenant = installation.store.tenant(&scope);
            let tokens = tenant.credentials(record.id).await?;
            let clients = tenant.clients(record.id).await?;
            let token = token_state(&tokens, &clients, installation.clock.now());
            let profile = client.unwrap_or_else(|| profile_of_directory(&record));
            (Some(profile), guide_values(&installation.public_url, &record, token))
        }
        None => (client, Values::examples(known_public_url(&config).as_str())),
    };
    let profile = profile.ok_or_else(|| Failure::told("name a client; `rollcall client list` shows all"))?;
    let guide = profile.guide_for(&values);
    output.whole(&guide, || guide.to_markdown());
    Ok(())
}

/// What the guide says of the directory's tokens: only of those that a provisioning client can use, which changes users. Who
/// reads or looks up has tokens as well.
fn token_state(tokens: &[CredentialRecord], clients: &[OAuthClientRecord], now: Timestamp) -> TokenState {
    let good = tokens.iter().filter(|token| token.state(now).is_good() && writes_users(token.scopes));
    let ends: Vec<Timestamp> = good.map(CredentialRecord::ends_at).collect();
    match (ends.as_slice(), ends.iter().min()) {
        ([end], _) => TokenState::Ends(end.to_string()),
        (several, Some(first)) => TokenState::Several { count: several.len(), first_end: first.to_string() },
        (_, None) => match clients.iter().filter(|client| client.is_live(now) && writes_users(client.scopes)).count() {
            0 => TokenState::None,
            live => TokenState::Clients(live),
        },
    }
}

/// Whether users can be provisioned with these: made and changed.
fn writes_users(scopes: Scopes) -> bool {
    [Action::Create, Action::Update].into_iter().all(|action| scopes.allow(Permission::new(Subject::Users, action)))
}
