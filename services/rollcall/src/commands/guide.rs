//! `rollcall guide`.

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
            let now = installation.clock.now();
            let tokens = installation.store.tenant(&scope).credentials(record.id).await?;
            let good = tokens.iter().filter(|token| token.state(now).is_good());
            let last = good.map(|token| token.ends_at()).max();
            let token = last.map_or(TokenState::None, |end| TokenState::Ends(end.to_string()));
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
