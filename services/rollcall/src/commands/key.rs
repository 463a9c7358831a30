//! `rollcall key …`.

use serde::Serialize;

use crate::{cli, failure::Failure, installation::Installation, output::Output};

/// What is printed of a new data key. The names are stable.
#[derive(Serialize)]
struct Rotated {
    tenant: String,
    data_key: String,
    previous: Option<String>,
    created_at: String,
}

/// What is printed of data keys that were wrapped anew. The names are stable.
#[derive(Serialize)]
struct Rewrapped {
    tenant: String,
    data_keys: usize,
}

pub(super) async fn run(command: cli::Key, installation: &Installation, output: &Output) -> Result<(), Failure> {
    match command {
        cli::Key::Rotate { tenant } => {
            let scope = installation.tenant(&tenant).await?;
            // The way on after a keyring was lost, too: what the old one wrapped stays closed.
            let keyring = installation.keyring_or_new()?;
            let tokens = installation.tokens_with(Some(&keyring)).await?;
            let rotated = tokens.rotate_key(&scope).await?;
            output
                .say("New tokens are made under the new key. Those that there are move over when they are next used.");
            output.one(&Rotated {
                tenant,
                data_key: rotated.data_key.to_string(),
                previous: rotated.previous.map(|id| id.to_string()),
                created_at: rotated.created_at.to_string(),
            });
        }
        cli::Key::Rewrap { tenant } => {
            let scope = installation.tenant(&tenant).await?;
            let data_keys = installation.tokens().await?.rewrap_keys(&scope).await?;
            output.one(&Rewrapped { tenant, data_keys });
        }
    }
    Ok(())
}
