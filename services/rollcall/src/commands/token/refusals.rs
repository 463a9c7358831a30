//! `rollcall token refusals`.

use std::collections::BTreeMap;

use rollcall_access::ClientId;
use rollcall_tokens::{MOST_ROWS, RefusedReason, RefusedUse};
use serde::Serialize;

use crate::{cli, failure::Failure, installation::Installation, output::Output};

/// What is printed of refused uses that are alike. The names are stable.
#[derive(Serialize)]
pub(in crate::commands) struct Shown {
    last_at: String,
    first_at: String,
    pub(in crate::commands) times: u32,
    reason: String,
    token_id: Option<String>,
    /// The OAuth client that asked for an access token, or whose access token it was.
    client_id: Option<String>,
    address: String,
    agent: String,
    explanation: &'static str,
}

/// What fits on a line of it. What the reasons mean follows below.
#[derive(Serialize)]
struct Brief<'a> {
    last_at: &'a str,
    times: u32,
    reason: &'a str,
    address: &'a str,
    /// The token's or the client's id.
    of: Option<&'a str>,
}

impl<'a> Brief<'a> {
    fn of(shown: &'a Shown) -> Self {
        Self {
            last_at: &shown.last_at,
            times: shown.times,
            reason: &shown.reason,
            address: &shown.address,
            of: shown.token_id.as_deref().or(shown.client_id.as_deref()),
        }
    }
}

impl From<&RefusedUse> for Shown {
    fn from(refused: &RefusedUse) -> Self {
        let explanation = RefusedReason::of_key(&refused.reason).map(RefusedReason::explanation);
        Self {
            last_at: refused.last_at.to_string(),
            first_at: refused.first_at.to_string(),
            times: refused.times,
            reason: refused.reason.clone(),
            token_id: refused.credential.map(|id| id.to_string()),
            client_id: refused.client.map(|id| ClientId(id).to_string()),
            address: refused.address.clone(),
            agent: refused.agent.clone(),
            explanation: explanation.unwrap_or("A newer version of rollcall knows this reason."),
        }
    }
}

pub(super) async fn run(
    directory: &cli::DirectoryChoice,
    since: cli::Since,
    installation: &Installation,
    output: &Output,
) -> Result<(), Failure> {
    let (scope, record) = installation.directory(directory).await?;
    let since = since.moment(installation.clock.now())?;
    let refused = installation.tokens().await?.refusals(&scope, record.id, since, MOST_ROWS).await?;
    let shown: Vec<Shown> = refused.iter().map(Shown::from).collect();
    let brief: Vec<Brief<'_>> = shown.iter().map(Brief::of).collect();
    output.many_brief(&shown, &brief, "Nothing was refused since then.");
    let meanings: BTreeMap<&str, &str> = shown.iter().map(|one| (one.reason.as_str(), one.explanation)).collect();
    for (reason, meaning) in meanings {
        output.say(&format!("{reason}: {meaning}"));
    }
    if shown.len() >= MOST_ROWS as usize {
        output.say("There are earlier ones that are not shown.");
    }
    Ok(())
}
